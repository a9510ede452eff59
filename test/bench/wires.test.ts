import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { wiresIn } from "../../bench/lib/wires/index.ts";
import { adapterKinds } from "../../src/adapters/index.ts";
import type { ChatEvent } from "../../src/contract/events.ts";
import { userRequest } from "../adapters/openai/rig.ts";
import { attemptInput } from "../adapters/shared/observe.ts";
import { createEmulator } from "../emulators/emulator.ts";
import { outcomeOf } from "../support/compare-chat.ts";
import { testProvider } from "../support/gateway.ts";

const root = join(import.meta.dirname, "..", "..");

test("the bench has a wire for each kind of provider that has one", () => {
  const kinds = adapterKinds.map(({ kind }) => kind).filter((kind) => kind !== "mock");
  expect(wiresIn(root).map(({ name }) => name)).toEqual(expect.arrayContaining(kinds));
});

// Mutant seen red: an answer of the bench without its end marker.
test.each(wiresIn(root))(
  "the answer of the bench is whole on the wire of $name, at the path it is asked for",
  async (wire) => {
    const { opening, pieces, ending } = wire.answer(3);
    const body = Buffer.from(opening + pieces.join("") + ending);
    const emulator = await createEmulator({
      answer: () => ({ headers: { "content-type": "text/event-stream" }, body }),
    });
    const kind = adapterKinds.find((one) => one.kind === wire.name);
    const settings = testProvider({ kind: wire.name, baseUrl: `${emulator.baseUrl}${wire.basePath}` });
    const adapter = kind?.create(settings, { now: () => 0, newId: () => "minted" });
    const events: ChatEvent[] = [];
    for await (const batch of adapter?.chat(attemptInput(userRequest("Hi"), { model: "burst-3" })) ?? []) {
      events.push(...batch);
    }
    const [request] = emulator.requests;
    await adapter?.close();
    await emulator.close();
    const { text, finished, usage } = outcomeOf(events);
    expect({ text, finished, output: usage?.outputTotal }).toEqual({
      text: "The sky looks",
      finished: true,
      output: 3,
    });
    const query = request?.query.size === 0 ? "" : `?${request?.query}`;
    expect(`${request?.path}${query}`).toBe(wire.pathOf("burst-3"));
    expect(body.toString().slice(-2000)).toContain(wire.lastWords);
  },
);
