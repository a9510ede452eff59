import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { runCommand } from "./run-command.ts";

/*
 * Mutants seen red: a status of 0 with an unnamed difference; own prices not compared; a reason of one's own not taken; any http:// URL fetched; no
 * bound on what is fetched.
 */

let directory: string;
let server: Server;
let url: string;

const prices = `
vendors:
  openai:
    - { models: [gpt-5-nano], rates: { input: 0.04, output: 0.40 }, reason: our contract }
  cerebras:
    - { models: [llama], rates: { input: 0.05, output: 0.08 } }
instances:
  near:
    - { models: [gpt-5-nano], from: 2026-01-01, rates: { input: 1, output: 2, output_audio: 3 } }
`;
const config = `
providers:
  near: { kind: openai, base_url: "http://127.0.0.1:9/v1", quirks: { vendor: openai } }
prices: { file: prices.yaml }
`;
const litellm = {
  "gpt-5-nano": {
    litellm_provider: "openai",
    input_cost_per_token: 5e-8,
    output_cost_per_token: 4e-7,
    cache_read_input_token_cost: 5e-9,
  },
  "cerebras/llama": { litellm_provider: "cerebras", input_cost_per_token: 5.04e-8, output_cost_per_token: 1.6e-7 },
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "ep-prices-"));
  writeFileSync(join(directory, "execution-platform.yaml"), config);
  writeFileSync(join(directory, "prices.yaml"), prices);
  writeFileSync(join(directory, "litellm.json"), JSON.stringify(litellm));
  server = createServer((request, response) => {
    if (request.url === "/large") {
      const chunk = Buffer.alloc(1024 * 1024, " ");
      const more = (): void => {
        while (!response.destroyed) if (!response.write(chunk)) break;
      };
      response.on("drain", more);
      more();
    } else if (request.url === "/away") {
      response.writeHead(302, { location: "http://prices.example/" }).end();
    } else response.end(JSON.stringify(litellm));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

const run = (...args: readonly string[]) => runCommand(["prices", ...args], { workingDirectory: directory });

describe("prices list", () => {
  test("shows the prices in force, with those of one's own in their places", async () => {
    const { status, stdout } = await run("list", "--model", "gpt-5-nano");
    expect(status).toBe(0);
    const rows = stdout.split("\n").map((line) => line.split(/ {2,}/));
    expect(rows).toContainEqual(["openai", "gpt-5-nano *", "standard", "0.04", "-", "-", "-", "0.4"]);
    expect(rows).toContainEqual(["openai", "gpt-5-nano", "flex", "0.025", "0.0025", "-", "-", "0.2"]);
    expect(rows).toContainEqual([
      "near (instance)",
      "gpt-5-nano *",
      "standard",
      "1",
      "-",
      "-",
      "-",
      "2",
      "output_audio 3",
    ]);
    expect(stdout).toMatch(/US dollars per million tokens\. Version [0-9a-f]{12}; \* is a price of your own\.\n$/);
  });

  test("shows those of another day, of a vendor or an instance, and every figure as JSON", async () => {
    const before = await run("list", "--vendor", "near", "--at", "2025-12-31");
    expect([before.status, before.stderr]).toEqual([0, ""]);
    expect(before.stdout).toContain("0.04");
    const { stdout } = await run("list", "--vendor", "near", "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      version: expect.stringMatching(/^[0-9a-f]{12}$/),
      prices: [
        {
          vendor: "openai",
          instance: "near",
          model: "gpt-5-nano",
          service_tier: "",
          batch: false,
          input_over: 0,
          from: "2026-01-01",
          rates: { input: "1", output: "2", output_audio: "3" },
          own: true,
        },
      ],
    });
  });

  test("says whose prices there are where there are none", async () => {
    const { status, stderr } = await run("list", "--vendor", "opnai");
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/^error: no such model has a price; those of openai, .*cerebras, near have\n$/),
    ]);
  });
});

