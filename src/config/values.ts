import { isIPv4, isIPv6 } from "node:net";
import { didYouMean } from "./nearest.ts";
import { Refusal, single, type Type, type Wording, type Written } from "./reader.ts";

/** Text of 1 to `max` characters. What was written is never quoted back. */
export function text(max: number, label = "text"): Type<string> {
  const parse = (value: Written): string | Refusal => {
    if (typeof value !== "string") return new Refusal("must be text; put it in quotes");
    return value.length > 0 && value.length <= max ? value : new Refusal(`must have 1 to ${max} characters`);
  };
  return single(label, { type: "string", minLength: 1, maxLength: max }, parse, `1 to ${max} characters`);
}

/** Text that fits a pattern; `rule` says in words what it must be. */
export function pattern(label: string, shape: RegExp, rule: string): Type<string> {
  const json = { type: ["string", "number"], pattern: shape.source };
  return single(label, json, (value, { written }) => {
    return typeof value !== "boolean" && shape.test(written) ? written : new Refusal(`must be ${rule}`);
  });
}

/** Name of a provider instance, persona or key. It has no slash, so that `instance/model` can be told apart. */
export const name = pattern(
  "name",
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/,
  "a name: letters, digits, dots, dashes and underscores, 1 to 128 of them, the first a letter or digit",
);

/** One of some words or numbers. */
export function oneOf<const T extends string | number>(choices: readonly T[]): Type<T> {
  const parse = (value: Written, { written }: Wording): T | Refusal =>
    choices.find((choice) => String(choice) === String(value)) ?? notOneOf(choices.map(String), written);
  return single("word", { enum: choices }, parse, choices.join(", "));
}

/** Refuses what is none of some words, with the nearest of them. */
export function notOneOf(words: readonly string[], written: string): Refusal {
  return new Refusal(`must be one of ${words.join(", ")}; not ${quote(written)}.${didYouMean(written, words)}`);
}

/** `true` or `false`; in a variable also 1 and 0. */
export const boolean: Type<boolean> = single("true or false", { type: "boolean" }, (value, { written, isVariable }) => {
  if (typeof value === "boolean") return value;
  if (isVariable && (value === "true" || value === "1")) return true;
  if (isVariable && (value === "false" || value === "0")) return false;
  return new Refusal(`must be true or false${isVariable ? " (1 or 0)" : ""}, not ${quote(written)}`);
});

/** The whole number that a value is, be it written `1000`, `1e3` or `1000.0`; undefined if it is none, or has lost digits. */
function wholeNumber(value: Written, isVariable: boolean): bigint | undefined {
  if (typeof value === "bigint") return value;
  const isWhole = Number.isSafeInteger(value) || (isVariable && /^-?\d{1,20}$/.test(String(value)));
  return isWhole ? BigInt(value) : undefined;
}

/** A whole number within bounds. */
export function integer(least: number, most: number): Type<number> {
  const parse = (value: Written, { written, isVariable }: Wording): number | Refusal => {
    const number = wholeNumber(value, isVariable);
    if (number !== undefined && number >= least && number <= most) return Number(number);
    return new Refusal(`must be a whole number from ${least} to ${most}, not ${quote(written)}`);
  };
  return single("whole number", { type: "integer", minimum: least, maximum: most }, parse, `${least} to ${most}`);
}

/** A whole number of 64 bits. */
export const integer64: Type<bigint> = single(
  "whole number",
  { type: "integer" },
  (value, { written, isVariable }) => {
    const number = wholeNumber(value, isVariable);
    return number !== undefined && BigInt.asIntN(64, number) === number
      ? number
      : new Refusal(`must be a whole number of at most 64 bits, not ${quote(written)}`);
  },
  "64 bits",
);

