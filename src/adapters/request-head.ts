import type { ProviderSettings, SettingsProblem } from "./adapter.ts";

/** A path below a base URL, whose query is kept: `https://host/v1?api-version=1` and `/chat` give `https://host/v1/chat?api-version=1`. */
export function joinUrl(baseUrl: string, path: string): URL {
  const url = new URL(baseUrl);
  url.pathname = url.pathname.replace(/\/+$/, "") + path;
  url.hash = "";
  return url;
}

/** Characters of a header's name and of its value (RFC 9110, 5.1 and 5.5). */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Headers that belong to the exchange, not to the operator. */
const OWN: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/** What is wrong with an instance's key and headers: found when it is configured, not at its first call. */
export function checkHeaders({ apiKey, headers }: ProviderSettings): readonly SettingsProblem[] {
  const problems: SettingsProblem[] = [];
  if (apiKey !== undefined && !VALUE.test(apiKey.reveal())) {
    problems.push({ path: ["api_key"], message: "holds a character that no HTTP header takes, such as a line break" });
  }
  for (const [name, value] of Object.entries(headers)) {
    const path = ["headers", name];
    if (!NAME.test(name)) problems.push({ path, message: "is no name of an HTTP header" });
    else if (OWN.has(name.toLowerCase())) problems.push({ path, message: "is set by the platform" });
    else if (!VALUE.test(value.reveal())) {
      problems.push({ path, message: "holds a character that no HTTP header takes, such as a line break" });
    }
  }
  return problems;
}
