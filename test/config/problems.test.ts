import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "../../src/config/config-error.ts";
import { load, problemsOf } from "./load-from.ts";

const near = (rest: string): string =>
  `providers:\n  near: { kind: openai, base_url: "http://127.0.0.1:1", ${rest} }\n`;

/** What is refused: a name, the file, and the one line that says so (or its beginning). */
const refused: readonly (readonly [string, string, string])[] = [
  [
    "an unknown key of the file",
    "log_level: info\nlog: { level: info }\n",
    "execution-platform.yaml:2:1: log: there is no such key. The keys here are providers, defaults, personas, tenants, auth,",
  ],
  [
    "an unknown key of a provider",
    near("bas_url: x"),
    'execution-platform.yaml:2:57: providers.near.bas_url: there is no such key. Did you mean "base_url"?',
  ],
  [
    "an unknown key of a persona",
    "personas:\n  default:\n    sytem: x\n",
    'execution-platform.yaml:3:5: personas.default.sytem: there is no such key. Did you mean "system"?',
  ],
  [
    "an unknown kind",
    "providers:\n  near:\n    kind: opnai\n",
    'execution-platform.yaml:3:11: providers.near.kind: there is no such kind of provider; there is mock, openai. Did you mean "openai"?',
  ],
  [
    "a missing kind",
    "providers:\n  near: {}\n",
    "execution-platform.yaml:2:9: providers.near.kind: is missing; it is the provider kind that says: Which adapter speaks to it.",
  ],
  [
    "a quirk its kind does not know",
    near("quirks: { end_marker: done, end_maker: done }"),
    "execution-platform.yaml:2:96: providers.near.quirks.end_maker: is no quirk",
  ],
  [
    "a persona of an unknown provider",
    "personas:\n  default:\n    candidates: [{ provider: mokc }]\n",
    'execution-platform.yaml:3:30: personas.default.candidates[0].provider: there is no provider instance "mokc"; the instances are mock. Did you mean "mock"?',
  ],
  [
    "a persona of a kind that is not configured",
    "personas:\n  default:\n    candidates: [{ provider: openai }]\n",
    'execution-platform.yaml:3:30: personas.default.candidates[0].provider: there is no provider instance "openai"; the instances are mock. Set EP_OPENAI_API_KEY, or add it to the file.',
  ],
  [
    "a candidate without a provider",
    "personas:\n  default:\n    candidates: [{ model: m }]\n",
    "execution-platform.yaml:3:18: personas.default.candidates[0].provider: is missing; it is the name that says: Name of a provider instance.",
  ],
  [
    "no candidates",
    "personas:\n  default:\n    candidates: []\n",
    "execution-platform.yaml:3:17: personas.default.candidates: must have at least one item",
  ],
  [
    "an unknown capability of a model",
    near("models: { fast: { capabilities: { tolls: native } } }"),
    "execution-platform.yaml:2:91: providers.near.models.fast.capabilities.tolls: must be one of streaming, tools, native_tools,",
  ],
  [
    "an unknown support of a capability",
    near("models: { fast: { capabilities: { tools: yes } } }"),
    'execution-platform.yaml:2:98: providers.near.models.fast.capabilities.tools: must be one of native, emulated, none; not "yes".',
  ],
  [
    "an unknown requirement",
    "personas:\n  default: { requires: [tools, imageinput] }\n",
    "execution-platform.yaml:2:32: personas.default.requires[1]: must be one of streaming, tools, native_tools,",
  ],
  [
    "an unknown requirement in the form of a map",
    "personas:\n  default: { requires: { tols: true } }\n",
    "execution-platform.yaml:2:26: personas.default.requires.tols: must be one of streaming, tools, native_tools,",
  ],
  [
    "requirements that are neither",
    "personas:\n  default: { requires: tools }\n",
    "execution-platform.yaml:2:24: personas.default.requires: must be a list of capabilities or a map of them to true, not text",
  ],
  [
    "an unknown role",
    `auth:\n  keys: { a: { sha256: "${"01".repeat(32)}", roles: [admin] } }\n`,
    'execution-platform.yaml:2:100: auth.keys.a.roles[0]: must be one of caller, viewer, tenant_admin, auditor, platform_admin, operator; not "admin".',
  ],
  [
    "a key without any role",
    `auth:\n  keys: { a: { sha256: "${"01".repeat(32)}", roles: [] } }\n`,
    "execution-platform.yaml:2:99: auth.keys.a.roles: must have at least one item",
  ],
  [
    "a key's unknown persona",
    `auth:\n  keys: { a: { sha256: "${"01".repeat(32)}", personas: [defalt] } }\n`,
    'execution-platform.yaml:2:103: auth.keys.a.personas[0]: there is no "defalt" in personas. Did you mean "default"?',
  ],
  [
    "a key's unknown provider",
    `auth:\n  keys: { a: { sha256: "${"01".repeat(32)}", providers: [near] } }\n`,
    'execution-platform.yaml:2:104: auth.keys.a.providers[0]: there is no "near" in providers.',
  ],
  [
    "a hash that is none",
    "auth:\n  keys: { a: { sha256: abc } }\n",
    "execution-platform.yaml:2:24: auth.keys.a.sha256: must be the SHA-256 of the key, 64 hex digits:",
  ],
  [
    "the hash of an empty key",
    "auth:\n  keys: { a: { sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 } }\n",
    "execution-platform.yaml:2:24: auth.keys.a.sha256: is the SHA-256 of nothing; was the key empty?",
  ],
  [
    "a duration without a unit",
    near("timeouts: { connect: 5 }"),
    'execution-platform.yaml:2:78: providers.near.timeouts.connect: must be a whole number with a unit, such as 500ms, 5s, 10m or 1h, not "5"',
  ],
  [
    "a duration with an unknown unit",
    "limits:\n  drain: 2d\n",
    'execution-platform.yaml:2:10: limits.drain: must be a whole number with a unit, such as 500ms, 5s, 10m or 1h, not "2d"',
  ],
  [
    "a duration out of bounds",
    "limits:\n  drain: 2h\n",
    'execution-platform.yaml:2:10: limits.drain: must be from 0s to 1h, not "2h"',
  ],
  [
    "a size with an unknown unit",
    "limits:\n  max_chat_size: 16MB\n",
    'execution-platform.yaml:2:18: limits.max_chat_size: must be a whole number with a unit, such as 512KiB, 16MiB or 1GiB, not "16MB"',
  ],
  [
    "a subnet with too many bits",
    "limits:\n  trusted_peers: [10.0.0.0/33]\n",
    "execution-platform.yaml:2:19: limits.trusted_peers[0]: must be an IP address or a subnet such as 10.0.0.0/8",
  ],
  [
    "a size out of bounds",
    "limits:\n  max_chat_size: 1B\n",
    'execution-platform.yaml:2:18: limits.max_chat_size: must be from 1KiB to 1GiB, not "1B"',
  ],
  [
    "a port out of bounds",
    "grpc: { port: 65536 }\n",
    'execution-platform.yaml:1:15: grpc.port: must be a whole number from 0 to 65535, not "65536"',
  ],
  [
    "a port that is text",
    'grpc: { port: "50051" }\n',
    'execution-platform.yaml:1:15: grpc.port: must be a whole number from 0 to 65535, not "50051"',
  ],
  [
    "a port that is no whole number",
    "grpc: { port: 1.5 }\n",
    'execution-platform.yaml:1:15: grpc.port: must be a whole number from 0 to 65535, not "1.5"',
  ],
  [
    "a host with a scheme",
    "grpc: { host: http://127.0.0.1 }\n",
    "execution-platform.yaml:1:15: grpc.host: must be a host name or an IP address alone, without scheme, port or brackets",
  ],
  [
    "a host with a port",
    "allowed_hosts: [a.example, b.example:80]\n",
    "execution-platform.yaml:1:28: allowed_hosts[1]: must be a host name or an IP address alone,",
  ],
  [
    "an address that is none",
    "grpc: { host: 127.0.0.256 }\n",
    "execution-platform.yaml:1:15: grpc.host: must be a host name or an IP address alone,",
  ],
  [
    "an origin with a path",
    'allowed_origins: ["https://app.example/"]\n',
    "execution-platform.yaml:1:19: allowed_origins[0]: must be an exact origin such as",
  ],
  [
    "any origin",
    'allowed_origins: ["*"]\n',
    "execution-platform.yaml:1:19: allowed_origins[0]: must be an exact origin such as",
  ],
  [
    "an unknown level",
    "log_level: warning\n",
    'execution-platform.yaml:1:12: log_level: must be one of debug, info, warn, error, silent; not "warning". Did you mean "warn"?',
  ],
  [
    "a transport that is none",
    near("transport: htp"),
    'execution-platform.yaml:2:68: providers.near.transport: must be one of native, sdk; not "htp".',
  ],
  [
    "a truth that is text",
    near("allow_insecure_http: yes"),
    'execution-platform.yaml:2:78: providers.near.allow_insecure_http: must be true or false, not "yes"',
  ],
  [
    "a number where text is needed",
    near("default_model: 4.1"),
    "execution-platform.yaml:2:72: providers.near.default_model: must be text; put it in quotes",
  ],
  [
    "sampling out of bounds",
    "personas: { default: { sampling: { temperature: 2.5 } } }\n",
    'execution-platform.yaml:1:49: personas.default.sampling.temperature: must be a number, 0 to 2, not "2.5"',
  ],
  [
    "a tier there is not",
    "personas: { default: { max_tool_tier: 4 } }\n",
    'execution-platform.yaml:1:39: personas.default.max_tool_tier: must be one of 1, 2, 3; not "4".',
  ],
  [
    "a token id that is none",
    "personas: { default: { sampling: { logit_bias: { foo: 1 } } } }\n",
    "execution-platform.yaml:1:50: personas.default.sampling.logit_bias.foo: must be the id of a token",
  ],
  [
    "a name with a slash",
    "providers:\n  a/b: { kind: mock }\n",
    "execution-platform.yaml:2:3: providers.a/b: must be a name: letters, digits, dots, dashes and underscores,",
  ],
  [
    "a map where a list is needed",
    "allowed_hosts: { a: b }\n",
    "execution-platform.yaml:1:16: allowed_hosts: must be a list ([a, b], or lines that start with a dash), not a map",
  ],
  [
    "a list where a map is needed",
    "providers:\n  - kind: mock\n",
    'execution-platform.yaml:2:3: providers: must be a map (indented "key: value" lines), not a list',
  ],
  [
    "text where a map is needed",
    "limits: none\n",
    'execution-platform.yaml:1:9: limits: must be a map (indented "key: value" lines), not text',
  ],
  [
    "a map where a single value is needed",
    "log_level: { a: b }\n",
    "execution-platform.yaml:1:12: log_level: must be a word, not a map",
  ],
  [
    "a key without a value",
    "log_level:\n",
    "execution-platform.yaml:1:11: log_level: has no value; give it one or remove the key",
  ],
  ["a persona's tools", "personas: { default: { tools: [] } }\n", later("1:24: personas.default.tools")],
  [
    "a strategy that is none",
    "personas: { default: { strategy: stiky } }\n",
    'execution-platform.yaml:1:34: personas.default.strategy: must be one of ordered, weighted, latency, cost, sticky; not "stiky". Did you mean "sticky"?',
  ],
  [
    "a cooldown that would never end",
    "personas: { default: { breaker: { cooldown: 2h } } }\n",
    'execution-platform.yaml:1:45: personas.default.breaker.cooldown: must be from 100ms to 1h, not "2h"',
  ],
  [
    "a key of a tenant that is not there",
    `tenants: { acme: {} }\nauth:\n  keys: { a: { sha256: "${"01".repeat(32)}", tenant: amce } }\n`,
    'execution-platform.yaml:3:100: auth.keys.a.tenant: there is no "amce" in tenants. Did you mean "acme"?',
  ],
  [
    "a key that may use more than its tenant",
    `tenants: { acme: { models: [small] } }\nauth:\n  keys: { a: { sha256: "${"01".repeat(32)}", tenant: acme, models: [small, big] } }\n`,
    'execution-platform.yaml:3:122: auth.keys.a.models[1]: its tenant "acme" may not use it; tenants.acme.models says what it may',
  ],
  [
    "a tenant's persona that is not there",
    "tenants:\n  acme: { personas: [defalt] }\n",
    'execution-platform.yaml:2:22: tenants.acme.personas[0]: there is no "defalt" in personas. Did you mean "default"?',
  ],
  [
    "a tenant's provider instance that is not there",
    "tenants:\n  acme: { providers: [near] }\n",
    'execution-platform.yaml:2:23: tenants.acme.providers[0]: there is no "near" in providers.',
  ],
  [
    "a tenant's default persona that is not there",
    "tenants:\n  acme: { default_persona: reviewer }\n",
    'execution-platform.yaml:2:28: tenants.acme.default_persona: there is no "reviewer" in personas.',
  ],
  [
    "a tenant's default persona that it may not use",
    "personas: { default: {}, other: {} }\ntenants:\n  acme: { default_persona: default, personas: [other] }\n",
    "execution-platform.yaml:3:28: tenants.acme.default_persona: is not one of the tenant's own personas; add it there",
  ],
  [
    "a default timeout beyond the longest deadline",
    "defaults: { timeout: 2h }\n",
    "execution-platform.yaml:1:22: defaults.timeout: is longer than limits.max_deadline",
  ],
  [
    "a system prompt that is a list of nothing",
    "defaults: { system: [] }\n",
    "execution-platform.yaml:1:21: defaults.system: must have at least one item",
  ],
  [
    "an effort that is no word of the contract",
    "personas: { default: { reasoning: { effort: hihg } } }\n",
    'execution-platform.yaml:1:45: personas.default.reasoning.effort: must be one of none, minimal, low, medium, high, xhigh, max; not "hihg". Did you mean "high"?',
  ],
];

