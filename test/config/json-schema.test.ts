import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Ajv } from "ajv";
import { parse, stringify } from "yaml";
import { ConfigError } from "../../src/config/config-error.ts";
import { configJsonSchema } from "../../src/config/json-schema.ts";
import { runCommand } from "../cli/run-command.ts";
import { load } from "./load-from.ts";

const root = join(import.meta.dirname, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const accepts = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(configJsonSchema());

/** The fenced blocks of the documentation, and the example, that are a configuration file. */
const examples = ["README.md", ...readdirSync(join(root, "docs")).map((name) => `docs/${name}`)]
  .filter((path) => path.endsWith(".md"))
  .flatMap((path) =>
    [...read(path).matchAll(/^```(?:yaml|text)\n(.*?)^```$/gms)].map(([, text = ""]) => ({ path, text })),
  )
  .filter(({ text }) => /^(providers|personas|tenants|defaults|auth|grpc|http):/m.test(text))
  .concat({ path: "examples/config.yaml", text: read("examples/config.yaml") });

const everything = `
providers:
  near:
    kind: openai
    base_url: http://127.0.0.1:9000/v1
    allow_insecure_http: true
    headers: { x-team: blue }
    transport: native
    timeouts: { connect: 5s }
    default_model: fast
    models: { fast: { id: m, capabilities: { tools: native }, context_window: 5, max_output_tokens: 5, quirks: {} } }
    quirks: { end_marker: done }
defaults: { system: [a, b], requires: { tools: true }, sampling: { stop: [x], logit_bias: { 5: 1 }, seed: 3, top_p: 0.5 } }
personas: { default: { description: d, candidates: [{ provider: near, model: fast }], reasoning: { effort: low }, timeout: 5s } }
tenants: { acme: { personas: [default], providers: [near], models: [fast], default_persona: default, verbosity: low } }
auth: { keys: { a: { sha256: ${"ab".repeat(32)}, tenant: acme, roles: [caller], personas: [default], provider_options: true } } }
grpc: { host: localhost, port: 1, tls_terminated_by_proxy: false }
http: { host: 127.0.0.1, port: 2 }
allowed_hosts: [a.example]
allowed_origins: [https://app.example]
limits: { max_chat_size: 1MiB, drain: 0s, max_streams_per_connection: 5 }
log_level: info
`;

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Every copy of a value in which one thing in it is another. */
function withOneChanged(value: Json, others: readonly Json[]): readonly Json[] {
  if (Array.isArray(value)) {
    return [
      ...others,
      ...value.flatMap((item, at) => withOneChanged(item, others).map((other) => value.with(at, other))),
    ];
  }
  if (typeof value !== "object" || value === null) return others;
  const inside = Object.entries(value).flatMap(([key, child]) =>
    withOneChanged(child, others).map((other): Json => ({ ...value, [key]: other })),
  );
  return [...others, ...inside];
}

describe("the JSON Schema of the file", () => {
  test("is the one in docs/ (node scripts/configuration-schema.ts makes it), and what `config schema` prints", async () => {
    const made = `${JSON.stringify(configJsonSchema(), undefined, 2)}\n`;
    expect(read("docs/execution-platform.schema.json")).toBe(made);
    expect(await runCommand(["config", "schema"])).toEqual({ status: 0, stdout: made, stderr: "" });
  });

  test("is found by what the example says to editors", () => {
    const [, path = ""] = /^# yaml-language-server: \$schema=(\S+)$/m.exec(read("examples/config.yaml")) ?? [];
    expect(read(join("examples", path))).toBe(read("docs/execution-platform.schema.json"));
  });

  test.each(examples)("accepts the example in $path ($text)", ({ text }) => {
    expect([accepts(parse(text)), accepts.errors]).toEqual([true, null]);
  });

  test("accepts every key there is, and empty sections", () => {
    expect([accepts(parse(everything)), accepts.errors]).toEqual([true, null]);
    expect(accepts(parse("providers:\npersonas:\nauth:\n  keys:\n"))).toBe(true);
  });

  test.each([
    ["log_levl: info", "an unknown key of the file"],
    ["providers: { near: { kind: openai, bas_url: http://x } }", "an unknown key of a provider"],
    ["providers: { near: { base_url: http://127.0.0.1 } }", "a provider without a kind"],
    ["providers: { near: { kind: openai, api_key: sk-plain } }", "a key in the file"],
    ["providers: { near: { kind: openai, api_key: { env: A, file: b } } }", "two places of one key"],
    ["providers: { near: { kind: openai, models: { a: { capabilities: { tols: native } } } } }", "a capability"],
    ["personas: { default: { sampling: { temprature: 0 } } }", "an unknown sampling field"],
    ["personas: { default: { sampling: { temperature: 3 } } }", "a number out of range"],
    ["personas: { default: { reasoning: { effort: hihg } } }", "a word of the contract"],
    ["personas: { default: { candidates: [] } }", "an empty list of candidates"],
    ["personas: { default: { tools: [] } }", "a key of what is to come"],
    ["defaults: { timeout: 90 }", "a time without a unit"],
    ["tenants: { acme: { persona: [a] } }", "an unknown key of a tenant"],
    ["auth: { keys: { a: { sha256: abc } } }", "a key in place of its hash"],
  ])("refuses %s: %s", (text) => {
    expect(accepts(parse(text))).toBe(false);
  });

  // Mutant seen red: an empty section refused.
  test("never refuses what the gateway takes", async () => {
    const others: readonly Json[] = [null, true, 5, -1, 1.5, "text", "5s", "5MiB", [], ["text"], {}, { text: 5 }];
    const whole: Json = parse(everything);
    const refusedByBoth: Json[] = [];
    for (const changed of withOneChanged(whole, others)) {
      if (accepts(changed)) continue;
      const loaded = await load({ file: stringify(changed) }).catch((thrown: unknown) => thrown);
      expect({ changed, loaded }).toMatchObject({ loaded: expect.any(ConfigError) });
      refusedByBoth.push(changed);
    }
    expect(refusedByBoth.length).toBeGreaterThan(300);
  });
});
