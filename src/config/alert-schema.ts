import { LIMIT_SCOPES } from "../limit.ts";
import { defaulted, list, object, optional, type ReadOf, Refusal, required, single, type Type } from "./reader.ts";
import { secretReference } from "./secrets.ts";
import { boolean, integer, oneOf, text } from "./values.ts";

/** Where alerts go. It is never quoted back: its path may be what lets whoever knows it in. */
const webhookUrl: Type<string> = single("URL", { type: "string", pattern: "^[Hh][Tt][Tt][Pp]" }, (value) => {
  const url = URL.parse(String(value));
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return new Refusal("must be a whole URL that starts with https://");
  }
  if (url.username !== "" || url.password !== "") return new Refusal("has a name or password in it; alerts are signed");
  return url.href;
});

const alert = object({
  url: required(
    webhookUrl,
    "Where alerts are sent: `https://...`. Nothing but the configuration chooses it, and redirects are not followed.",
  ),
  secret: required(
    secretReference,
    "What alerts are signed with, at least 16 characters: `{ env: NAME }` or `{ file: path }`.",
  ),
  thresholds: defaulted(
    list(integer(1, 1_000), 1, 16),
    [50, 80, 100],
    "Percent of a budget's amount, of what was used for certain, at each of which one alert is sent in a window.",
  ),
  scope: optional(oneOf(LIMIT_SCOPES), "Only of budgets of this scope. Without it of all."),
  name: optional(text(256), "Only of what this tenant, key, persona ... uses. Without it of all."),
  allow_private: defaulted(
    boolean,
    false,
    "Allows a receiver on this machine or in a private network, and plain `http://`. Without it such addresses are refused, when they are connected to as well.",
  ),
});

/** `alerts`. */
export const alerts = list(alert, 0, 32);

/** An entry of `alerts`. */
export type AlertEntry = ReadOf<typeof alert>;
