import { describe, expect, test } from "@jest/globals";
import { ExecutionError } from "../../src/errors.ts";
import { openaiChatRows, type RecordingRow, recordingsAvailable } from "../support/recordings.ts";
import { answerPosition, previousStep, withFoldedTurn } from "./conversations.ts";
import { differingPaths, normaliseBody, normaliseTurn, RULES, type Rule } from "./normalise-body.ts";
import { type RecordedSend, recordedToRequest, sendOn } from "./recorded-requests.ts";
import { CONVERSATION_EXCEPTIONS, REQUEST_EXCEPTIONS, type RequestException } from "./request-exceptions.ts";
import { sendThroughGateway } from "./send-through-gateway.ts";

/*
 * Every recorded chat-completions request is parsed as by our own `/v1/chat/completions`, and built again for the vendor it was sent to; the
 * two bodies are compared whole. They count as equal after the normalisation in `normalise-body.ts` (`RULES`, each with its reason), which is
 * applied to both:
 *   - null is absent;
 *   - a content list of one text part is its text;
 *   - an empty list of tools, of tool calls or of an assistant's content is absent;
 *   - a field with its documented default is absent: stream false, n 1, Mistral's safe_prompt false, prefix false, a call's index 0 and the
 *     type `function` of tools and calls;
 *   - an image_url that is a text is short for {url}.
 * Nothing inside schemas and parameters is normalised, and tool arguments are compared as the texts they are.
 *
 * Where the answer of the recorded step before is the next request's assistant turn, that turn is taken from our events of that answer,
 * folded. There, and there only, two more differences count as none, because the recorded clients rewrote the turn (`normaliseTurn`):
 *   - empty content beside tool calls is absent: clients keep an empty text the provider sent, or make one;
 *   - tool arguments are compared as JSON values: clients parse and write them again, and their spaces change.
 *
 * What the operator configures and no caller asks for is taken from the recording: see `recordedToRequest`.
 *
 * Mutants seen red: a builder that drops `strict`, one that writes `{}` for arguments, one that puts reasoning into the content; a parser that
 * merges text parts, one that drops cache hints; a fold that drops provider state.
 */

const rows = recordingsAvailable() ? openaiChatRows() : [];
const recorded = rows.filter(({ requestRecorded }) => requestRecorded);
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
const ignoreRule = (): void => undefined;

function unequalPaths(send: RecordedSend, used: (rule: Rule) => void): string[] {
  return differingPaths(normaliseBody(send.body, used), normaliseBody(sendOn(send).body, ignoreRule));
}

/** What is wrong with a request that is no exception, or with an exception that is none. */
function problemOf(row: RecordingRow, exception: RequestException | undefined, used: (rule: Rule) => void): string[] {
  if (exception?.refused !== undefined) {
    const field = refusedField(row);
    return field === exception.refused ? [] : [`${row.id} is refused at ${field}`];
  }
  if (exception?.unequal !== undefined && refusedField(row) === undefined) return [`${row.id} is no exception`];
  const without = exception?.unequal === undefined ? [] : [exception.unequal];
  const paths = unequalPaths(recordedToRequest(row, without), used);
  return paths.filter((path) => !without.includes(path)).map((path) => `${row.id} differs at ${path}`);
}

function refusedField(row: RecordingRow): string | undefined {
  try {
    recordedToRequest(row);
    return undefined;
  } catch (error) {
    if (error instanceof ExecutionError && error.reason === "INVALID_FIELD") return error.extras.fields?.[0]?.field;
    throw error;
  }
}

