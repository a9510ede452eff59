import { isIP } from "node:net";
import type { AlertSettings } from "../alert.ts";
import { isPrivateAddress } from "../private-address.ts";
import type { AlertEntry } from "./alert-schema.ts";
import type { BuildContext } from "./build-provider.ts";
import { resolveSecret } from "./secrets.ts";

/** One line of anything. */
const ONE_LINE = /^\S+$/;

/** Below it a signature could be guessed. */
const LEAST_SECRET = 16;

/** Builds the receivers of alerts. A receiver that is there twice, plain http to other machines, and a short secret are problems. */
export function buildAlerts(
  entries: readonly AlertEntry[],
  { problem, secrets }: BuildContext,
): readonly AlertSettings[] {
  const seen = new Set<string>();
  return entries.flatMap((entry, index): AlertSettings[] => {
    const path = ["alerts", index] as const;
    const { url, scope, name } = entry;
    if (seen.has(url))
      problem([...path, "url"], "is here a second time; a receiver is told once, of all that is not left out");
    seen.add(url);
    if (url.startsWith("http:") && !entry.allow_private) {
      problem(
        [...path, "url"],
        "must start with https://, unless allow_private says that it is on a network of your own",
      );
    }
    const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0 && isPrivateAddress(host) && !entry.allow_private) {
      problem(
        [...path, "url"],
        "is an address of this machine or of a private network; allow_private lets alerts go there",
      );
    }
    if (entry.secret.from === "inline") {
      problem([...path, "secret"], "must not stand in the file; write { env: NAME } or { file: path }");
      return [];
    }
    const secret = resolveSecret(entry.secret, [...path, "secret"], ONE_LINE, secrets);
    if (secret === undefined) return [];
    if (secret.reveal().length < LEAST_SECRET) {
      problem([...path, "secret"], `must have at least ${LEAST_SECRET} characters`);
    }
    return [
      {
        url,
        secret,
        thresholds: [...new Set(entry.thresholds)].sort((one, other) => one - other),
        ...(scope !== undefined && { scope }),
        ...(name !== undefined && { name }),
        allowPrivate: entry.allow_private,
      },
    ];
  });
}
