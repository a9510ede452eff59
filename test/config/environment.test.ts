import { describe, expect, test } from "@jest/globals";
import { VALUE_VARIABLES } from "../../src/config/environment.ts";
import { Capability } from "../../src/gen/execution/v1/capabilities_pb.js";
import { Role } from "../../src/gen/execution/v1/options_pb.js";
import { load, problemsOf } from "./load-from.ts";

const HASH = "01".repeat(32);

describe("precedence", () => {
  const file = "grpc: { port: 1 }\n";

  test("the file wins over defaults", async () => {
    const { config } = await load({ file });
    expect([config.grpc.port, config.origins.get("grpc.port")]).toEqual([1, "file:1"]);
  });

  test(".env wins over the file", async () => {
    const { config } = await load({ file, files: { ".env": "# ports\nEP_GRPC_PORT=2\n" } });
    expect([config.grpc.port, config.origins.get("grpc.port")]).toEqual([2, "environment:EP_GRPC_PORT (.env:2)"]);
  });

  test("EP_*.env files win over .env, the later name over the earlier", async () => {
    const { config } = await load({
      file,
      files: {
        "EP_b.env": "export EP_GRPC_PORT='4'\n",
        ".env": "EP_GRPC_PORT=2\nEP_HTTP_PORT=20",
        "EP_a.env": "EP_GRPC_PORT=3",
        "other.env": "EP_GRPC_PORT=9",
      },
    });
    expect([config.grpc.port, config.origins.get("grpc.port")]).toEqual([4, "environment:EP_GRPC_PORT (EP_b.env:1)"]);
    expect(config.http.port).toBe(20);
  });

  test("the real environment wins over all files", async () => {
    const { config } = await load({
      file,
      files: { ".env": "EP_GRPC_PORT=2", "EP_a.env": "EP_GRPC_PORT=3" },
      environment: { EP_GRPC_PORT: "5" },
    });
    expect([config.grpc.port, config.origins.get("grpc.port")]).toEqual([5, "environment:EP_GRPC_PORT"]);
  });

  test("an empty variable is not set, and takes away one of an .env file", async () => {
    const { config } = await load({ file, files: { ".env": "EP_GRPC_PORT=2" }, environment: { EP_GRPC_PORT: " " } });
    expect([config.grpc.port, config.origins.get("grpc.port")]).toEqual([1, "file:1"]);
  });

  test("a variable replaces one value and leaves its neighbours", async () => {
    const { config } = await load({
      file: "limits: { drain: 1s, default_deadline: 2s }\n",
      environment: { EP_LIMITS_DRAIN: "3s" },
    });
    expect([config.limits.drainMs, config.limits.defaultDeadlineMs]).toEqual([3_000, 2_000]);
  });

  test("a list is replaced as a whole", async () => {
    const { config } = await load({
      file: "allowed_hosts: [a.example, b.example]\n",
      environment: { EP_ALLOWED_HOSTS: " c.example , d.example," },
    });
    expect(config.allowedHosts).toEqual(["c.example", "d.example"]);
    expect(config.origins.get("allowed_hosts")).toBe("environment:EP_ALLOWED_HOSTS");
  });
});

