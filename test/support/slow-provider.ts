import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEmulator, type Emulator } from "../emulators/emulator.ts";
import { syntheticChat } from "../emulators/synthetic-chat.ts";
import { type ServeProcess, startServe } from "./serve.ts";

/** Text of a slow answer, a number a word. */
export function slowText(words: number): string {
  return Array.from({ length: words }, (_, word) => `${word} `).join("");
}

/** A provider whose answer has as many words as the model's name says (`words-50`), one every `delayMs`, and gateways in front of it. */
export interface SlowProvider {
  readonly emulator: Emulator;
  /** Starts a gateway in a process of its own. */
  serve(environment?: Readonly<Record<string, string>>): Promise<ServeProcess>;
  close(): Promise<void>;
}

/** Starts the provider. */
export async function startSlowProvider(delayMs: number): Promise<SlowProvider> {
  const directory = await mkdtemp(join(tmpdir(), "ep-slow-"));
  const bodies = new Map<number, Uint8Array>();
  const emulator = await createEmulator({
    seed: 1,
    answer: ({ rawBody }) => {
      const { model } = JSON.parse(Buffer.from(rawBody).toString("utf8")) as { readonly model: string };
      const words = Number(model.replace("words-", ""));
      const text = slowText(words);
      const bytes = bodies.get(words) ?? syntheticChat({ seed: 1, chunks: words, text }).body;
      bodies.set(words, bytes);
      return {
        headers: { "content-type": "text/event-stream" },
        body: bytes,
        delivery: { kind: "event-per-write", delayMs },
      };
    },
  });
  const file = join(directory, "slow.yaml");
  await writeFile(
    file,
    `providers:
  slow: { kind: openai, base_url: "${emulator.baseUrl}/v1" }
personas:
  default: { candidates: [{ provider: slow, model: words-1 }] }
`,
  );
  return {
    emulator,
    serve: (environment = {}) => startServe({ environment: { EP_CONFIG: file, EP_LOG_LEVEL: "warn", ...environment } }),
    close: async () => {
      await emulator.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
