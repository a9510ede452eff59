import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { load } from "../config/load-from.ts";
import { runCommand } from "./run-command.ts";

const file = `
providers:
  near: { kind: openai, base_url: http://127.0.0.1:9000/v1, headers: { x-team: inline-secret } }
  far: { kind: openai, api_key: { env: FAR_KEY }, models: { "a b": { id: "yes" }, big: { id: "1e3" } } }
defaults: { sampling: { seed: 9223372036854775807 } }
personas:
  default: { system: "Say: hi\\n# not a comment", candidates: [{ provider: near, model: m }, { provider: far }] }
  reviewer: { requires: [tools], sampling: { temperature: 0 } }
tenants: { acme: { service_tier: flex, default_persona: reviewer } }
auth: { keys: { ci: { sha256: ${"ab".repeat(32)}, tenant: acme } } }
`;

describe("config show", () => {
  let directory: string;
  const show = async (...args: string[]): Promise<string> => {
    const environment = { FAR_KEY: "sk-plain-secret", EP_HTTP_PORT: "6000", EP_TLS_TERMINATED_BY_PROXY: "1" };
    const result = await runCommand(["config", "show", ...args], { environment, workingDirectory: directory });
    expect(result).toMatchObject({ status: 0, stderr: "" });
    return result.stdout;
  };

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "ep-show-"));
    writeFileSync(join(directory, "execution-platform.yaml"), file);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test("prints the whole of it, defaults included, as YAML that means what its JSON says", async () => {
    const shown: unknown = JSON.parse(await show("--json"));
    expect(parse(await show())).toEqual(shown);
    expect(parse(await show("--origin"))).toEqual(shown);
    expect(shown).toMatchObject({
      providers: {
        near: { timeouts: { connect: "5s" } },
        far: { models: { "a b": { id: "yes" }, big: { id: "1e3" } } },
      },
      defaults: { max_tool_tier: 3, sampling: { seed: "9223372036854775807" } },
      personas: { default: { system: "Say: hi\n# not a comment" } },
      http: { port: 6000, tls_terminated_by_proxy: true },
      log_level: "info",
    });
  });

  // Mutant seen red: no `[secret]` for text in a header.
  test("never prints a secret, be it in a variable, in the file or a hash", async () => {
    for (const args of [[], ["--origin"], ["--json"], ["--json", "--origin"]]) {
      const shown = await show(...args);
      for (const secret of ["sk-plain-secret", "inline-secret", "abababab"]) expect(shown).not.toContain(secret);
      expect(shown).toContain("[secret]");
    }
  });

  test("says of each value where it comes from", async () => {
    const lines = (await show("--origin")).split("\n").map((line) => line.trim());
    expect(lines).toEqual(
      expect.arrayContaining([
        "kind: openai  # file:3",
        'x-team: "[secret]"  # file:3',
        'api_key: "[secret]"  # environment:FAR_KEY',
        "- provider: near  # file:7",
        "port: 6000  # environment:EP_HTTP_PORT",
        "port: 50051  # default",
      ]),
    );
    expect(JSON.parse(await show("--json", "--origin"))).toMatchObject({
      "personas.default.candidates[1].provider": { value: "far", origin: "file:7" },
      log_level: { value: "info", origin: "default" },
    });
  });

  test("prints what holds for the calls of one persona and tenant, by the code that merges it for a call", async () => {
    expect(JSON.parse(await show("--json", "--origin", "--tenant", "acme"))).toEqual({
      "sampling.seed": { value: "9223372036854775807", origin: "file:5" },
      "sampling.temperature": { value: 0, origin: "persona (file:8)" },
      requires: { value: ["tools"], origin: "persona (file:8)" },
      service_tier: { value: "flex", origin: "tenant (file:9)" },
      max_tool_tier: { value: 3, origin: "default" },
      fallback_policy: { value: "allow", origin: "default" },
      timeout: { value: "10m", origin: "default" },
    });
    expect(await show("--persona", "default")).toContain("Say: hi");
  });

  test.each([
    ["--persona", "reviwer", 'there is no persona "reviwer". Did you mean "reviewer"?'],
    ["--tenant", "acne", 'there is no tenant "acne". Did you mean "acme"?'],
  ])("refuses a %s that is not there", async (option, name, message) => {
    const environment = { FAR_KEY: "sk-plain-secret" };
    const result = await runCommand(["config", "show", option, name], { environment, workingDirectory: directory });
    expect(result).toEqual({ status: 1, stdout: "", stderr: `error: ${message}\n` });
  });

  test("prints a configuration that, where it has no secrets, is the same again", async () => {
    const example = readFileSync(join(import.meta.dirname, "..", "..", "examples", "config.yaml"), "utf8");
    const withoutSecrets = example
      .replace(/^ +api_key:.*$/m, "    base_url: http://127.0.0.1:1")
      .replace(/^auth:.*?^limits/ms, "limits");
    writeFileSync(join(directory, "other.yaml"), withoutSecrets);
    const [before, after] = await Promise.all([
      load({ file: withoutSecrets }),
      load({ file: await show("other.yaml") }),
    ]);
    expect(Object.keys(before.config.personas)).toEqual(["default", "reviewer"]);
    const http = { host: "127.0.0.1", port: 6000 };
    expect({ ...after.config, origins: 0 }).toEqual({ ...before.config, http, origins: 0 });
  });

  // Mutant seen red: the number shown in place of the name.
  test("shows a name that is a number as it is written, and as text", async () => {
    const personas = "personas: { default: { candidates: [{ provider: 0x10 }] } }\n";
    writeFileSync(join(directory, "numbers.yaml"), `providers: { 0x10: { kind: mock } }\n${personas}`);
    const named = {
      providers: { "0x10": { kind: "mock" } },
      personas: { default: { candidates: [{ provider: "0x10" }] } },
    };
    expect(JSON.parse(await show("numbers.yaml", "--json"))).toMatchObject(named);
    expect(parse(await show("numbers.yaml"), { stringKeys: true })).toMatchObject(named);
  });
});
