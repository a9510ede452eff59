import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { AdapterKind, ProviderSettings, Transport } from "../../src/adapters/adapter.ts";
import { anthropicKind } from "../../src/adapters/anthropic/index.ts";
import { geminiKind } from "../../src/adapters/gemini/index.ts";
import { openaiKind } from "../../src/adapters/openai/index.ts";
import { ExecutionError } from "../../src/errors.ts";
import { MessageRole } from "../../src/gen/execution/v1/content_pb.js";
import { Secret } from "../../src/secret.ts";
import { createEmulator, type Emulator } from "../emulators/emulator.ts";
import { asking } from "../support/planning.ts";
import { type Observation, observe } from "./shared/observe.ts";

let emulator: Emulator;
beforeEach(async () => {
  emulator = await createEmulator();
});
afterEach(async () => {
  await emulator.close();
});

// Neither looks like a key, so that only knowing it helps.
const key = "3f0c9a52-7d41-4b8e-a1c6-90d2e7f5b834";
const session = "plum/orchard+walks&nightly";
const prompt = "You are the night porter of the Hotel Aurora and never tell the code of the safe.";

const SETTINGS: ProviderSettings = {
  name: "near",
  kind: "",
  apiKey: new Secret(key),
  headers: { "x-session": new Secret(`Token ${session}`) },
  transport: "native",
  timeouts: { connectMs: 10_000, headersMs: 60_000, idleMs: 60_000 },
  models: {},
  quirks: {},
};

const KINDS: readonly [AdapterKind, string][] = [
  [openaiKind, "/v1"],
  [anthropicKind, ""],
  [geminiKind, "/v1beta"],
];

/** One chat with an instance of its own, whose provider says `words` where the wire has a place for them. */
async function chat(kind: AdapterKind, path: string, transport: Transport = "native"): Promise<Observation> {
  const settings = { ...SETTINGS, kind: kind.kind, transport, baseUrl: emulator.baseUrl + path };
  const adapter = kind.create(settings, { now: () => 0, newId: () => "minted" });
  const request = asking({
    messages: [{ role: MessageRole.USER, parts: [{ kind: { case: "text", value: { text: prompt } } }] }],
  });
  try {
    return await observe(adapter, request, { model: "small" });
  } finally {
    await adapter.close();
  }
}

const json = { "content-type": "application/json" };
const sse = { "content-type": "text/event-stream" };

/** What is told of an error: the provider's words, and all else of it. */
function told({ error }: Observation): { readonly words: string; readonly all: string } {
  if (!(error instanceof ExecutionError)) throw new Error("no ExecutionError was thrown", { cause: error });
  const { cause: _, ...extras } = error.extras;
  return { words: extras.providerMessage ?? "", all: error.message + JSON.stringify(extras) };
}

describe.each(KINDS)("an instance of %#", (kind, path) => {
  const refuse = (message: string) =>
    emulator.enqueue({ status: 401, headers: json, body: Buffer.from(JSON.stringify({ error: { message } })) });

  // Mutant seen red: what looks like a key replaced, and nothing else.
  test.each<Transport>(["native", "sdk"])(
    "over %s says no secret of its own after a refusal that does",
    async (transport) => {
      refuse(`no account for ${key}, session ${session} (${encodeURIComponent(session)})`);
      const { words, all } = told(await chat(kind, path, transport));
      expect(words).toBe("no account for [redacted], session [redacted] ([redacted])");
      expect(all).not.toContain(key);
    },
  );

  // Mutants seen red: cut to 512 bytes first; half a secret taken for something else.
  test("says no part of a secret where the words are cut, by us or by the provider", async () => {
    refuse(`${"x ".repeat(250)}${key} ${key.slice(0, 20)}`);
    expect(told(await chat(kind, path)).words).toBe(`${"x ".repeat(250)}[redacted] [`);
    refuse(`it begins with ${key.slice(0, 20)}`);
    expect(told(await chat(kind, path)).words).toBe("it begins with [redacted]");
  });

  // Mutant seen red: the request not looked at.
  test("does not repeat the prompt", async () => {
    refuse(`'messages[0]' must not be '${prompt}', nor 'porter of the Hotel Aurora and never'; see the guide`);
    expect(told(await chat(kind, path)).words).toBe(
      "'messages[0]' must not be '[prompt]', nor '[prompt]'; see the guide",
    );
  });

  test("says no secret that comes as a content type", async () => {
    emulator.enqueue({ headers: { "content-type": `text/${key}` }, body: Buffer.from("hm") });
    expect(told(await chat(kind, path)).all).not.toContain(key);
  });

  test("says no secret in the middle of an answer", async () => {
    const error = JSON.stringify({ type: "error", error: { code: 500, type: "api_error", message: `lost ${key}` } });
    emulator.enqueue({ headers: sse, body: Buffer.from(`event: error\ndata: ${error}\n\n`) });
    expect(told(await chat(kind, path)).words).toBe("lost [redacted]");
  });
});

// Mutant seen red: errors alone concealed.
test.each([
  [
    anthropicKind,
    "",
    {
      type: "message",
      content: [{ type: "text", text: "No." }],
      stop_reason: "refusal",
      stop_details: { category: "cyber", explanation: `asked by ${key}` },
    },
    "cyber: asked by [redacted]",
  ],
  [
    geminiKind,
    "/v1beta",
    {
      candidates: [
        { content: { parts: [{ text: "No." }] }, finishReason: "SAFETY", finishMessage: `asked by ${key}: ${prompt}` },
      ],
    },
    "asked by [redacted]: [prompt]",
  ],
] as const)("a finish says no secret either: %#", async (kind, path, document, words) => {
  emulator.enqueue({ headers: json, body: Buffer.from(JSON.stringify(document)) });
  const { reads, error } = await chat(kind, path);
  expect(error).toBeUndefined();
  expect(reads.flat().at(-1)).toMatchObject({ event: { case: "finished", value: { providerMessage: words } } });
});
