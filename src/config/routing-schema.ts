import { defaulted, type ObjectOf, object, optional } from "./reader.ts";
import { boolean, decimal, duration, integer, oneOf } from "./values.ts";

const failures = integer(1, 1_000);
const cooldown = duration("100ms", "1h");
const retries = integer(0, 10);

/** Keys of a provider instance that say what becomes of a call that fails there. */
export const providerRouting = {
  retries: defaulted(
    retries,
    2,
    "Retries of one call at one model, as far as the reason allows any and the instance's retry budget lasts: a tenth of its requests, at least three a second.",
  ),
  breaker: defaulted(
    object({
      failures: defaulted(
        integer(0, 1_000),
        5,
        "Failures of a model in a row after which it is not tried. 0: it is always tried, also while it limits its rate.",
      ),
      cooldown: defaulted(
        cooldown,
        "2s",
        "How long it is not tried; then one call at a time may, until it gets an answer.",
      ),
    }),
    {},
    "The circuit breaker of each model of the instance.",
  ),
};

/** Keys of a persona that say how its calls go through its candidates. */
export const personaRouting = {
  strategy: defaulted(
    oneOf(["ordered", "weighted", "latency", "cost", "sticky"]),
    "ordered",
    "Which candidate is tried first: the first of the list; one at random by `weight`; the better of two at random by time to first content and running calls; the cheapest for this request; or always the same one for an end user or `cache_key`. The others follow.",
  ),
  retries: optional(retries, "Retries of one call at one candidate. Without it as the provider instance says."),
  breaker: optional(
    object({
      failures: optional(failures, "Failures in a row. Without it as the provider instance says."),
      cooldown: optional(cooldown, "Cooldown. Without it as the provider instance says."),
    }),
    "What calls of this persona make of the breakers of its candidates.",
  ),
  hedge: optional(
    object({
      min_delay: defaulted(duration("1ms", "10m"), "100ms", "Shortest wait before a second candidate is started."),
      max_delay: defaulted(duration("1ms", "10m"), "10s", "Longest wait before a second candidate is started."),
      max_usd: defaulted(
        decimal(0, 1_000),
        1,
        "Most that the second candidate may be expected to cost, in USD. One without a price is not started.",
      ),
    }),
    "Starts the next candidate beside one that has not begun to answer within its 95th percentile, and takes whoever answers first. Without it no candidate is started beside another.",
  ),
  continuation: defaulted(
    boolean,
    false,
    "Lets another candidate that takes an assistant prefix go on with a text that breaks off. The stream says so.",
  ),
  fall_back_on_block: defaulted(
    boolean,
    false,
    "Lets a request that one provider's content policy blocks go to the next candidate.",
  ),
};

/** What the keys of a persona read to. */
export type PersonaRoutingEntry = ObjectOf<typeof personaRouting>;