function later(place: string): string {
  return `execution-platform.yaml:${place}: is not supported yet; remove it`;
}

describe("a file is refused, with place and remedy, for", () => {
  test.each(refused)("%s", async (_, file, expected) => {
    const problems = await problemsOf({ file });
    expect(problems.map((problem) => problem.slice(0, expected.length))).toEqual([expected]);
  });
});

describe("a bad configuration", () => {
  test("is refused with all of its problems at once, in the order of the file", async () => {
    const world = {
      file: "log_level: loud\ngrpc: { port: x }\nproviders:\n  near: { kind: nothing, api_key: sk-plain, headers: [] }\n  far: {}\n",
      environment: { EP_HTTP_PORT: "http", EP_USE_VENDOR_KEYS: "perhaps" },
    };
    const problems = await problemsOf(world);
    expect(problems.map((problem) => problem.split(": ").slice(0, 2).join(" "))).toEqual([
      "execution-platform.yaml:1:12 log_level",
      "execution-platform.yaml:2:15 grpc.port",
      "execution-platform.yaml:4:17 providers.near.kind",
      "execution-platform.yaml:4:35 providers.near.api_key",
      "execution-platform.yaml:4:54 providers.near.headers",
      "execution-platform.yaml:5:8 providers.far.kind",
      "EP_USE_VENDOR_KEYS ",
      "EP_HTTP_PORT http.port",
    ]);
  });

  test("says so in one readable message", async () => {
    await expect(load({ file: "log_level: loud\n", environment: { EP_GRPC_PORT: "no" } })).rejects.toThrow(
      new ConfigError([
        {
          where: "execution-platform.yaml:1:12",
          path: "log_level",
          message: 'must be one of debug, info, warn, error, silent; not "loud".',
        },
        { where: "EP_GRPC_PORT", path: "grpc.port", message: 'must be a whole number from 0 to 65535, not "no"' },
      ]),
    );
    const text = await load({ file: "log_level: loud\n" }).catch(String);
    expect(text).toBe(
      "ConfigError: the configuration is refused, it has one problem:\n" +
        '  execution-platform.yaml:1:12: log_level: must be one of debug, info, warn, error, silent; not "loud".',
    );
  });

  test("of one cause is told once", async () => {
    const problems = await problemsOf({
      file: "personas: { a: {}, b: {}, default: {} }\n",
      environment: { EP_PROVIDER: "nobody" },
    });
    expect(problems).toEqual([
      'EP_PROVIDER: personas.default.candidates[0].provider: there is no provider instance "nobody"; the instances are mock.',
    ]);
  });
});

