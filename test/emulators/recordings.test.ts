import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  fixtureNames,
  loadCase,
  loadFixture,
  loadIndex,
  recordingsAvailable,
  rowsOf,
  toExchange,
} from "../support/recordings.ts";

const fixtures = join(import.meta.dirname, "../fixtures/openai-chat");
const given = process.env.EP_TEST_RECORDINGS;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "recordings-"));
  process.env.EP_TEST_RECORDINGS = directory;
});
afterEach(() => {
  if (given === undefined) delete process.env.EP_TEST_RECORDINGS;
  else process.env.EP_TEST_RECORDINGS = given;
  rmSync(directory, { recursive: true, force: true });
});

/** Lays two fixtures out as recordings are: two providers, one row of another API among them. */
function layOut() {
  const dirs = ["text-unicode", "whole-tool-call"].map((name, index) => {
    const dir = `cases/provider${index}/openai-chat/${name}`;
    cpSync(join(fixtures, name), join(directory, dir), { recursive: true });
    return dir;
  });
  mkdirSync(join(directory, "cases/provider0"), { recursive: true });
  const rows = dirs.map((dir) => ({
    id: dir.split("/").at(-1),
    provider: dir.split("/")[1],
    api: "openai-chat",
    stream: true,
    dir,
  }));
  const other = { id: "other", provider: "provider1", api: "gemini-stream", stream: true, dir: "cases/none" };
  writeFileSync(
    join(directory, "index.jsonl"),
    [rows[0], other, rows[1]].map((row) => `${JSON.stringify(row)}\n`).join(""),
  );
  return dirs;
}

describe("loading recordings", () => {
  test("says whether there are any", () => {
    expect(recordingsAvailable()).toBe(false);
    expect(rowsOf(["openai-chat"])).toEqual([]);
    layOut();
    expect(recordingsAvailable()).toBe(true);
  });

  test("gives every row of the index, and those of some APIs and providers", () => {
    layOut();
    expect(loadIndex().map(({ id }) => id)).toEqual(["text-unicode", "other", "whole-tool-call"]);
    const ids = (...wanted: Parameters<typeof rowsOf>) => rowsOf(...wanted).map(({ id }) => id);
    expect(ids(["openai-chat"])).toEqual(["text-unicode", "whole-tool-call"]);
    expect(ids(["openai-chat", "gemini-stream"], ["provider1"])).toEqual(["other", "whole-tool-call"]);
    expect(ids(["gemini-stream"], ["provider0"])).toEqual([]);
  });

  test("gives the whole of a case, its request only where one was recorded", () => {
    const [dir] = layOut();
    const folder = join(directory, dir ?? "");
    const request = { method: "POST", host: "h", path: "/v1/chat/completions", query: {}, headers: {} };
    writeFileSync(join(folder, "request.json"), JSON.stringify({ ...request, recorded: false }));
    const [row] = rowsOf(["openai-chat"]);
    if (row === undefined) throw new Error("no row");
    const unrecorded = loadCase(row);
    expect(unrecorded.request).toBeUndefined();
    expect({ ...unrecorded, row: undefined }).toEqual({ ...loadFixture("text-unicode"), row: undefined });
    expect(unrecorded.row).toEqual(row);
    writeFileSync(join(folder, "request.json"), JSON.stringify({ ...request, body: { model: "m" } }));
    expect(loadCase(row).request).toEqual({ ...request, body: { model: "m" } });
  });

  test("replays no header that belongs to the recorded connection or encoding", () => {
    const recorded = loadFixture("error-429");
    const responseHeaders = {
      ...recorded.responseHeaders,
      "Content-Length": "3",
      "Content-Encoding": "gzip",
      "Transfer-Encoding": "chunked",
      Connection: "close",
    };
    const exchange = toExchange({ ...recorded, responseHeaders }, { kind: "whole" });
    expect(exchange).toEqual({
      status: 429,
      headers: recorded.responseHeaders,
      body: recorded.body,
      delivery: { kind: "whole" },
    });
  });
});

test("the fixtures are those in their folder", () => {
  const folders = readdirSync(fixtures, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual([...fixtureNames]);
});
