import type { ProviderSettings } from "./adapter.ts";

/** In place of what is a secret or looks like one. */
const REDACTED = "[redacted]";

/** A secret of fewer characters may be an everyday word, and counts where it stands alone. */
const MIN_UNIQUE = 8;

/** From this length on, half of a secret is enough to know it by: words are cut, and a key is no less secret for its missing end. */
const MIN_HALVED = 16;

/** What goes on after the half of a secret: characters of keys, and a dot between two of them. */
const REST = String.raw`(?:[\w+/=~%-]|\.(?=\w))*`;

const SCHEME = /^(?:basic|bearer|token|apikey|key)\s+/i;

/**
 * Creates a function that replaces an instance's own key and the values of its headers, in whatever form they look: in any case, percent-encoded,
 * as JSON text, without their scheme, a pair of name and password decoded, and what stands in a header beside other things (cookies).
 */
export function createSecretMask({
  apiKey,
  headers,
}: Pick<ProviderSettings, "apiKey" | "headers">): (text: string) => string {
  const values = [...(apiKey === undefined ? [] : [apiKey]), ...Object.values(headers)].map((value) => value.reveal());
  const forms = new Set(values.flatMap(formsOf).filter((form) => form !== ""));
  if (forms.size === 0) return (text) => text;
  // The longest first: a shorter one may be the beginning of it.
  const patterns = [...forms].sort((one, other) => other.length - one.length).map(patternOf);
  const any = new RegExp(patterns.join("|"), "giu");
  return (text) => text.replace(any, REDACTED);
}

function formsOf(value: string): string[] {
  const bare = value.trim().replace(SCHEME, "");
  const decoded = /^basic\s/i.test(value) ? Buffer.from(bare, "base64").toString("utf8") : "";
  const password = decoded.slice(decoded.indexOf(":") + 1);
  const pieces = bare.split(/[\s,;="']+/).filter((piece) => piece.length >= MIN_UNIQUE);
  return [bare, decoded, password, ...pieces].flatMap((form) => [
    form,
    encodeURIComponent(form.toWellFormed()),
    JSON.stringify(form).slice(1, -1),
    JSON.stringify(form).slice(1, -1).replaceAll("/", "\\/"),
  ]);
}

function patternOf(form: string): string {
  if (form.length < MIN_UNIQUE) return `(?<![\\p{L}\\p{N}])${RegExp.escape(form)}(?![\\p{L}\\p{N}])`;
  if (form.length < MIN_HALVED) return RegExp.escape(form);
  return `${RegExp.escape(form)}|${RegExp.escape(form.slice(0, Math.ceil(form.length / 2)))}${REST}`;
}
