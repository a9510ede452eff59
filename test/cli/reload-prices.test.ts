import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type ServeProcess, startProgram, startServe } from "../support/serve.ts";
import { waitFor } from "../support/wait.ts";

let directory: string;
let gateway: ServeProcess | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ep-prices-"));
  const config = `
providers: { near: { kind: openai, base_url: "http://127.0.0.1:9/v1" } }
personas: { default: { candidates: [{ provider: near, model: llama }] } }
prices: { file: prices.yaml }
`;
  writeFileSync(join(directory, "execution-platform.yaml"), config);
});
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const write = (text: string): void => writeFileSync(join(directory, "prices.yaml"), text);
const good = (input: number): string => `instances:
  near:
    - models: [llama]
      rates:
        input: ${input}
        output: 0
`;

/** What a plan says of the prices: their version, and what the call is expected to cost in nano-USD. */
async function planned(httpUrl: string): Promise<readonly [version: string, nanoUsd: string | undefined]> {
  const response = await fetch(`${httpUrl}/execution.v1.ExecutionService/Plan`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ request: { messages: [{ role: "MESSAGE_ROLE_USER", parts: [{ text: { text: "Hi" } }] }] } }),
  });
  const { priceVersion, candidates } = (await response.json()) as {
    readonly priceVersion: string;
    readonly candidates: readonly { readonly expectedCostNanoUsd?: string }[];
  };
  return [priceVersion, candidates[0]?.expectedCostNanoUsd];
}

describe("a file of prices", () => {
  // Mutants seen red: the file not watched; half a file taken for a whole one; the prices of the start kept for good.
  test("is in force as soon as it is good, and the one before stays while it is not", async () => {
    write(good(1));
    gateway = await startServe({ workingDirectory: directory });
    const { httpUrl, stderr } = gateway;
    /** Does something, and waits until the log says this of it. */
    const told = async (change: () => void, ...words: readonly string[]): Promise<void> => {
      const before = stderr().length;
      change();
      await waitFor(() => words.every((word) => stderr().slice(before).includes(word)), { what: words.join(", ") });
    };
    const [version, cost] = await planned(httpUrl);
    expect(cost).toMatch(/^[1-9]\d*$/);
    for (const [broken, problem] of [
      [good(1).slice(0, good(1).indexOf("output")), "rates.output: is missing"],
      [good(1).slice(0, 30), "prices.yaml:3"],
      [good(-1), "prices.yaml:5:16: instances.near[0].rates.input: must be US dollars"],
      ["", "has no prices; half a file looks like that"],
    ] as const) {
      await told(() => write(broken), "the new configuration is refused, and the old one stays in force", problem);
      expect(await planned(httpUrl)).toEqual([version, cost]);
    }
    await told(() => write(good(2)), "was loaded anew and is in force");
    const [newVersion, newCost] = await planned(httpUrl);
    expect(newVersion).not.toBe(version);
    expect(newCost).toBe(String(2 * Number(cost)));
  });

  test("that is broken lets no gateway start", async () => {
    write(good(-1));
    const { ended, stderr } = startProgram(["serve"], { workingDirectory: directory });
    expect(await ended).toBe(1);
    expect(stderr()).toContain("prices.yaml:5:16: instances.near[0].rates.input: must be US dollars");
  });

  test("says in the log if a vendor of its bills nobody", async () => {
    write("vendors: { opnai: [{ models: [m], rates: { input: 1, output: 1 } }] }\n");
    gateway = await startServe({ workingDirectory: directory });
    expect(gateway.stderr()).toContain("the prices of opnai have no effect: no provider instance is billed by it");
  });
});