// Attack: a file of somebody else whose names change what a terminal shows of its own refusal.
describe("characters that show nothing themselves", () => {
  // Mutant seen red: names, values and files told as they are.
  test("are told by their codes, wherever they were written", async () => {
    const problems = await problemsOf({
      file: `"a\\0b\\u202Ec": 1\nlog_level: "\u202Eofni"\nproviders: { "x\\e[2Jy": { kind: mock } }\n`,
      environment: { EP_PERSONA_PROVIDER_MAP_PATH: "no\u2066 \u{E0041}.json", EP_GRPC_PORT: "\u0007" },
    });
    const told = problems.join("\n");
    for (const code of ["a\\u0000b\\u202Ec", "\\u202Eofni", "x\\u001B[2Jy", "no\\u2066 \\u{E0041}.json", "\\u0007"]) {
      expect(told).toContain(code);
    }
    expect(told).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
  });
});

describe("a file that cannot be had", () => {
  test("is refused if EP_CONFIG names it and it is not there", async () => {
    expect(await problemsOf({ environment: { EP_CONFIG: "no.yaml" } })).toEqual([
      "EP_CONFIG: : there is no file /srv/gateway/no.yaml",
    ]);
  });

  test("is refused if it cannot be read", async () => {
    const denied = Object.assign(new Error("permission denied"), { code: "EACCES" });
    expect(await problemsOf({ files: { "execution-platform.yaml": denied, ".env": denied } })).toEqual([
      ".env: : the file cannot be read (EACCES)",
      "execution-platform.yaml: : the file cannot be read (EACCES)",
    ]);
  });
});
