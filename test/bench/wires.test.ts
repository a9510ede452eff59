import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { wiresIn } from "../../bench/lib/wires/index.ts";
import type { BenchWire } from "../../bench/lib/wires/wire.ts";
import { adapterKinds } from "../../src/adapters/index.ts";
import type { ChatEvent } from "../../src/contract/events.ts";
import { userRequest } from "../adapters/openai/rig.ts";
import { attemptInput } from "../adapters/shared/observe.ts";
import { createEmulator } from "../emulators/emulator.ts";
import { outcomeOf } from "../support/compare-chat.ts";
import { testProvider } from "../support/gateway.ts";

const root = join(import.meta.dirname, "..", "..");

/** What the adapter of a wire makes of an answer of the bench, and what it asked for. */
async function readAnswer({ name, basePath, answer }: BenchWire, chunks: number) {
  const { opening, pieces, ending } = answer(chunks);
  const body = Buffer.from(opening + pieces.join("") + ending);
  const emulator = await createEmulator({ answer: () => ({ headers: { "content-type": "text/event-stream" }, body }) });
  const kind = adapterKinds.find((one) => one.kind === name);
  const settings = testProvider({ kind: name, baseUrl: emulator.baseUrl + basePath });
  const adapter = kind?.create(settings, { now: () => 0, newId: () => "minted" });
  const events: ChatEvent[] = [];
  try {
    const input = attemptInput(userRequest("Hi"), { model: `burst-${chunks}` });
    for await (const batch of adapter?.chat(input) ?? []) events.push(...batch);
    const [request] = emulator.requests;
    const query = request?.query.size === 0 ? "" : `?${request?.query}`;
    return { outcome: outcomeOf(events), asked: `${request?.path}${query}`, text: body.toString() };
  } finally {
    await adapter?.close();
    await emulator.close();
  }
}

// Mutant seen red: an answer of the bench without its finish reason and end marker.
test.each(wiresIn(root))("the answer of the bench is whole on the wire of $name, at the path it asks", async (wire) => {
  const { outcome, asked, text } = await readAnswer(wire, 3);
  expect(outcome).toMatchObject({ text: "The sky looks", finished: true, usage: { outputTotal: 3 } });
  expect(asked).toBe(wire.pathOf("burst-3"));
  expect(text.slice(-2000)).toContain(wire.lastWords);
});
