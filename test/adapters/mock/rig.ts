import { create } from "@bufbuild/protobuf";
import type { Adapter, ModelSettings, ProviderSettings } from "../../../src/adapters/adapter.ts";
import { createMockKind } from "../../../src/adapters/mock/index.ts";
import { type Pause, pauseByTimers } from "../../../src/adapters/mock/pause.ts";
import { type ChatRequest, ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import type { AdapterRig } from "../shared-suite.ts";

/** Settings of a mock instance without any configuration of its own. */
export function mockSettings(changes: Partial<ProviderSettings> = {}): ProviderSettings {
  return {
    name: "pretend",
    kind: "mock",
    headers: {},
    transport: "native",
    timeouts: { connectMs: 1_000, headersMs: 60_000, idleMs: 60_000 },
    models: {},
    quirks: {},
    ...changes,
  };
}

/** One configured model. */
export function mockModel(id: string, changes: Partial<ModelSettings> = {}): ModelSettings {
  return { id, capabilities: [], quirks: {}, ...changes };
}

/** A mock adapter whose minted ids are `minted 1`, `minted 2` ... */
export function createMock(changes: Partial<ProviderSettings> = {}, pause: Pause = pauseByTimers): Adapter {
  let minted = 0;
  const newId = (): string => {
    minted += 1;
    return `minted ${minted}`;
  };
  return createMockKind({ pause }).create(mockSettings(changes), { now: () => 0, newId });
}

/** A request whose only message is a user's text. */
export function userRequest(text: string): ChatRequest {
  return create(ChatRequestSchema, {
    messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text } } }] }],
  });
}

/** A request that brings a script, in its full or in its short form. */
export function scriptedRequest(script: readonly unknown[]): ChatRequest {
  const request = userRequest("Play the script.");
  request.providerOptionsJson = { mock: JSON.stringify({ script }) };
  return request;
}

/** A mock whose pauses are counted: each is a read, and those that have not ended are what it holds open. Scripted delays take no time. */
export async function createMockRig(): Promise<AdapterRig> {
  let reads = 0;
  let open = 0;
  const pause: Pause = async (delayMs, signal) => {
    reads += 1;
    open += 1;
    try {
      await pauseByTimers(Number.isFinite(delayMs) && delayMs < 1_000 ? 0 : delayMs, signal);
    } finally {
      open -= 1;
    }
  };
  const adapter = createMock({}, pause);
  return {
    adapter,
    model: "mock",
    arm: scriptedRequest,
    openExchanges: () => open,
    produced: () => reads,
    close: () => adapter.close(),
  };
}
