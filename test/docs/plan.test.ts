import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { adapterKinds } from "../../src/adapters/index.ts";
import { loadConfig } from "../../src/config/load.ts";
import { type RunningGateway, startGateway } from "../../src/gateway.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { runCommand } from "../cli/run-command.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/contract.md"), "utf8");
const section = page.split(/^## /m).find((text) => text.startsWith("Plan\n")) ?? "";
const [, fileText = ""] = /^```yaml\n(.*?)^```$/ms.exec(section) ?? [];
const [, command = "", shown = ""] = /^```text\n\$ execution-platform (.*?)\n(.*?)^```$/ms.exec(section) ?? [];

let gateway: RunningGateway;

beforeAll(async () => {
  const environment = {
    EP_OPENAI_API_KEY: "sk-1",
    EP_GRPC_PORT: "0",
    EP_HTTP_PORT: "0",
    EP_ADMIN_ADDR: "off",
    EP_LEDGER_STORE: "memory",
    EP_LOG_LEVEL: "silent",
  };
  const world = { cwd: "/", readFile: () => undefined, listFiles: () => [], fileMode: () => undefined };
  const { config } = await loadConfig({ ...world, environment, kinds: adapterKinds, fileText });
  gateway = await startGateway({ config, kinds: adapterKinds, log: createLog("silent"), platformVersion: "0.0.0" });
});

afterAll(() => gateway.stop());

/** Prices change, and with them figures and version. */
function withoutPrices(text: string): string {
  return text.replaceAll(/\d+(\.\d+)? USD/g, "N USD").replace(/^Prices \w+$/m, "Prices V");
}

// Mutant seen red: another word for a state.
test("the plan in the contract guide is what the command prints with the configuration above it", async () => {
  const args = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
  const { status, stdout, stderr } = await runCommand(args, {
    environment: { EXECUTION_PLATFORM_URL: gateway.grpcUrl },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(withoutPrices(stdout)).toBe(withoutPrices(shown));
});
