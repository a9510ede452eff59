import { ChatError, createClient } from "../../../src/client/index.ts";
import { createEmulator, type Emulator } from "../../emulators/emulator.ts";
import { startTestGateway } from "../../support/gateway.ts";
import { loadCase, toExchange } from "../../support/recordings.ts";
import { isObject } from "./json.ts";
import type { BuiltRequest, RecordedSend } from "./recorded-requests.ts";

/**
 * Sends requests through a running gateway over gRPC, each to an instance of its own that the emulator stands behind, and returns what the
 * emulator received, in the order of `sends`. The recorded answers come back, errors among them; only the way there is looked at. Throws if a
 * request arrived not once.
 */
export async function sendThroughGateway(sends: readonly RecordedSend[]): Promise<BuiltRequest[]> {
  const emulator = await createEmulator({
    answer: ({ path }) => {
      const send = sends[Number(/^\/case-(\d+)\//.exec(path)?.[1])];
      if (send === undefined) throw new Error(`nothing was recorded for ${path}`);
      return toExchange(loadCase(send.row), { kind: "whole" });
    },
  });
  const providers = sends.map(({ settings }, index) => ({
    ...settings,
    name: `case-${index}`,
    baseUrl: `${emulator.baseUrl}/case-${index}`,
  }));
  const gateway = await startTestGateway({ providers });
  const client = createClient({ baseUrl: gateway.grpcUrl });
  try {
    for (const [index, { request, model }] of sends.entries()) {
      const { $typeName: _, ...fields } = request;
      await settled(client.chat({ ...fields, provider: `case-${index}`, model }).collect());
    }
    return sends.map(({ row }, index) => received(emulator, index, row.id));
  } finally {
    client.close();
    await gateway.stop();
    await emulator.close();
  }
}

/** Recorded failures fail here too. */
async function settled(answer: Promise<unknown>): Promise<void> {
  try {
    await answer;
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
  }
}

function received({ requests }: Emulator, index: number, id: string): BuiltRequest {
  const root = `/case-${index}`;
  const [first, ...others] = requests.filter(({ path }) => path.startsWith(`${root}/`));
  if (first === undefined || others.length > 0)
    throw new Error(`${id} arrived ${others.length + (first ? 1 : 0)} times`);
  if (!isObject(first.json)) throw new Error(`${id} arrived without a JSON body`);
  const query = first.query.size === 0 ? "" : `?${first.query}`;
  return { path: first.path.slice(root.length) + query, body: first.json };
}
