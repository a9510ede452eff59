import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createClient } from "../../src/client/index.ts";
import type { RunningGateway } from "../../src/gateway.ts";
import { priceTables } from "../../src/ledger/prices/tables/index.ts";
import { Secret } from "../../src/secret.ts";
import { runCommand } from "../cli/run-command.ts";
import { createEmulator, type Emulator } from "../emulators/emulator.ts";
import type { JsonValue } from "../emulators/exchange.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";

/*
 * The calls that docs/costs.md tells of are made, and what it shows is compared with what comes: the outputs of commands to the letter, JSON by
 * its values.
 */

const page = readFileSync(join(import.meta.dirname, "../../docs/costs.md"), "utf8");

/** What the page shows below a command line that begins like this. */
function shown(command: string): { readonly line: string; readonly output: string } {
  const blocks = [...page.matchAll(/^```text\n\$ (.*)\n([\s\S]*?)^```$/gm)];
  const block = blocks.find(([, line]) => line?.startsWith(command));
  if (block === undefined) throw new Error(`docs/costs.md shows no ${command}`);
  return { line: block[1] ?? "", output: block[2] ?? "" };
}

/** A whole answer of chat completions with a usage. */
function answerOf(usage: JsonValue): { readonly headers: Record<string, string>; readonly body: Uint8Array } {
  const choices = [
    { index: 0, message: { role: "assistant", content: "Because of Rayleigh scattering." }, finish_reason: "stop" },
  ];
  const body = JSON.stringify({ object: "chat.completion", choices, service_tier: "default", usage });
  return { headers: { "content-type": "application/json" }, body: Buffer.from(body) };
}

describe("docs/costs.md", () => {
  let emulator: Emulator;
  let gateway: RunningGateway;
  const lines: string[] = [];

  beforeAll(async () => {
    emulator = await createEmulator();
    const baseUrl = `${emulator.baseUrl}/v1`;
    const openai = {
      name: "openai",
      kind: "openai",
      baseUrl,
      apiKey: new Secret("key"),
      quirks: { vendor: "openai", stream: false },
    };
    gateway = await startTestGateway({ providers: [testProvider(openai), testProvider()] });
    emulator.enqueue(
      answerOf({ prompt_tokens: 1497, completion_tokens: 1037, prompt_tokens_details: { cached_tokens: 1408 } }),
    );
    emulator.enqueue(
      answerOf({ prompt_tokens: 21, completion_tokens: 280, completion_tokens_details: { reasoning_tokens: 256 } }),
    );
    emulator.enqueue(answerOf({ prompt_tokens: 14, completion_tokens: 9 }));
    const client = createClient({ baseUrl: gateway.grpcUrl });
    for (const [provider, model] of [
      ["openai", "gpt-4o-mini"],
      ["openai", "gpt-5-nano"],
      ["openai", "gpt-from-next-year"],
      ["mock", "mock"],
    ] as const) {
      const messages = [
        { role: 3, parts: [{ kind: { case: "text" as const, value: { text: "Why is the sky blue?" } } }] },
      ];
      const { costNanoUsd, warnings } = await client.chat({ provider, model, messages }).collect();
      lines.push(`${model}: ${costNanoUsd ?? "unpriced"} ${warnings.map(({ code }) => code).join()}`.trim());
    }
    client.close();
  });
  afterAll(async () => {
    await gateway.stop();
    await emulator.close();
  });

  test("says what its calls cost", () => {
    expect(lines).toEqual([
      "gpt-4o-mini: 741150",
      "gpt-5-nano: 113050",
      "gpt-from-next-year: unpriced PRICE_UNKNOWN",
      "mock: 0",
    ]);
    for (const cost of ["741,150", "113,050"]) expect(page).toContain(`${cost} nano-USD`);
  });

  test("shows what the command line prints", async () => {
    const { line, output } = shown("npx execution-platform costs");
    const environment = { EXECUTION_PLATFORM_URL: gateway.grpcUrl };
    const { stdout } = await runCommand(line.split(" ").slice(2), { environment });
    expect(stdout).toBe(output);
  });

  test("shows what GET /costs answers", async () => {
    const { line, output } = shown("curl");
    const [, path] = /http:\/\/127\.0\.0\.1:8000(\S+?)["']?$/.exec(line) ?? [];
    const response = await fetch(`${gateway.httpUrl}${path}`);
    const answer = (await response.json()) as { readonly asOf: string };
    const documented = JSON.parse(output) as { readonly asOf: string };
    expect(answer).toEqual({ ...documented, asOf: answer.asOf });
    expect(answer.asOf).toMatch(/^\d{4}-\d{2}-\d{2}T/);
  });

  test("names the vendors of the prices", () => {
    const rows = priceTables.map(
      ({ vendors, asOf }) => new RegExp(`\\| \`${vendors.join("`, `")}\` \\|.*\\| ${asOf} \\|`),
    );
    for (const row of rows) expect(page).toMatch(row);
  });
});