/** A number within bounds. `above` excludes the lower bound itself. */
export function decimal(least: number, most: number, above = false): Type<number> {
  const range = `${above ? "above " : ""}${least}${most === Number.POSITIVE_INFINITY ? "" : ` to ${most}`}`;
  const parse = (value: Written, { written, isVariable }: Wording): number | Refusal => {
    const isText = isVariable && /^-?\d+(\.\d+)?$/.test(String(value));
    const number = typeof value === "bigint" || isText ? Number(value) : value;
    const isNumber = typeof number === "number" && Number.isFinite(number);
    const fits = isNumber && number <= most && (above ? number > least : number >= least);
    return fits ? number : new Refusal(`must be a number, ${range}, not ${quote(written)}`);
  };
  const bounds = {
    ...(above ? { exclusiveMinimum: least } : { minimum: least }),
    ...(most === Number.POSITIVE_INFINITY ? {} : { maximum: most }),
  };
  return single("number", { type: "number", ...bounds }, parse, range);
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** A time with its unit (`500ms`, `5s`, `10m`, `1h`), read to milliseconds. `least` and `most` are written the same way. */
export function duration(least: string, most: string): Type<number> {
  return withUnit("duration", UNIT_MS, "500ms, 5s, 10m or 1h", [least, most]);
}

const UNIT_BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** A size with its unit (`64KiB`, `16MiB`, `1GiB`), read to bytes. `least` and `most` are written the same way. */
export function size(least: string, most: string): Type<number> {
  return withUnit("size", UNIT_BYTES, "512KiB, 16MiB or 1GiB", [least, most]);
}

function withUnit(
  label: string,
  units: Readonly<Record<string, number>>,
  examples: string,
  [least, most]: readonly [string, string],
): Type<number> {
  const amount = (written: string): number => {
    const [, digits, unit = ""] = /^(\d{1,12})([A-Za-z]+)$/.exec(written) ?? [];
    return Number(digits) * (Object.hasOwn(units, unit) ? (units[unit] ?? Number.NaN) : Number.NaN);
  };
  const parse = (_: Written, { written }: Wording): number | Refusal => {
    const read = amount(written);
    if (Number.isNaN(read)) {
      return new Refusal(`must be a whole number with a unit, such as ${examples}, not ${quote(written)}`);
    }
    const fits = read >= amount(least) && read <= amount(most);
    return fits ? read : new Refusal(`must be from ${least} to ${most}, not ${quote(written)}`);
  };
  const json = { type: "string", pattern: `^\\d{1,12}(${Object.keys(units).join("|")})$` };
  return single(label, json, parse, `${least} to ${most}`);
}

const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*$/;

/** True for a host name or an IP address. */
export function isHost(written: string): boolean {
  if (isIPv4(written) || isIPv6(written)) return true;
  return HOST_NAME.test(written) && !/^[\d.]+$/.test(written);
}

/** A host name or an IP address, without scheme and port. */
export const host: Type<string> = single("host", { type: "string", minLength: 1 }, (value) => {
  const written = typeof value === "string" ? value : "";
  return isHost(written)
    ? written
    : new Refusal("must be a host name or an IP address alone, without scheme, port or brackets");
});

/** An IP address, or a subnet as `address/bits`. */
export const peers: Type<string> = single("peer", { type: "string", minLength: 1 }, (value) => {
  const written = typeof value === "string" ? value : "";
  const [, address = "", bits] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(written) ?? [];
  const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1;
  return Number(bits ?? 0) <= most ? written : new Refusal("must be an IP address or a subnet such as 10.0.0.0/8");
});

/** Parameters of a query that look like a secret. */
const SECRET_PARAMETER = /key|token|secret|password|sig|^code$/i;

/** A base URL. It is never quoted back: it may hold a password. Slashes at the end of its path are dropped. */
export const baseUrl: Type<string> = single("URL", { type: "string", pattern: "^[Hh][Tt][Tt][Pp]" }, (value) => {
  const url = URL.parse(String(value));
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return new Refusal("must be a whole URL that starts with https:// or http://");
  }
  if (url.username !== "" || url.password !== "") {
    return new Refusal("has a name or password in it; remove it and give the key as api_key: { env: NAME }");
  }
  if ([...url.searchParams.keys()].some((parameter) => SECRET_PARAMETER.test(parameter))) {
    return new Refusal("has a secret in its query; remove it and give the key as api_key: { env: NAME }");
  }
  if (url.hash !== "") return new Refusal("must have no fragment (#)");
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}${url.search}`;
});

/** The origin of a web page, exactly as browsers send it. */
export const origin: Type<string> = single("origin", { type: "string", pattern: "^https?://[^/*]+$" }, (value) => {
  const url = URL.parse(String(value));
  const isOrigin = url !== null && url.origin === value && /^https?:$/.test(url.protocol);
  return isOrigin
    ? url.origin
    : new Refusal(
        "must be an exact origin such as https://app.example or http://localhost:3000: lower case, no path, no wildcard",
      );
});

/** SHA-256 in hex, read to lower case. What was written is never shown: it may be the key itself. */
export const sha256: Type<string> = {
  secret: true,
  ...single("SHA-256", { type: ["string", "number"], pattern: "^[0-9A-Fa-f]{64}$" }, (_, { written }) => {
    const hash = written.toLowerCase();
    if (!/^[0-9a-f]{64}$/.test(hash)) {
      return new Refusal(
        `must be the SHA-256 of the key, 64 hex digits: printf %s "$KEY" | sha256sum. The key itself must not be here`,
      );
    }
    return hash === EMPTY_SHA256 ? new Refusal("is the SHA-256 of nothing; was the key empty?") : hash;
  }),
};

const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** What was written, for values that are no secrets by their nature, and cut in case one came there by mistake. */
function quote(written: string): string {
  return written.length > 24 ? "a text that long" : `"${written}"`;
}
