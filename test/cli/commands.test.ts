import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromJsonString } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createInvariantChecker } from "../../src/contract/invariants.ts";
import type { RunningGateway } from "../../src/gateway.ts";
import { ChatResponseSchema } from "../../src/gen/execution/v1/chat_pb.js";
import { Secret } from "../../src/secret.ts";
import { hashKey } from "../../src/server/auth.ts";
import { createCertificate } from "../support/certificate.ts";
import { startTestGateway, testProvider } from "../support/gateway.ts";
import { runCommand } from "./run-command.ts";

describe("commands that call a gateway", () => {
  let gateway: RunningGateway;
  let environment: Record<string, string>;

  beforeAll(async () => {
    const script = [
      { reasoning: "Let me think." },
      { text: ["It ", "is."] },
      { warning: { code: "FIELD_IGNORED", field: "sampling.seed", text: "there is no seed" } },
      { tool_call: { name: "look_up", arguments: '{"a":1}' } },
      { finish: { reason: "LENGTH" } },
    ];
    gateway = await startTestGateway({
      providers: [testProvider(), testProvider({ name: "scripted", quirks: { script } })],
    });
    environment = { EXECUTION_PLATFORM_URL: gateway.grpcUrl };
  });

  afterAll(() => gateway.stop());

  test("chat prints the answer's text and nothing else", async () => {
    const { status, stdout, stderr } = await runCommand(["chat", "Why is the sky blue?"], { environment });
    expect(stdout).toMatch(/^Hello from the mock! You said: Why is the sky blue\?\n$/);
    expect([status, stderr]).toEqual([0, ""]);
  });

  test("chat reads the message from standard input for -", async () => {
    const { stdout } = await runCommand(["chat", "-"], { environment, stdin: "From a pipe" });
    expect(stdout).toContain("From a pipe");
  });

  test("chat prints one ProtoJSON event a line with --json", async () => {
    const { stdout } = await runCommand(["chat", "--json", "Hi"], { environment });
    const checker = createInvariantChecker();
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => fromJsonString(ChatResponseSchema, line));
    expect(events.map((event) => checker.next(event)).filter((broken) => broken !== undefined)).toEqual([]);
    expect(checker.end("success")).toBeUndefined();
  });

  test("chat takes provider, model and system message from its options", async () => {
    const args = ["chat", "--provider", "mock", "--model", "mock-text", "--system", "Be brief.", "--json", "Hi"];
    const { stdout } = await runCommand(args, { environment });
    expect(stdout).toContain('"model":"mock-text"');
  });

  test("chat keeps what is not the answer's text out of standard output", async () => {
    const args = ["chat", "--provider", "scripted", "Hi"];
    const piped = await runCommand(args, { environment });
    expect(piped.stdout).toBe("It is.\n");
    expect(piped.stderr).toMatch(
      /^warning: there is no seed\ntool call: look_up {"a":1}\nscripted\/mock: \d+ tokens in, \d+ out, 0 USD, \d\.\d s, finished with LENGTH\n$/,
    );
    const shown = await runCommand(args, { environment, terminal: true });
    expect(shown.stdout).toBe("It is.");
    expect(shown.stderr).toContain("\u001b[2mLet me think.\u001b[22m");
  });

  test("chat tells on a terminal who answered, and lets no control characters through", async () => {
    const { stdout, stderr } = await runCommand(["chat", "red \u001b[31m alert"], { environment, terminal: true });
    expect(stdout).not.toContain("\u001b");
    expect(stdout).toContain("alert");
    expect(stderr).toMatch(/mock\/mock: \d+ tokens in, \d+ out/);
  });

  test.each(["chat", "plan"])("%s says whose default persona serves where none is named", async (command) => {
    const { stdout } = await runCommand([command, "--help"]);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain(
      "(default: the tenant's default_persona, else the persona default)",
    );
  });

  test("capabilities lists providers, models and personas", async () => {
    const { stdout } = await runCommand(["capabilities"], { environment });
    expect(stdout).toContain("mock (mock, cannot spend)");
    expect(stdout).toMatch(/Personas\n {2}default\n {4}mock\/mock/);
    const { stdout: json } = await runCommand(["capabilities", "--json", "--provider", "mock"], { environment });
    expect(JSON.parse(json)).toMatchObject({ providers: [{ provider: "mock" }], platformVersion: "0.0.0" });
  });

  test("costs shows what was used as a table, and the response with --json", async () => {
    await runCommand(["chat", "Hi"], { environment });
    const args = ["costs", "--since", "1h", "--group-by", "provider,model", "--provider", "mock", "--model", "mock"];
    const { stdout, status } = await runCommand(args, { environment });
    const [heading, row, total] = stdout.split("\n").map((line) => line.split(/ {2,}/));
    expect(status).toBe(0);
    expect(heading).toEqual(["provider", "model", "calls", "attempts", "input", "cached", "output", "USD", "unpriced"]);
    expect(row?.slice(0, 2)).toEqual(["mock", "mock"]);
    expect([row?.at(-2), row?.at(-1)]).toEqual(["0.000000000", "0"]);
    expect(total?.[0]).toBe("total");
    expect(total?.slice(1)).toEqual(row?.slice(2));
    const { stdout: json } = await runCommand([...args, "--json"], { environment });
    expect(JSON.parse(json)).toMatchObject({ rows: [{ group: ["mock", "mock"] }], total: { costNanoUsd: "0" } });
  });

  // Mutant seen red: the name of the metadata is not sent.
  test("costs groups and filters by metadata, under its name", async () => {
    const args = ["costs", "--since", "1h", "--group-by", "metadata.team,model", "--metadata", "team="];
    await runCommand(["chat", "Hi"], { environment });
    const { stdout } = await runCommand(args, { environment });
    expect(stdout).toMatch(/^team {2,}model .*\n- {2,}mock /);
    const other = await runCommand(["costs", "--metadata", "team=blue"], { environment });
    expect(other.stdout).toMatch(/\n +0 /);
    const refusal = await runCommand(["costs", "--metadata", "team"], { environment });
    expect(refusal.stderr).toContain("team is no metadata; write name=value");
  });

  test("costs says so where there are more rows than it shows", async () => {
    await runCommand(["chat", "--provider", "mock", "Hi"], { environment });
    await runCommand(["chat", "--provider", "scripted", "Hi"], { environment });
    const args = ["costs", "--since", "1h", "--group-by", "provider"];
    const { stdout } = await runCommand([...args, "--limit", "1"], { environment });
    expect(stdout).toMatch(/^provider.*\nmock .*\ntotal .*\n\nThere are more rows; --limit/);
    expect((await runCommand(args, { environment })).stdout).not.toContain("more rows");
  });

  test("costs refuses times and dimensions that are none before anything is sent", async () => {
    expect((await runCommand(["costs", "--since", "yesterday"])).stderr).toContain("24h, 7d");
    expect((await runCommand(["costs", "--since", "2026-02-30"])).stderr).toContain("24h, 7d");
    expect((await runCommand(["costs", "--until", "2026-13-01"])).stderr).toContain("24h, 7d");
    expect((await runCommand(["costs", "--limit", "0"])).stderr).toContain("from 1 to 10000");
    expect((await runCommand(["costs", "--group-by", "day,colour"])).stderr).toContain(
      "colour is nothing costs can be",
    );
  });

  test("a refused call is one line with its reason, and status 1", async () => {
    const { status, stdout, stderr } = await runCommand(["chat", "--persona", "nobody", "Hi"], { environment });
    expect(stderr).toMatch(/^error: PERSONA_NOT_FOUND: [^\n]+ \[req_\w+\]\n$/);
    expect([status, stdout]).toEqual([1, ""]);
  });

  // Mutant seen red: the failure's words written as they are.
  test("a failure's words let no control characters through to a terminal", async () => {
    const args = ["chat", "--base-url", "\u001b[2Jhttp", "Hi"];
    const { stderr } = await runCommand(args, { environment, terminal: true });
    expect(stderr).toBe("error: [2Jhttp is not a URL such as http://127.0.0.1:50051\n");
  });

  test("a call that the user interrupts ends quietly with status 130", async () => {
    const { status, stderr } = await runCommand(["chat", "Hi"], { environment, stop: AbortSignal.abort() });
    expect([status, stderr]).toEqual([130, ""]);
  });

  test("a wrong option, URL or time is refused before anything is sent", async () => {
    expect((await runCommand(["chat", "--timeout", "soon", "Hi"])).stderr).toContain("500ms, 30s or 5m");
    expect((await runCommand(["chat", "--base-url", "localhost:1", "Hi"])).stderr).toContain("is not a URL");
    expect((await runCommand(["chat", " "])).stderr).toContain("the message is empty");
    expect((await runCommand(["chatt", "Hi"])).status).toBe(1);
  });
});

