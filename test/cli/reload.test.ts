import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Client, createClient, Role, text } from "../../src/client/index.ts";
import { type ServeProcess, startServe } from "../support/serve.ts";
import { waitFor } from "../support/wait.ts";

/** A configuration whose answers say which revision served them, and take a while. */
const good = (revision: number): string => `# revision ${revision}
providers:
  mock:
    kind: mock
    quirks: { script: [{ text: "revision ${revision}" }, { delay_ms: 150 }, { text: ", whole" }] }
personas:
  default: { candidates: [{ provider: mock }] }
`;

/** Ways to break a file, each with the line that its refusal must name. */
const breaks: readonly { readonly break: (text: string) => string; readonly line: number }[] = [
  { line: 7, break: (text) => text.replace("[{ provider: mock }]", "[{ provider: mock }") }, // no YAML
  { line: 5, break: (text) => text.slice(0, text.indexOf("delay_ms")) }, // half-written
  { line: 6, break: (text) => text.replace("personas:", "person:") },
  { line: 7, break: (text) => text.replace("candidates:", "candidats:") },
  { line: 5, break: (text) => text.replace("quirks:", "headers: { x-team: { env: NOT_SET_ANYWHERE } }, quirks:") },
  { line: 8, break: (text) => `${text}  next: { system: { file: nowhere } }\n` },
  { line: 4, break: (text) => text.replace("kind: mock", "kind: mocc") },
  { line: 7, break: (text) => text.replace("provider: mock", "provider: mokc") },
];

/** Whether the change at this place of 100 is a broken one: 60 are. */
const isBroken = (index: number): boolean => index % 5 < 3;

interface LogLine {
  readonly msg: string;
  /** How many lines of problems follow. */
  readonly problems?: number;
  readonly where?: string;
}

describe("a running gateway whose file changes", () => {
  let directory: string;
  let gateway: ServeProcess;
  let client: Client;

  const path = (): string => join(directory, "execution-platform.yaml");
  const write = (content: string, index: number): void => {
    // By turns in place, and as editors do.
    if (index % 2 === 0) return writeFileSync(path(), content);
    writeFileSync(`${path()}~`, content);
    renameSync(`${path()}~`, path());
  };
  const log = (): readonly LogLine[] =>
    gateway
      .stderr()
      .split("\n")
      .slice(0, -1)
      .map((line): LogLine => JSON.parse(line));
  /** Does something, and gives the lines that say what became of it. */
  const told = (change: () => void): Promise<readonly LogLine[]> => {
    const before = log().length;
    change();
    return waitFor(
      () => {
        const lines = log().slice(before);
        return lines.length > (lines[0]?.problems ?? 0) && lines;
      },
      { what: "what became of the change" },
    );
  };
  const question = { messages: [{ role: Role.USER, parts: [text("Hi")] }] };
  const overGrpc = async (): Promise<string> => (await client.chat(question).collect()).text;
  const overHttp = async (): Promise<string> => {
    const response = await fetch(`${gateway.httpUrl}/v1/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ messages: [{ role: "user", content: "Hi" }] }),
    });
    const events = await response.text();
    if (!events.includes("event: done")) throw new Error(`no end: ${response.status} ${events}`);
    return [...events.matchAll(/^event: token\ndata: (.*)$/gm)].map(([, data = ""]) => JSON.parse(data).text).join("");
  };

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "ep-reload-"));
    writeFileSync(path(), good(0));
    gateway = await startServe({ workingDirectory: directory });
    client = createClient({ baseUrl: gateway.grpcUrl });
  }, 30_000);

  afterAll(async () => {
    client.close();
    await gateway.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  // Mutants seen red: what is left of a refused configuration put in force; the watch not armed again after a refusal; running calls ended.
  test("100 times, 60 of them for the worse, serves every call, keeps what is good, and names each mistake with file and line", async () => {
    let inForce = 0;
    let done = false;
    const failures: unknown[] = [];
    const answers: number[] = [];
    let endedAsBegun = 0;
    const callWithoutEnd = async (call: () => Promise<string>): Promise<void> => {
      while (!done && failures.length === 0) {
        const before = inForce;
        try {
          const answer = await call();
          const revision = Number(/^revision (\d+), whole$/.exec(answer)?.[1]);
          // A call may begin just before a change is in force, and be told of it just after.
          if (!(revision >= before && revision <= inForce + 5 && !isBroken(revision - 1)) && revision !== 0) {
            throw new Error(`"${answer}" while revision ${before} to ${inForce} was in force`);
          }
          answers.push(revision);
          if (revision < inForce) endedAsBegun += 1;
        } catch (thrown) {
          failures.push(thrown);
        }
      }
    };
    const calls = [overGrpc, overGrpc, overHttp, overHttp].map(callWithoutEnd);
    const refusals: (readonly [number, string, string])[] = [];
    try {
      for (let index = 0; index < 100; index += 1) {
        const breaking = isBroken(index) ? breaks[index % breaks.length] : undefined;
        const lines = await told(() => write(breaking?.break(good(index + 1)) ?? good(index + 1), index));
        if (breaking === undefined) {
          expect(lines.map(({ msg }) => msg)).toEqual(["the configuration was loaded anew and is in force"]);
          inForce = index + 1;
          expect(await overGrpc()).toBe(`revision ${inForce}, whole`);
        } else {
          const [summary, first] = lines;
          expect(summary?.msg).toBe("the new configuration is refused, and the old one stays in force");
          refusals.push([index, `execution-platform.yaml:${breaking.line}`, first?.where?.replace(/:\d+$/, "") ?? ""]);
        }
      }
    } finally {
      done = true;
      await Promise.all(calls);
    }
    expect(failures).toEqual([]);
    expect(refusals).toHaveLength(60);
    expect(refusals.filter(([, expected, named]) => named !== expected)).toEqual([]);
    expect(answers.length).toBeGreaterThan(100);
    expect(new Set(answers).size).toBeGreaterThan(30);
    expect(endedAsBegun).toBeGreaterThan(10);
  }, 240_000);

  test("and that is sent SIGHUP loads it anew though nothing has changed, and says what needs a restart", async () => {
    const [line] = await told(() => gateway.child.kill("SIGHUP"));
    expect(line?.msg).toBe("the configuration was loaded anew and is in force");
    writeFileSync(path(), `${good(200)}limits: { max_chat_size: 2MiB }\n`);
    await waitFor(
      () => log().some(({ msg }) => msg.startsWith("limits.max_chat_size was changed, which needs a restart")),
      {
        what: "the word on the restart",
      },
    );
    expect(await overHttp()).toBe("revision 200, whole");
  });
});

describe("serve --no-watch", () => {
  test("loads its configuration anew at SIGHUP alone", async () => {
    const directory = mkdtempSync(join(tmpdir(), "ep-reload-"));
    writeFileSync(join(directory, "execution-platform.yaml"), good(0));
    const gateway = await startServe({ workingDirectory: directory, args: ["--no-watch"] });
    const client = createClient({ baseUrl: gateway.grpcUrl });
    try {
      writeFileSync(join(directory, "execution-platform.yaml"), good(1));
      const answer = () => client.persona("default").chat("Hi").collect();
      expect((await answer()).text).toBe("revision 0, whole");
      gateway.child.kill("SIGHUP");
      await waitFor(() => gateway.stderr().includes("in force"), { what: "the reload" });
      expect((await answer()).text).toBe("revision 1, whole");
    } finally {
      client.close();
      await gateway.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