describe("prices verify", () => {
  test("ends with 1 for a difference nobody has named, and shows both figures", async () => {
    const { status, stdout } = await run("verify", "--against", "litellm.json", "--vendor", "cerebras");
    expect(status).toBe(1);
    const [, row] = stdout.split("\n");
    expect(row?.replace(/\d{4}-\d{2}-\d{2}/, "DAY").split(/ {2,}/)).toEqual([
      "cerebras",
      "llama",
      "standard",
      "output",
      "100000",
      "DAY",
      "0.08",
      "0.16",
      "-50.0%",
    ]);
    expect(stdout).toContain(
      "4 prices of 1 models compared with litellm: 2 agree within 1%, 0 differ as known, 2 differ, 0 are not there.",
    );
  });

  test("has a threshold", async () => {
    const strict = await run("verify", "--against", "litellm.json", "--vendor", "cerebras", "--threshold", "0.5%");
    expect(strict.stdout).toContain("0 agree within 0.5%");
    const lenient = await run("verify", "--against", "litellm.json", "--vendor", "cerebras", "--threshold", "60%");
    expect(lenient.status).toBe(0);
    expect((await run("verify", "--threshold", "101%")).status).toBe(1);
  });

  test("compares prices of one's own, and takes the reason they give for a difference", async () => {
    const ofVendor = await run("verify", "--against", "litellm.json", "--vendor", "openai", "--model", "gpt-5-nano");
    expect(ofVendor.stdout).toContain("known: openai gpt-5-nano input: our contract");
    expect(ofVendor.stdout).toMatch(/known: near \(instance\)|near \(instance\) {2}gpt-5-nano {2}standard/);
    expect(ofVendor.status).toBe(1);
    const ofInstance = await run("verify", "--against", "litellm.json", "--vendor", "near", "--json");
    const { prices: compared } = JSON.parse(ofInstance.stdout) as { prices: readonly Record<string, unknown>[] };
    expect(compared).toContainEqual(
      expect.objectContaining({
        vendor: "openai",
        instance: "near",
        what: "input",
        ours: 1,
        theirs: 0.05,
        verdict: "different",
      }),
    );
    expect(ofInstance.status).toBe(1);
  });

  test("compares the built-in prices with @pydantic/genai-prices, where that is installed", async () => {
    const { status, stdout, stderr } = await run("verify", "--vendor", "anthropic");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("known: anthropic claude-sonnet-4-5 input: there the price of the 1M beta");
    expect(stdout).toMatch(
      /compared with genai-prices: \d+ agree within 1%, \d+ differ as known, 0 differ, 0 are not there/,
    );
  });

  test("fetches a URL of this machine or by https, and nothing that is too large or leads elsewhere", async () => {
    const against = async (source: string) => {
      const { status, stderr } = await run(
        "verify",
        "--vendor",
        "cerebras",
        "--threshold",
        "100%",
        "--against",
        source,
      );
      return [status, stderr];
    };
    expect(await against(`${url}/prices`)).toEqual([0, ""]);
    expect(await against(`${url}/large`)).toEqual([1, expect.stringContaining("is larger than 33554432 bytes")]);
    expect((await against(`${url}/away`))[0]).toBe(1);
    expect(await against("http://prices.example/")).toEqual([
      1,
      "error: http://prices.example/ must begin with https://\n",
    ]);
  });

  test("says what is wrong with its source", async () => {
    const stderr = async (...args: readonly string[]) => (await run("verify", ...args)).stderr;
    expect(await stderr("--against", "nowhere.json")).toMatch(/nowhere\.json cannot be read: .*ENOENT/);
    expect(await stderr("--against", "prices.yaml")).toContain(
      "prices.yaml is no model_prices_and_context_window.json",
    );
    expect(await stderr("--against", "litellm.json", "--vendor", "xai")).toContain("litellm has none of these prices");
  });
});