describe("a URL whose scheme is not the server's", () => {
  const chat = async (url: string): Promise<string> => {
    const { status, stderr } = await runCommand(["chat", "--base-url", url, "Hi"]);
    expect(status).toBe(1);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    return stderr;
  };

  test("http where TLS is served is said to be so on either port", async () => {
    const { certificate, key } = createCertificate();
    const listener = { host: "127.0.0.1", port: 0, tls: { certificate, key: new Secret(key) } };
    const gateway = await startTestGateway({ config: { grpc: listener, http: listener } });
    try {
      for (const url of [gateway.grpcUrl, gateway.httpUrl]) {
        expect(await chat(url.replace("https:", "http:"))).toContain("if it serves TLS, its URL begins with https:");
      }
      expect(await chat(gateway.grpcUrl)).toContain("NODE_EXTRA_CA_CERTS");
    } finally {
      await gateway.stop();
    }
  });

  test("https where no TLS is served is said to be so on either port", async () => {
    const gateway = await startTestGateway();
    try {
      for (const url of [gateway.grpcUrl, gateway.httpUrl]) {
        expect(await chat(url.replace("http:", "https:"))).toContain("if it serves no TLS, its URL begins with http:");
      }
    } finally {
      await gateway.stop();
    }
  });
});

describe("key", () => {
  test("prints a key once, with the hash the gateway accepts it by", async () => {
    const { stdout } = await runCommand(["key", "--name", "ci"]);
    const [, made = ""] = /shown this once: (\S+)/.exec(stdout) ?? [];
    expect(stdout.split(made)).toHaveLength(2);
    expect(stdout).toContain(`EP_AUTH_KEYS_SHA256=ci:${hashKey(made)}`);
    const { stdout: again } = await runCommand(["key"]);
    expect(again).not.toContain(made);
  });

  test("names the commands that read it, and so does the help of each", async () => {
    const { stdout } = await runCommand(["key"]);
    const commands = "chat, plan, capabilities and costs";
    expect(stdout).toContain(`${commands} read it from EXECUTION_PLATFORM_API_KEY.`);
    expect((await runCommand(["--help"])).stdout).toContain(`Environment of ${commands}:`);
  });

  test("its lines are a configuration that is accepted", async () => {
    const directory = mkdtempSync(join(tmpdir(), "ep-key-"));
    try {
      const { stdout } = await runCommand(["key", "--name", "ci"]);
      writeFileSync(join(directory, "ep.yaml"), stdout.slice(stdout.indexOf("auth:"), stdout.indexOf("\n\nor")));
      const checked = await runCommand(["config", "check", "ep.yaml"], { workingDirectory: directory });
      expect(checked).toMatchObject({ status: 0, stdout: expect.stringContaining("1 API key") });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe("config check", () => {
  test("says where each value that is no default comes from", async () => {
    const { status, stdout } = await runCommand(["config", "check"], { environment: { EP_GRPC_PORT: "6000" } });
    expect(status).toBe(0);
    expect(stdout).toContain("grpc.port: environment:EP_GRPC_PORT");
  });

  test("names a file that is not there as it was given, and not a variable that nobody set", async () => {
    const { status, stderr } = await runCommand(["config", "check", "not-there.yaml"]);
    expect(status).toBe(1);
    expect(stderr).toContain("there is no file");
    expect(stderr).toContain("not-there.yaml");
    expect(stderr).not.toContain("EP_CONFIG");
  });

  test("names everything that is wrong, with its place", async () => {
    const { status, stderr } = await runCommand(["config", "check"], {
      environment: { EP_GRPC_PORT: "fifty", EP_LOG_LEVEL: "loud" },
    });
    expect(status).toBe(1);
    expect(stderr).toContain("EP_GRPC_PORT");
    expect(stderr).toContain("EP_LOG_LEVEL");
    expect(stderr).not.toContain(" at ");
  });
});
