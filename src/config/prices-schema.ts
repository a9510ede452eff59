import { isInCalendar } from "../calendar.ts";
import { parseUsd } from "../contract/money.ts";
import {
  defaulted,
  list,
  mapping,
  object,
  optional,
  type ReadOf,
  Refusal,
  required,
  single,
  type Type,
} from "./reader.ts";
import { boolean, integer, name, pattern, text } from "./values.ts";

/** Most that a million tokens may cost, and a unit of anything else, in US dollars. Nothing costs that; a slip of the decimal point does. */
const MOST_PER_MILLION = 100_000;
const MOST_PER_UNIT = 10_000;

/** Words that vendors have for their standard tier, or for leaving it to them. */
const STANDARD_TIER = /^(auto|default|standard|unspecified)$/i;

/** An amount of US dollars, kept as it is written. Money has nine digits behind the point, so no more are taken. */
function usd(most: number): Type<string> {
  const rule = `must be US dollars as a plain decimal number such as 0.075, from 0 to ${most}, with at most nine digits behind the point`;
  const json = { type: ["number", "string"], minimum: 0, maximum: most };
  return single("US dollars", json, (_, { written }) => {
    const isPlain = /^\d+(\.\d{1,9})?$/.test(written) && parseUsd(written) !== undefined;
    return isPlain && Number(written) <= most ? written : new Refusal(rule);
  });
}

const day: Type<string> = single("day", { type: "string", format: "date" }, (_, { written }) =>
  /^\d{4}-\d{2}-\d{2}$/.test(written) && isInCalendar(written)
    ? written
    : new Refusal("must be a day of the calendar such as 2026-11-26"),
);

const serviceTier: Type<string> = single("service tier", { type: "string" }, (value, { written }) => {
  if (typeof value !== "string" || value.length > 64)
    return new Refusal("must be the vendor's word for a service tier");
  return STANDARD_TIER.test(written)
    ? new Refusal("names the standard tier, which is meant without the key; remove it")
    : value;
});

const region = pattern(
  "region",
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  "the vendor's word for a region, such as us-east-1",
);

const perMillion = usd(MOST_PER_MILLION);

const rates = object({
  input: required(perMillion, "Text that goes in, and whatever else of the input has no rate of its own."),
  input_cache_read: optional(perMillion, "Input read from a cache. Without it as `input`."),
  input_cache_write_5m: optional(perMillion, "Input written to a cache, for minutes. Without it as `input`."),
  input_cache_write_1h: optional(perMillion, "Input written to a cache for an hour. Without it not known."),
  input_audio: optional(perMillion, "Sound that goes in. Without it not known."),
  input_image: optional(perMillion, "Pictures that go in. Without it as `input`."),
  output: required(perMillion, "Text that comes out."),
  output_reasoning: optional(perMillion, "Reasoning. Without it as `output`."),
  output_audio: optional(perMillion, "Sound that comes out. Without it not known."),
  output_image: optional(perMillion, "Pictures that come out. Without it not known."),
});

const rule = object({
  models: required(
    list(text(256, "model name"), 1),
    "Models it is for, in the vendor's own words. A snapshot costs what its model costs.",
  ),
  from: optional(day, "First day on which it holds, UTC. Without it from the beginning."),
  to: optional(day, "First day on which it holds no more, UTC. Without it until further notice."),
  service_tier: optional(
    serviceTier,
    "The vendor's word for the service tier it is for. Without it the standard tier.",
  ),
  batch: defaulted(boolean, false, "True for the vendor's batch API."),
  region: optional(
    region,
    "The vendor's word for the region it is for. Without it every region that no rule of yours names.",
  ),
  input_over: optional(
    integer(1, 2 ** 32 - 1),
    "It holds where the input, cached tokens included, is more than this many tokens, and then for the whole request.",
  ),
  rates: required(rates, "US dollars per million tokens."),
  extras: defaulted(
    mapping("NAME", text(256, "name"), usd(MOST_PER_UNIT)),
    {},
    "US dollars per unit of what is billed beside tokens, by the name it has in `usage.extras`.",
  ),
  request_fees: defaulted(
    list(text(256, "name")),
    [],
    "Extras of which every request is billed exactly one, the one by default first.",
  ),
  reason: optional(
    text(1024),
    "Why it is not the vendor's list price. `prices verify` then names a difference and does not fail for it.",
  ),
});

const rules = list(rule, 1);

/** What a file of prices may hold. */
export const pricesSchema = object({
  vendors: defaulted(mapping("VENDOR", name, rules), {}, "Prices of a vendor, whichever instance is served by it."),
  instances: defaulted(mapping("INSTANCE", name, rules), {}, "Prices of one provider instance."),
});

/** One rule of the file. */
export type PriceRuleEntry = ReadOf<typeof rule>;
