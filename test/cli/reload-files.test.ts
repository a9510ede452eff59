import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { hashKey } from "../../src/server/auth.ts";
import { type ServeProcess, startServe } from "../support/serve.ts";
import { waitFor } from "../support/wait.ts";

const REFUSED = "the new configuration is refused, and the old one stays in force";
const IN_FORCE = "the configuration was loaded anew and is in force";

const withKeys = `auth: { keys: { ci: { sha256: ${hashKey("k")} } } }\n`;
const said = `providers: { mock: { kind: mock, quirks: { script: [{ text: "from the file" }] } } }\n`;

let directory: string;
let gateway: ServeProcess;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ep-reload-"));
});
afterEach(async () => {
  await gateway.stop();
  rmSync(directory, { recursive: true, force: true });
});

const at = (name: string): string => join(directory, name);
const write = (name: string, text: string): void => writeFileSync(at(name), text);
const serve = async (environment: Readonly<Record<string, string>> = {}): Promise<void> => {
  gateway = await startServe({ workingDirectory: directory, environment });
};

/** Does something, and gives what was logged of it. */
async function told(change: () => void): Promise<string> {
  const before = gateway.stderr().length;
  change();
  return waitFor(
    () => {
      const log = gateway.stderr().slice(before);
      return log.endsWith("\n") && log;
    },
    { what: "what became of the change" },
  );
}

const providers = async (): Promise<string> => (await fetch(`${gateway.httpUrl}/v1/capabilities`)).text();

/** The status that a call gets, and its answer. */
async function ask(key?: string): Promise<readonly [number, string]> {
  const response = await fetch(`${gateway.httpUrl}/v1/chat`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key !== undefined && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ messages: [{ role: "user", content: "Hi" }] }),
  });
  return [response.status, await response.text()];
}

// Attack: whoever can make a file vanish for a moment, or a deployment that does so by mistake, must not open the gateway.
describe("a running gateway whose file vanishes", () => {
  // Mutants seen red: a file that is gone taken for none; no look at the keys that were in force.
  test("stays closed, says why, and takes the file up once it is there again", async () => {
    write("execution-platform.yaml", withKeys + said);
    await serve();
    const isClosed = async (): Promise<void> => {
      expect((await ask())[0]).toBe(401);
      expect((await ask("k"))[1]).toContain("from the file");
    };
    const gone = await told(() => rmSync(at("execution-platform.yaml")));
    expect(gone).toContain(REFUSED);
    expect(gone).toContain("execution-platform.yaml");
    await isClosed();
    for (const text of ["", " \n", "# nothing but a remark\n", said]) {
      expect(await told(() => write("execution-platform.yaml", text))).toContain(REFUSED);
      await isClosed();
    }
    expect(await told(() => write("execution-platform.yaml", withKeys + said))).toContain(IN_FORCE);
    await isClosed();
  });

  // Mutants seen red: a file that is gone, or that is blank, taken for a good one.
  test("goes on with what the file said though keys come from elsewhere", async () => {
    write("execution-platform.yaml", said);
    await serve({ EP_AUTH_KEYS_SHA256: `ci:${hashKey("k")}` });
    for (const vanish of [() => rmSync(at("execution-platform.yaml")), () => write("execution-platform.yaml", "\n")]) {
      expect(await told(vanish)).toContain("execution-platform.yaml is gone or has no text");
      expect((await ask("k"))[1]).toContain("from the file");
    }
    expect(await told(() => write("execution-platform.yaml", "# on purpose\n"))).toContain(IN_FORCE);
    expect((await ask("k"))[1]).not.toContain("from the file");
  });

  // Mutant seen red: files of variables not compared.
  test.each([".env", "EP_keys.env"])("of variables stays closed (%s)", async (name) => {
    write("execution-platform.yaml", said);
    write(name, `EP_AUTH_KEYS_SHA256=ci:${hashKey("k")}\n`);
    await serve();
    expect(await told(() => rmSync(at(name)))).toContain(name);
    expect((await ask())[0]).toBe(401);
    expect(await told(() => write(name, "EP_LOG_LEVEL=info\n"))).toContain(REFUSED);
    expect((await ask())[0]).toBe(401);
  });

  test("may be replaced by another one, and a file of variables by none that says a word", async () => {
    write("old.yaml", withKeys);
    write("new.yaml", withKeys + said);
    write(".env", "EP_CONFIG=old.yaml\n");
    write("EP_more.env", "EP_DRAIN=1s\n");
    await serve();
    const replace = (): void => {
      write(".env", "EP_CONFIG=new.yaml\n");
      rmSync(at("old.yaml"));
    };
    expect(await told(replace)).toContain(IN_FORCE);
    expect(await told(() => write("EP_more.env", "# none\n"))).toContain(IN_FORCE);
    expect((await ask("k"))[1]).toContain("from the file");
  });
});

describe("a running gateway", () => {
  test("takes up a provider that is set in .env, as its banner says", async () => {
    await serve();
    expect(gateway.stdout()).toContain("in .env, which is read anew at once");
    expect(await providers()).not.toContain("openai");
    expect(await told(() => write(".env", "EP_OPENAI_BASE_URL=http://127.0.0.1:1/v1\n"))).toContain(IN_FORCE);
    expect(await providers()).toContain("openai");
  });
});