describe("recorded chat-completions requests", () => {
  if (rows.length === 0) {
    test("need recordings, of which this machine has none (EP_TEST_RECORDINGS)", () => {
      say("replayed 0 of 0 chat-completions requests: there are no recordings");
      expect(recordingsAvailable()).toBe(false);
    });
    return;
  }

  test("leave as they were recorded, but for the named exceptions", () => {
    const counts = new Map<Rule, number>();
    const count = (rule: Rule): unknown => counts.set(rule, (counts.get(rule) ?? 0) + 1);
    const problems = recorded.flatMap((row) =>
      problemOf(
        row,
        REQUEST_EXCEPTIONS.find(({ id }) => id === row.id),
        count,
      ),
    );
    const equal = recorded.length - REQUEST_EXCEPTIONS.length;
    say(`replayed ${equal} of ${recorded.length} recorded chat-completions requests (${rows.length} rows)`);
    for (const [rule, times] of counts) say(`  normalised ${times} times: ${RULES[rule]}`);
    for (const { id, unequal, refused, reason } of REQUEST_EXCEPTIONS) {
      say(`  ${unequal === undefined ? `refused at ${refused}` : `unequal at ${unequal}`}: ${id} ${reason}`);
    }
    expect(problems).toEqual([]);
    expect(REQUEST_EXCEPTIONS.filter(({ id }) => !recorded.some((row) => row.id === id))).toEqual([]);
    expect(REQUEST_EXCEPTIONS.length / recorded.length).toBeLessThanOrEqual(0.05);
  });

  test("leave the running gateway as they leave the builder", async () => {
    const parsed = recorded.flatMap((row) => {
      const exception = REQUEST_EXCEPTIONS.find(({ id }) => id === row.id);
      if (exception?.refused !== undefined) return [];
      return [recordedToRequest(row, exception?.unequal === undefined ? [] : [exception.unequal])];
    });
    const bodies = await sendThroughGateway(parsed);
    const problems = parsed.flatMap((send, index) =>
      differingPaths(sendOn(send).body, bodies[index]).map((path) => `${send.row.id} differs at ${path}`),
    );
    const equal = parsed.filter(
      ({ body }, index) =>
        differingPaths(normaliseBody(body, ignoreRule), normaliseBody(bodies[index] ?? {}, ignoreRule)).length === 0,
    );
    say(
      `replayed ${equal.length} of ${recorded.length} recorded chat-completions requests through the running gateway`,
    );
    expect(problems).toEqual([]);
    expect(equal).toHaveLength(recorded.length - REQUEST_EXCEPTIONS.length);
  });

  test("continue a conversation with the folded events of the answer before", async () => {
    const found = await Promise.all(recorded.filter(({ step }) => step > 1).map(continued));
    const equal = found.filter(({ outcome }) => outcome === "equal");
    const continuing = found.filter(({ outcome }) => outcome !== "not recorded" && outcome !== "own request");
    say(
      `replayed ${equal.length} of ${continuing.length} assistant turns from folded events (${found.length} later steps)`,
    );
    for (const { row, outcome, paths } of found.filter((step) => step.outcome !== "equal")) {
      const reason =
        CONVERSATION_EXCEPTIONS.find(({ id }) => id === row.id)?.reason ?? "the step before it was not recorded";
      say(`  ${[outcome, ...paths].join(" ")}: ${row.id} ${reason}`);
    }
    const exceptions = found
      .filter(({ outcome }) => outcome !== "equal" && outcome !== "not recorded")
      .map(({ row, outcome, paths }) => ({ id: row.id, kind: outcome, paths: paths.toSorted() }));
    const named = CONVERSATION_EXCEPTIONS.map(({ id, kind, paths }) => ({ id, kind, paths: (paths ?? []).toSorted() }));
    expect(byId(exceptions)).toEqual(byId(named));
  });
});

const byId = <Row extends { readonly id: string }>(list: readonly Row[]): Row[] =>
  list.toSorted((one, other) => one.id.localeCompare(other.id));

interface Continued {
  readonly row: RecordingRow;
  readonly outcome: "equal" | "unequal" | "no answer" | "own request" | "not recorded";
  readonly paths: readonly string[];
}

async function continued(row: RecordingRow): Promise<Continued> {
  const before = previousStep(row, recorded);
  if (before === undefined) return { row, outcome: "not recorded", paths: [] };
  const previous = recordedToRequest(before, ["n"]);
  const next = recordedToRequest(row, ["n"]);
  const position = answerPosition(previous, next);
  if (position === undefined) return { row, outcome: "own request", paths: [] };
  try {
    const folded = sendOn(await withFoldedTurn(next, position, previous)).body;
    const paths = differingPaths(
      normaliseTurn(normaliseBody(next.body, ignoreRule), position),
      normaliseTurn(normaliseBody(folded, ignoreRule), position),
    );
    return { row, outcome: paths.length === 0 ? "equal" : "unequal", paths };
  } catch (error) {
    if (error instanceof ExecutionError && error.origin === "provider") return { row, outcome: "no answer", paths: [] };
    throw error;
  }
}
