import { defaulted, list, object, optional } from "./reader.ts";
import { duration, integer, peers, size } from "./values.ts";

/** The section `limits` of the file: what protects the process. */
export const limits = object({
  max_chat_size: defaulted(size("1KiB", "1GiB"), "16MiB", "Largest ChatRequest, serialized."),
  max_message_size: defaulted(size("1KiB", "1GiB"), "1MiB", "Largest request of any other RPC, serialized."),
  max_in_flight_size: defaulted(
    size("1KiB", "1024GiB"),
    "256MiB",
    "Request bytes the process holds at once, over all calls. Beyond it calls are refused as OVERLOADED.",
  ),
  max_calls: defaulted(
    integer(1, 1_000_000),
    10_000,
    "Calls that stream or spend (`Chat`, `Resume`, `Embed`) that the process runs at once. Beyond it they are refused as OVERLOADED.",
  ),
  max_calls_per_key: optional(
    integer(1, 1_000_000),
    "The same for each API key; callers without one are one key. Without it a key may run all of `max_calls`.",
  ),
  max_event_loop_lag: defaulted(
    duration("10ms", "1h"),
    "1s",
    "How late the event loop may be, as the median of its last five samples (one every 100 ms), before calls that spend are refused as OVERLOADED. They are let in again at half of it.",
  ),
  max_memory: optional(
    size("64MiB", "1024GiB"),
    "Memory the process may have, resident. At 90 % of it, or of the JavaScript heap's limit, calls that spend are refused as OVERLOADED, and let in again at 80 %. Without it the container's limit, if there is one.",
  ),
  max_streams_per_connection: defaulted(
    integer(1, 100_000),
    1000,
    "Streams an HTTP/2 connection may have open. A service usually has one connection for all of its calls.",
  ),
  max_connections: defaulted(
    integer(1, 1_000_000),
    4096,
    "Connections each listener has at once. Beyond it new ones are dropped.",
  ),
  max_connections_per_peer: defaulted(
    integer(1, 1_000_000),
    1024,
    "Connections each listener has at once from one address (of IPv6: from one /64).",
  ),
  trusted_peers: defaulted(
    list(peers),
    [],
    "Addresses and subnets that stand for many callers, such as a proxy in front: they are never locked out, and have as many connections as there are.",
  ),
  lock_out: defaulted(
    duration("0s", "1h"),
    "10s",
    "How long an address that floods a listener cannot open connections to it. `0s` only ends the connections that flood.",
  ),
  header_timeout: defaulted(
    duration("10ms", "10m"),
    "10s",
    "From a connection to its first bytes (with TLS: to the handshake), and from a request's first byte to the end of its headers.",
  ),
  body_timeout: defaulted(
    duration("10ms", "1h"),
    "60s",
    "From the end of a request's headers to the end of its body. A body that comes with at least 16 KiB a second may take longer.",
  ),
  stall_timeout: defaulted(
    duration("10ms", "1h"),
    "60s",
    "How long a caller may take nothing of an answer that waits for it.",
  ),
  default_deadline: defaulted(duration("1ms", "24h"), "10m", "Deadline of a call that brings none."),
  max_deadline: defaulted(duration("1ms", "24h"), "1h", "Longest deadline; a longer one is cut to it."),
  drain: defaulted(duration("0s", "1h"), "30s", "How long a shutdown waits for running calls."),
});
