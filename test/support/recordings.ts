import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Delivery, type Exchange, framingHeaders, type JsonValue } from "../emulators/exchange.ts";

/** One row of `index.jsonl`, and the content of a case's `case.json`. */
export interface RecordingRow {
  readonly id: string;
  readonly provider: string;
  readonly api: string;
  readonly stream: boolean;
  readonly status: number;
  readonly tags: readonly string[];
  /** SSE events or elements of the body, 1 for a whole one; null where nobody counted. */
  readonly events: number | null;
  /** "wire" where the body is byte for byte what was on the wire. */
  readonly framing: string;
  readonly model: string | null;
  /** Place in a recorded conversation, from 1, and its length. */
  readonly step: number;
  readonly steps: number;
  readonly requestRecorded: boolean;
  readonly scrubbed: boolean;
  readonly source: Readonly<Record<string, JsonValue>>;
  readonly officialSdk: string;
  readonly note?: string;
  /** The case's folder below the recordings; only in the index. */
  readonly dir?: string;
}

/** What was sent to the provider. */
interface RecordedRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** The JSON body. */
  readonly body?: JsonValue;
  /** A body that is not JSON. */
  readonly bodyText?: string;
}

/** What a correct decoder reads out of a response body. */
export interface ExpectedAnswer {
  readonly text?: string;
  readonly reasoning?: string;
  /** Those the caller runs. Arguments that are no JSON object are `{"__raw__": "..."}`; the id is null where the provider gave none. */
  readonly toolCalls?: readonly { readonly id: string | null; readonly name: string; readonly arguments: JsonValue }[];
  /** The provider's own word, or the number of its enum. */
  readonly finishReason?: string | number;
  /** What a provider says of the prompt, blocked or not. */
  readonly promptFeedback?: JsonValue;
  /** As the provider sent it. */
  readonly usage?: JsonValue;
  /** The provider's error object or body. */
  readonly error?: JsonValue;
  readonly stream: boolean;
}

/** One exchange with a provider and what it means. */
export interface RecordedCase {
  readonly row: RecordingRow;
  /** Undefined where only the answer was recorded. */
  readonly request: RecordedRequest | undefined;
  readonly responseStatus: number;
  readonly responseHeaders: Readonly<Record<string, string>>;
  /** The response's bytes, its content-encoding removed. */
  readonly body: Uint8Array;
  readonly expected: ExpectedAnswer;
  /** `case.json`: the row and what the provider's own SDK made of the case. */
  readonly caseInfo: RecordingRow;
}

const siblingDirectory = fileURLToPath(new URL("../../../shared/recordings", import.meta.url));
const fixtureDirectory = fileURLToPath(new URL("../fixtures", import.meta.url));

/** Where recordings are: `EP_TEST_RECORDINGS`, else `../shared/recordings` beside the repository. */
function recordingsDirectory(): string {
  const given = process.env.EP_TEST_RECORDINGS;
  return given === undefined || given === "" ? siblingDirectory : given;
}

/** Whether there are recordings on this machine. They are not part of the repository. */
export function recordingsAvailable(): boolean {
  return existsSync(join(recordingsDirectory(), "index.jsonl"));
}

function readJson<Shape>(...path: readonly string[]): Shape {
  return JSON.parse(readFileSync(join(...path), "utf8")) as Shape;
}

/** Reads one case folder; throws where a file is missing or is no JSON. */
function loadFolder(directory: string, row: RecordingRow | undefined): RecordedCase {
  const caseInfo = readJson<RecordingRow>(directory, "case.json");
  const response = readJson<{ status: number; headers: Record<string, string> }>(directory, "response.headers.json");
  const request = existsSync(join(directory, "request.json"))
    ? readJson<RecordedRequest & { recorded?: boolean }>(directory, "request.json")
    : undefined;
  return {
    row: row ?? caseInfo,
    request: request?.recorded === false ? undefined : request,
    responseStatus: response.status,
    responseHeaders: response.headers,
    body: readFileSync(join(directory, "response.body")),
    expected: readJson<ExpectedAnswer>(directory, "expected.json"),
    caseInfo,
  };
}

/** Every row of the index, in its order. Throws where there are no recordings. */
export function loadIndex(): RecordingRow[] {
  const lines = readFileSync(join(recordingsDirectory(), "index.jsonl"), "utf8").split("\n");
  return lines.filter((line) => line.trim() !== "").map((line) => JSON.parse(line) as RecordingRow);
}

/**
 * Every row of the index with one of the APIs and, where they are named, one of the providers: the Y of "replayed X of Y". None where there are
 * no recordings.
 */
export function rowsOf(apis: readonly string[], providers?: readonly string[]): RecordingRow[] {
  if (!recordingsAvailable()) return [];
  return loadIndex().filter(({ api, provider }) => apis.includes(api) && (providers?.includes(provider) ?? true));
}

/** The recorded case of an index row. */
export function loadCase(row: RecordingRow): RecordedCase {
  if (row.dir === undefined) throw new Error(`the row of ${row.id} names no folder`);
  return loadFolder(join(recordingsDirectory(), row.dir), row);
}

/** Names of the hand-made chat-completions cases that are part of the repository, by what they show. */
export const fixtureNames = [
  "azure-prompt-filter",
  "crlf-comments",
  "error-429",
  "midstream-error",
  "midstream-error-chunk",
  "no-done-marker",
  "parallel-tools-interleaved",
  "reasoning-content",
  "split-surrogates",
  "text-unicode",
  "usage-in-every-chunk",
  "whole-tool-call",
] as const;

/** One of `fixtureNames`. */
export type FixtureName = (typeof fixtureNames)[number];

/** A hand-made case in the shape of a recorded one. */
export function loadFixture(name: FixtureName): RecordedCase {
  return loadFixtureOf("openai-chat", name);
}

/** Names of the hand-made cases of an API that are part of the repository. */
export function fixturesOf(api: string): string[] {
  const entries = readdirSync(join(fixtureDirectory, api), { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).toSorted();
}

/** A hand-made case of an API in the shape of a recorded one. */
export function loadFixtureOf(api: string, name: string): RecordedCase {
  return loadFolder(join(fixtureDirectory, api, name), undefined);
}

/**
 * The emulator's answer that replays a case. Headers that describe the recorded connection are left out, and so is
 * content-encoding, because the stored body is not encoded any more.
 */
export function toExchange(recorded: RecordedCase, delivery: Delivery): Exchange {
  const headers = Object.entries(recorded.responseHeaders).filter(([name]) => {
    const lowerCase = name.toLowerCase();
    return lowerCase !== "content-encoding" && !framingHeaders.has(lowerCase);
  });
  return { status: recorded.responseStatus, headers: Object.fromEntries(headers), body: recorded.body, delivery };
}
