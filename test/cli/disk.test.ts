import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { runCommand } from "./run-command.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ep-disk-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const write = (name: string, content: string | Uint8Array): void => writeFileSync(join(directory, name), content);

/** What `config check` says of the files that were written. */
async function check(environment: Readonly<Record<string, string>> = {}): Promise<string> {
  const { stdout, stderr } = await runCommand(["config", "check"], { workingDirectory: directory, environment });
  return stdout + stderr;
}

describe("a file that is not UTF-8", () => {
  const persona = "personas: { default: { description: Prüferin } }\n";

  // Mutant seen red: bytes that are no text read as U+FFFD.
  test.each([
    ["execution-platform.yaml", Buffer.from(persona, "latin1")],
    ["execution-platform.yaml", Buffer.from(`\uFEFF${persona}`, "utf16le")],
    [".env", Buffer.from("EP_PROVIDER=prüf\n", "latin1")],
    ["personas.json", Buffer.from('{ "prüferin": "mock" }', "latin1")],
  ])("is refused by its name: %s", async (name, content) => {
    write(name, content);
    const environment = name === "personas.json" ? { EP_PERSONA_PROVIDER_MAP_PATH: name } : undefined;
    expect(await check(environment)).toContain(`  ${name}: the file cannot be read (it is not UTF-8)\n`);
  });

  test.each([
    ["latin.yaml", Buffer.from(persona, "latin1"), "it is not UTF-8"],
    [".", undefined, "EISDIR"],
  ])("that the command line names is refused like any other: %s", async (name, content, reason) => {
    if (content !== undefined) write(name, content);
    const { stderr, status } = await runCommand(["config", "check", name], { workingDirectory: directory });
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^error: the configuration is refused.*\n.*\n$/)]);
    expect(stderr).toContain(`the file cannot be read (${reason})`);
  });

  test("is another thing than one with letters of any kind", async () => {
    write("execution-platform.yaml", persona);
    expect(await check()).toContain("The configuration is good");
  });
});

describe("a byte order mark", () => {
  // Mutant seen red: the mark kept.
  test("is not part of what a file says", async () => {
    write("execution-platform.yaml", "\uFEFFlog_level: warn\n");
    write(".env", "\uFEFFEP_PERSONA_PROVIDER_MAP_PATH=personas.json\n");
    write("personas.json", '\uFEFF{ "reviewer": "mock" }');
    const said = await check();
    expect(said).toContain("The configuration is good: 1 provider instance, 1 persona");
    expect(said).toContain("log_level: file:1");
    expect(said).toContain("personas.reviewer.candidates: persona-map:reviewer");
  });
});