describe("a variable", () => {
  test("stands for each single value of the fixed sections", () => {
    const names = VALUE_VARIABLES.map(({ name }) => name);
    const ofDefaults = names.filter((name) => name.startsWith("EP_DEFAULTS_"));
    expect(ofDefaults).toEqual(expect.arrayContaining(["EP_DEFAULTS_SYSTEM", "EP_DEFAULTS_SAMPLING_TOP_P"]));
    expect(names.filter((name) => !ofDefaults.includes(name))).toEqual([
      ...["HOST", "PORT", "TLS_CERTIFICATE", "TLS_KEY", "TLS_TERMINATED_BY_PROXY"].map((name) => `EP_GRPC_${name}`),
      ...["HOST", "PORT", "TLS_CERTIFICATE", "TLS_KEY", "TLS_TERMINATED_BY_PROXY"].map((name) => `EP_HTTP_${name}`),
      ...["ENABLED", "HOST", "PORT", "TLS_CERTIFICATE", "TLS_KEY", "TLS_TERMINATED_BY_PROXY"].map(
        (name) => `EP_ADMIN_${name}`,
      ),
      "EP_ALLOWED_HOSTS",
      "EP_ALLOWED_ORIGINS",
      ...["MAX_CHAT_SIZE", "MAX_MESSAGE_SIZE", "MAX_IN_FLIGHT_SIZE"].map((name) => `EP_LIMITS_${name}`),
      ...["MAX_CALLS", "MAX_CALLS_PER_KEY", "MAX_EVENT_LOOP_LAG", "MAX_MEMORY"].map((name) => `EP_LIMITS_${name}`),
      "EP_LIMITS_MAX_STREAMS_PER_CONNECTION",
      ...["MAX_CONNECTIONS", "MAX_CONNECTIONS_PER_PEER", "TRUSTED_PEERS", "LOCK_OUT"].map(
        (name) => `EP_LIMITS_${name}`,
      ),
      ...["HEADER_TIMEOUT", "BODY_TIMEOUT", "STALL_TIMEOUT"].map((name) => `EP_LIMITS_${name}`),
      ...["DEFAULT_DEADLINE", "MAX_DEADLINE", "DRAIN"].map((name) => `EP_LIMITS_${name}`),
      ...["LOG_TIME", "LOG_SIZE", "LOG_MEMORY", "CONTINUE_TIME", "CONTINUE_LIMIT", "HAND_OVER_TIME"].map(
        (name) => `EP_STREAMS_${name}`,
      ),
      "EP_STATE_URL",
      "EP_STATE_OUTAGE_USD",
      "EP_PRICES_FILE",
      "EP_DATA_DIR",
      ...["STORE", "URL", "CERTIFICATE_AUTHORITY", "MAX_SPOOL_ROWS"].map((name) => `EP_LEDGER_${name}`),
      ...["KEEP_ROWS", "KEEP_MINUTES", "KEEP_HOURS", "METADATA_KEYS"].map((name) => `EP_LEDGER_${name}`),
      "EP_LOG_LEVEL",
    ]);
  });

  test("may be a decimal, a number of 64 bits, or a list", async () => {
    const { config } = await load({
      environment: {
        EP_DEFAULTS_SAMPLING_TEMPERATURE: "0.25",
        EP_DEFAULTS_SAMPLING_SEED: "9223372036854775807",
        EP_DEFAULTS_SAMPLING_STOP: "END, STOP",
        EP_DEFAULTS_REQUIRES: "tools,image_input",
      },
    });
    expect(config.defaults).toMatchObject({
      sampling: { temperature: 0.25, seed: 9_223_372_036_854_775_807n, stop: ["END", "STOP"] },
      requires: [Capability.TOOLS, Capability.IMAGE_INPUT],
    });
    const problems = await problemsOf({
      environment: { EP_DEFAULTS_SAMPLING_TEMPERATURE: "1e0", EP_DEFAULTS_SAMPLING_SEED: "9223372036854775808" },
    });
    expect(problems).toEqual([
      'EP_DEFAULTS_SAMPLING_TEMPERATURE: defaults.sampling.temperature: must be a number, 0 to 2, not "1e0"',
      'EP_DEFAULTS_SAMPLING_SEED: defaults.sampling.seed: must be a whole number of at most 64 bits, not "9223372036854775808"',
    ]);
  });

  test("is checked by the same rules as the file, and named when it is bad", async () => {
    const problems = await problemsOf({
      environment: { EP_GRPC_PORT: "0x10", EP_LIMITS_DRAIN: "30", EP_GRPC_TLS_TERMINATED_BY_PROXY: "maybe" },
      files: { ".env": "EP_LOG_LEVEL=loud\nEP_ALLOWED_HOSTS=a:1\n" },
    });
    expect(problems.map((problem) => problem.split(/: must/)[0])).toEqual([
      "EP_GRPC_PORT: grpc.port",
      "EP_GRPC_TLS_TERMINATED_BY_PROXY: grpc.tls_terminated_by_proxy",
      "EP_ALLOWED_HOSTS (.env:2): allowed_hosts[0]",
      "EP_LIMITS_DRAIN: limits.drain",
      "EP_LOG_LEVEL (.env:1): log_level",
    ]);
  });

  test("of both listeners gives way to a listener's own", async () => {
    const { config } = await load({
      file: "grpc: { host: 127.0.0.9 }\nhttp: { host: 127.0.0.9 }\n",
      environment: { EP_HOST: "127.0.0.2", EP_HTTP_HOST: "127.0.0.3" },
    });
    expect([config.grpc.host, config.http.host]).toEqual(["127.0.0.2", "127.0.0.3"]);
    expect(config.origins.get("grpc.host")).toBe("environment:EP_HOST");
  });

  test("adds API keys to those of the file", async () => {
    const { config } = await load({
      file: `auth: { keys: { a: { sha256: "${"aa".repeat(32)}", tenant: acme } } }\n`,
      environment: { EP_AUTH_KEYS_SHA256: `a:${HASH}, b:${"02".repeat(32)},${"03".repeat(32)}` },
    });
    expect(config.keys.map(({ name, sha256, tenant, roles }) => [name, sha256, tenant, roles])).toEqual([
      ["a", HASH, "acme", [Role.CALLER]],
      ["b", "02".repeat(32), "default", [Role.CALLER]],
      ["environment-3", "03".repeat(32), "default", [Role.CALLER]],
    ]);
  });

  test("with a key instead of its hash is refused, and the key not repeated", async () => {
    const problems = await problemsOf({ environment: { EP_AUTH_KEYS_SHA256: "ci:my-plain-key" } });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain("EP_AUTH_KEYS_SHA256: auth.keys.ci.sha256: must be the SHA-256 of the key");
    expect(problems[0]).not.toContain("my-plain-key");
  });
});

