import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { waitFor } from "../../support/wait.ts";

/** An alert as it came. */
export interface Received {
  readonly id: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: {
    readonly id: string;
    readonly threshold_percent: number;
    readonly budget: Readonly<Record<string, unknown>>;
  };
}

/** A receiver of alerts on a free port. */
export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** What it answers from now on, with where a redirect leads; `undefined`: nothing at all. */
  answer(status: number | undefined, location?: string): void;
  /** Waits for so many alerts in all. */
  wait(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts a receiver that answers 200. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  let status: number | undefined = 200;
  let location: string | undefined;
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const id = String(request.headers["execution-platform-alert-id"]);
    received.push({ id, path: request.url ?? "", headers: request.headers, text: body, body: JSON.parse(body) });
    if (status === undefined) return;
    response.writeHead(status, { connection: "close", ...(location !== undefined && { location }) }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`,
    received,
    answer: (next, to) => {
      status = next;
      location = to;
    },
    wait: async (count) => {
      await waitFor(() => received.length >= count, { what: `${count} alerts` });
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** True if a signature is right, worked out as the documentation has it. */
export function isSigned({ headers, text: body }: Received, secret: string): boolean {
  const [, seconds = "", signature = ""] =
    /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers["execution-platform-signature"])) ?? [];
  return signature === createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
}
