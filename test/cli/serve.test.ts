import { spawnSync } from "node:child_process";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type ChatRequestInit, type Client, createClient, Role, text } from "../../src/client/index.ts";
import { type ProgramOptions, type ServeProcess, startProgram, startServe } from "../support/serve.ts";
import { waitFor, within } from "../support/wait.ts";

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function serve(options?: ProgramOptions): Promise<{ readonly gateway: ServeProcess; readonly client: Client }> {
  const gateway = await startServe(options);
  cleanUps.push(() => gateway.stop());
  const client = createClient({ baseUrl: gateway.grpcUrl });
  cleanUps.push(() => client.close());
  return { gateway, client };
}

/** A Chat that the mock answers by this script. */
function scripted(...script: readonly object[]): ChatRequestInit {
  return {
    messages: [{ role: Role.USER, parts: [text("Hi")] }],
    providerOptionsJson: { mock: JSON.stringify({ script }) },
  };
}

/** Says "a", and "b" after a while. */
const slow = scripted({ text: "a" }, { delay_ms: 2000 }, { text: "b" });

describe("serve", () => {
  test("answers the client, the command line and the banner's curl line", async () => {
    const { gateway, client } = await serve();
    expect((await client.persona("default").chat("From the client").collect()).text).toContain("From the client");

    const chat = startProgram(["chat", "From the command line", "--base-url", gateway.grpcUrl]);
    expect(await chat.ended).toBe(0);
    expect(chat.stdout()).toContain("From the command line");

    const [curl = ""] = /^curl .*$/m.exec(gateway.stdout()) ?? [];
    const answered = spawnSync("sh", ["-c", `${curl} --silent --show-error`], { encoding: "utf8", timeout: 10_000 });
    expect(answered.stderr).toBe("");
    expect(answered.stdout).toContain("event: token\n");
    expect(answered.stdout).toContain("event: done\n");
  });

  test("ends a running call on SIGTERM, refuses new ones, and exits with 0", async () => {
    const { gateway, client } = await serve();
    let said = "";
    let refused: unknown;
    for await (const { event } of client.chat(slow)) {
      if (event.case !== "textDelta") continue;
      said += event.value.text;
      if (said !== "a") continue;
      gateway.child.kill("SIGTERM");
      await waitFor(() => gateway.stderr().includes("stopping"), { what: "the drain" });
      refused = await client
        .chat(slow)
        .collect()
        .catch((thrown: unknown) => thrown);
    }
    expect(said).toBe("ab");
    expect(refused).toMatchObject({ code: "UNAVAILABLE", reason: "DRAINING", retryable: true });
    expect(await within(gateway.ended, { what: "the end", timeoutMs: 20_000 })).toBe(0);
  });

  test("takes two signals in a row, as a terminal and npm send them for one Ctrl-C, for one", async () => {
    const { gateway, client } = await serve();
    let said = "";
    for await (const { event } of client.chat(slow)) {
      if (event.case !== "textDelta") continue;
      if (said === "") for (let count = 0; count < 2; count += 1) gateway.child.kill("SIGINT");
      said += event.value.text;
    }
    expect(said).toBe("ab");
    expect(await within(gateway.ended, { what: "the end", timeoutMs: 20_000 })).toBe(0);
  });

  test("a second signal ends it at once", async () => {
    const { gateway, client } = await serve();
    const stalled = client
      .chat(scripted({ text: "a" }, { stall: true }))
      .collect()
      .catch((thrown: unknown) => thrown);
    const events = client.chat(scripted({ text: "a" }, { stall: true }))[Symbol.asyncIterator]();
    await events.next();
    gateway.child.kill("SIGINT");
    await waitFor(() => gateway.stderr().includes("stopping"), { what: "the drain" });
    const again = setInterval(() => gateway.child.kill("SIGINT"), 200);
    expect(await within(gateway.ended, { what: "the end" }).finally(() => clearInterval(again))).toBe(130);
    expect(await stalled).toMatchObject({ name: "ChatError" });
    await expect(
      events
        .next()
        .then(() => events.next())
        .then(() => events.next()),
    ).rejects.toMatchObject({ name: "ChatError" });
  });

  test("a bug that nobody caught is logged, and the others are served on", async () => {
    const planted = `process.on("SIGUSR2", () => { Promise.reject(new Error("planted rejection")); throw new Error("planted error"); })`;
    const { gateway, client } = await serve({
      nodeOptions: ["--import", `data:text/javascript,${encodeURIComponent(planted)}`],
    });
    const running = client.chat(slow).collect();
    gateway.child.kill("SIGUSR2");
    await waitFor(() => ["planted error", "planted rejection"].every((words) => gateway.stderr().includes(words)), {
      what: "the log",
    });
    expect((await running).text).toBe("ab");
    expect((await client.persona("default").chat("Hi").collect()).text).toContain("Hi");
  });

  test("says in one line that a port is taken", async () => {
    const { gateway } = await serve();
    for (const [variable, url] of [
      ["EP_GRPC_PORT", gateway.grpcUrl],
      ["EP_HTTP_PORT", gateway.httpUrl],
    ] as const) {
      const environment = { EP_GRPC_PORT: "0", EP_HTTP_PORT: "0", EP_ADMIN_ADDR: "off", [variable]: new URL(url).port };
      const second = startProgram(["serve"], { environment });
      expect(await second.ended).toBe(1);
      expect(second.stderr()).toMatch(
        /^error: cannot listen on 127\.0\.0\.1:\d+ for (gRPC|HTTP): something else listens there[^\n]*\n$/,
      );
      expect(second.stderr()).toContain(variable);
      expect(second.stdout()).toBe("");
    }
  });

  test("says which part of the configuration is wrong", async () => {
    const refused = startProgram(["serve"], { environment: { EP_HOST: "0.0.0.0" } });
    expect(await refused.ended).toBe(1);
    expect(refused.stderr()).toContain("EP_HOST");
  });
});

test("an older Node ends at once with one line", async () => {
  const older = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.19.5" } })`;
  const program = startProgram(["serve"], {
    nodeOptions: ["--import", `data:text/javascript,${encodeURIComponent(older)}`],
  });
  expect(await program.ended).toBe(1);
  expect(program.stderr()).toMatch(/^execution-platform needs Node 24 or newer and this is 20\.19\.5[^\n]*\n$/);
});

test("chat says in one line that no gateway is there", async () => {
  const chat = startProgram(["chat", "Hi", "--base-url", "http://127.0.0.1:1"]);
  expect(await chat.ended).toBe(1);
  expect(chat.stderr()).toMatch(
    /^error: UNAVAILABLE: no answer from the gateway at http:\/\/127\.0\.0\.1:1: [^\n]*serve[^\n]*\n$/,
  );
});