describe("notices", () => {
  test("name a variable nobody knows, with the nearest one", async () => {
    const { notices } = await load({ environment: { EP_GRCP_PORT: "1", EP_XYZZY: "1", OTHER: "1" } });
    expect(notices).toEqual([
      'EP_GRCP_PORT has no effect: there is no such variable. Did you mean "EP_GRPC_PORT"?',
      "EP_XYZZY has no effect: there is no such variable.",
    ]);
  });

  test("give the admin listener an address, or none, and EP_HOST does not", async () => {
    const admin = async (environment: Record<string, string>) => (await load({ environment })).config.admin;
    expect(await admin({})).toEqual({ host: "127.0.0.1", port: 8001 });
    expect(await admin({ EP_ADMIN_ADDR: "localhost:9000" })).toEqual({ host: "localhost", port: 9000 });
    expect(await admin({ EP_ADMIN_ADDR: "[::1]:0" })).toEqual({ host: "::1", port: 0 });
    expect(await admin({ EP_ADMIN_ADDR: "localhost" })).toEqual({ host: "localhost", port: 8001 });
    expect(await admin({ EP_ADMIN_ADDR: "off" })).toBeUndefined();
    expect(await admin({ EP_ADMIN_ADDR: " OFF " })).toBeUndefined();
    const keys = { EP_AUTH_KEYS_SHA256: "a".repeat(64), EP_TLS_TERMINATED_BY_PROXY: "1" };
    expect(await admin({ ...keys, EP_HOST: "0.0.0.0" })).toEqual({ host: "127.0.0.1", port: 8001 });
  });

  // Mutant seen red: what is no address is taken for a host.
  test.each(["19081", "foo:bar", ":8001", "http://localhost:8001", "127.0.0.1:"])(
    "refuse %s as an address",
    async (value) => {
      expect(await problemsOf({ environment: { EP_ADMIN_ADDR: value } })).toEqual([
        "EP_ADMIN_ADDR: : must be host:port, such as 127.0.0.1:8001, or off",
      ]);
    },
  );

  test("name variables whose feature has not come", async () => {
    const names = ["EP_WORKSPACE_ROOT"];
    const { notices } = await load({ environment: Object.fromEntries(names.map((name) => [name, "1"])) });
    expect(notices).toEqual(names.map((name) => `${name} has no effect yet: what it sets has not been built`));
  });

  test("name the variables of a kind there is not", async () => {
    const { notices } = await load({ environment: { EP_LLAMA_API_KEY: "sk-1" } });
    expect(notices).toEqual(['EP_LLAMA_API_KEY has no effect: there is no provider kind "llama".']);
  });

  test("do not name a variable the file refers to", async () => {
    const { notices } = await load({
      file: "providers: { near: { kind: openai, api_key: { env: EP_NEAR_SECRET } } }\n",
      environment: { EP_NEAR_SECRET: "sk-1" },
    });
    expect(notices).toEqual([]);
  });

  test("say when EP_PROVIDER and EP_MODEL choose for nobody", async () => {
    const { notices } = await load({
      file: "personas: { default: { candidates: [{ provider: mock }] } }\nproviders: { mock: { kind: mock } }\n",
      environment: { EP_PROVIDER: "mock", EP_MODEL: "m" },
    });
    expect(notices).toEqual([
      "EP_PROVIDER has no effect: every persona names its candidates",
      "EP_MODEL has no effect: every persona names its candidates",
    ]);
  });
});
