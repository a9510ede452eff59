import { describe, expect, test } from "@jest/globals";
import { createReloader } from "../../src/cli/reload.ts";
import { createLog, type LogLevel } from "../../src/telemetry/log.ts";
import { load } from "../config/load-from.ts";

/** What is logged of a reload that puts the level `next` in force, and then of something else. */
async function logged(first: LogLevel, next: LogLevel): Promise<readonly string[]> {
  const lines: string[] = [];
  const log = createLog(first, { write: (line) => lines.push(JSON.parse(line).msg) });
  const loaded = await load({ file: `log_level: ${next}\n` });
  const applied = Promise.withResolvers<void>();
  const reloader = createReloader({
    load: async () => loaded,
    apply: () => {
      applied.resolve();
      return { needsRestart: ["http.port"] };
    },
    log,
    inForce: await load({ file: `log_level: ${first}\n` }),
  });
  reloader.request("test");
  await applied.promise;
  await reloader.close();
  log.warn("something else");
  return lines;
}

describe("what became of a change is told", () => {
  const whole = [
    "the configuration was loaded anew and is in force",
    "http.port was changed, which needs a restart; until then it stays as it is",
  ];

  // Mutant seen red: the level set before the lines are written.
  test("though the change itself silences the log", async () => {
    expect(await logged("info", "silent")).toEqual(whole);
    expect(await logged("info", "error")).toEqual(whole);
  });

  // Mutant seen red: the level set after the lines are written.
  test("though the log was silent until then", async () => {
    expect(await logged("silent", "info")).toEqual([...whole, "something else"]);
  });

  test("not where the log was silent and stays so", async () => {
    expect(await logged("silent", "silent")).toEqual([]);
  });
});
