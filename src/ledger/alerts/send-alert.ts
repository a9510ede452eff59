import { createHmac } from "node:crypto";
import { lookup as lookUp } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import type { AlertSettings } from "../../alert.ts";
import { isPrivateAddress } from "../../private-address.ts";

/** How an alert is signed: `t=SECONDS,v1=HEX`, HMAC-SHA-256 with the receiver's secret over the seconds, a dot, and the body. */
const SIGNATURE_HEADER = "execution-platform-signature";

/** Carries the alert's id, the same each time it is sent. */
const ID_HEADER = "execution-platform-alert-id";

/** How long a receiver may take to answer. */
const ANSWER_MS = 10_000;

/** Signs a body as of a time, in whole seconds since the epoch. */
function signAlert(secret: string, seconds: number, body: string): string {
  return `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${body}`, "utf8").digest("hex")}`;
}

/** What is sent. */
export interface AlertMessage {
  readonly id: string;
  readonly payload: string;
}

/** Sends alerts over connections of their own. */
export interface AlertSender {
  /** Sends an alert to its receiver. Rejects unless that answers 2xx; redirects are answers like any other. */
  send(to: AlertSettings, message: AlertMessage, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Creates the sender. undici is loaded by the first alert. */
export function createAlertSender(nowMs: () => number): AlertSender {
  type Undici = typeof import("undici");
  let loading:
    | Promise<{ readonly request: Undici["request"]; readonly open: Agents; readonly guarded: Agents }>
    | undefined;
  type Agents = InstanceType<Undici["Agent"]>;
  const load = async () => {
    const { Agent, request } = await import("undici");
    return { request, open: new Agent(), guarded: new Agent({ connect: { lookup: lookUpPublic } }) };
  };
  return {
    send: async ({ url, secret, allowPrivate }, { id, payload }, signal) => {
      const host = new URL(url).hostname.replace(/^\[|\]$/g, "");
      if (!allowPrivate && isIP(host) !== 0 && isPrivateAddress(host)) throw refused(host);
      loading ??= load();
      const { request, open, guarded } = await loading;
      const seconds = Math.floor(nowMs() / 1000);
      const { statusCode, body } = await request(url, {
        dispatcher: allowPrivate ? open : guarded,
        method: "POST",
        headers: {
          "content-type": "application/json",
          "user-agent": "execution-platform",
          [ID_HEADER]: id,
          [SIGNATURE_HEADER]: signAlert(secret.reveal(), seconds, payload),
        },
        body: payload,
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
      });
      await body.dump();
      if (statusCode < 200 || statusCode > 299) throw new Error(`${host} answered ${statusCode}`);
    },
    close: async () => {
      const loaded = await loading;
      await Promise.all([loaded?.open.destroy(), loaded?.guarded.destroy()]);
    },
  };
}

/** Looks a name up, and refuses one of whose addresses any is private: the connection goes to what was looked at, not to what a second look gives. */
const lookUpPublic: LookupFunction = (hostname, options, done) => {
  lookUp(hostname, { ...options, all: true }).then(
    (addresses) => {
      const [first] = addresses;
      const isBad = first === undefined || addresses.some(({ address }) => isPrivateAddress(address));
      if (isBad) done(refused(hostname), "");
      else if (options.all === true) done(null, addresses);
      else done(null, first.address, first.family);
    },
    (thrown: unknown) => done(thrown instanceof Error ? thrown : new Error(String(thrown)), ""),
  );
};

function refused(host: string): NodeJS.ErrnoException {
  return new Error(`${host} is an address of this machine or of a private network; allow_private lets alerts go there`);
}
