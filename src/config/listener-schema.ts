import { defaulted, object, optional, type ReadOf, required } from "./reader.ts";
import { boolean, host, integer, text } from "./values.ts";

const tls = object({
  certificate: required(text(4096, "path"), "File with the certificate and its chain, PEM."),
  key: required(text(4096, "path"), "File with the private key, PEM, without a passphrase."),
});

const listenerFields = (port: number) => ({
  host: defaulted(
    host,
    "127.0.0.1",
    "Address to bind. Off loopback it needs keys, and TLS or `tls_terminated_by_proxy`.",
  ),
  port: defaulted(integer(0, 65_535), port, "Port to bind. 0 picks a free one."),
  tls: optional(tls, "Serves TLS. Without it plain text."),
  tls_terminated_by_proxy: defaulted(
    boolean,
    false,
    "Declares that a proxy in front of it ends TLS, so that it may be bound off loopback without a certificate.",
  ),
});

/** A listener with a port by default. */
export const listener = (port: number) => object(listenerFields(port));

/** `admin`. */
export const adminListener = object({
  enabled: defaulted(boolean, true, "False: there is no admin listener."),
  ...listenerFields(8_001),
});

/** What a listener reads to. */
export type ListenerEntry = ReadOf<ReturnType<typeof listener>>;
