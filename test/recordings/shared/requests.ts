import { describe, expect, test } from "@jest/globals";
import { ExecutionError } from "../../../src/errors.ts";
import type { RecordingRow } from "../../support/recordings.ts";
import { answerPosition, previousStep, turnAt, withFoldedTurn } from "./conversations.ts";
import { gather } from "./gather.ts";
import { differingPaths } from "./json.ts";
import { testWithoutRecordings } from "./no-recordings.ts";
import { normalise } from "./normalise.ts";
import type { RecordedSend, RequestException, RequestsUnderTest } from "./recorded-requests.ts";
import { say } from "./recorded-wire.ts";
import { sendThroughGateway } from "./send-through-gateway.ts";

/*
 * Every recorded request of a wire is parsed into the contract and built again for the vendor it was sent to; the two bodies are compared
 * whole. They count as equal after the wire's normalisation, which is applied to both and whose rules are counted and printed. Then the same
 * requests go through a running gateway, and must arrive as they left the builder.
 *
 * Where the answer of the recorded step before is the next request's assistant turn, that turn is taken from our events of that answer, folded.
 * There, and there only, `normaliseTurn` is applied too, since recorded clients write turns out again.
 *
 * A wire brings what `RequestsUnderTest` lists. Mutants seen red over chat completions: a builder that drops `strict`, one that writes `{}` for
 * arguments, one that puts reasoning into the content; a parser that merges text parts, one that drops cache hints; a fold that drops provider
 * state.
 */

/** The suite over the recorded requests of a wire. */
export function describeRecordedRequests(wire: RequestsUnderTest): void {
  const { label, rows, exceptions } = wire;
  const recorded = rows.filter(({ requestRecorded }) => requestRecorded);
  describe(`recorded ${label} requests`, () => {
    if (rows.length === 0) {
      testWithoutRecordings(`${label} requests`);
      return;
    }

    test("leave as they were recorded, but for the named exceptions", () => {
      const counts = new Map<string, number>();
      const count = (rule: string): unknown => counts.set(rule, (counts.get(rule) ?? 0) + 1);
      const found = recorded.map((row) => ({ row, problems: requestProblems(wire, row, count) }));
      const equal = found.filter(({ row, problems }) => problems.length === 0 && exceptionOf(wire, row) === undefined);
      say(`replayed ${equal.length} of ${recorded.length} recorded ${label} requests (${rows.length} rows)`);
      for (const [rule, times] of counts) say(`  normalised ${times} times: ${wire.normalisation.rules[rule] ?? rule}`);
      for (const exception of exceptions) say(`  ${describeException(exception)}: ${exception.id} ${exception.reason}`);
      expect(found.flatMap(({ row, problems }) => problems.map((line) => `${row.id} ${line}`))).toEqual([]);
      expect(exceptions.filter(({ id }) => !recorded.some((row) => row.id === id))).toEqual([]);
      expect(exceptions.length / recorded.length).toBeLessThanOrEqual(0.05);
    });

    test("leave the running gateway as they leave the builder", async () => {
      const sends = recorded.flatMap((row) => {
        const exception = exceptionOf(wire, row);
        return exception?.refused === undefined ? [wire.read(row, exception?.takenOut ?? [])] : [];
      });
      const received = await sendThroughGateway(sends);
      const problems = sends.flatMap((send, index) => {
        const { path, body } = wire.build(send);
        const arrived = received[index];
        return [
          ...(arrived?.path === path ? [] : [`${send.row.id} went to ${arrived?.path}, not ${path}`]),
          ...differingPaths(body, arrived?.body).map((place) => `${send.row.id} differs at ${place}`),
        ];
      });
      const equal = sends.filter((send, index) => unequalPaths(wire, send, received[index]?.body ?? {}).length === 0);
      say(`replayed ${equal.length} of ${recorded.length} recorded ${label} requests through the running gateway`);
      expect(problems).toEqual([]);
      expect(equal).toHaveLength(recorded.length - exceptions.length);
    });

    test("continue a conversation with the folded events of the answer before", async () => {
      const later = recorded.filter(({ step }) => step > 1);
      const found = await gather(later, async (row) => [await continued(wire, row, recorded)]);
      const equal = found.filter(({ outcome }) => outcome === "equal");
      const continuing = found.filter(({ outcome }) => outcome !== "not recorded" && outcome !== "own request");
      say(
        `replayed ${equal.length} of ${continuing.length} ${label} assistant turns from folded events (${found.length} later steps)`,
      );
      for (const { row, outcome, paths } of found.filter((step) => step.outcome !== "equal").toSorted(byId)) {
        const exception = wire.conversationExceptions.find(({ id }) => id === row.id);
        const reason = exception?.reason ?? "the step before it was not recorded";
        say(`  ${[outcome, ...paths].join(" ")}: ${row.id} ${reason}`);
      }
      const got = found
        .filter(({ outcome }) => outcome !== "equal" && outcome !== "not recorded")
        .map(({ row, outcome, paths }) => [row.id, outcome, ...paths.toSorted()].join(" "));
      const named = wire.conversationExceptions.map(({ id, kind, paths }) =>
        [id, kind, ...(paths ?? []).toSorted()].join(" "),
      );
      expect(got.toSorted()).toEqual(named.toSorted());
    });
  });
}

const byId = (one: Continued, other: Continued): number => one.row.id.localeCompare(other.row.id);
const ignoreRule = (): void => undefined;

function exceptionOf({ exceptions }: RequestsUnderTest, row: RecordingRow): RequestException | undefined {
  return exceptions.find(({ id }) => id === row.id);
}

function describeException({ refused, takenOut, unequal }: RequestException): string {
  if (refused !== undefined) return `refused at ${refused}`;
  return `unequal at ${[...(takenOut ?? []), ...(unequal ?? [])].join(" ")}`;
}

/** What is wrong with a request that is no exception, or with an exception that is none. */
function requestProblems(wire: RequestsUnderTest, row: RecordingRow, used: (rule: string) => void): string[] {
  const exception = exceptionOf(wire, row);
  const { refused, takenOut = [], unequal = [] } = exception ?? {};
  if (refused !== undefined) {
    const field = refusedField(wire, row);
    return field === refused ? [] : [`is refused at ${field}, not at ${refused}`];
  }
  if (takenOut.length > 0 && refusedField(wire, row) === undefined) return ["needs nothing taken out"];
  const send = wire.read(row, takenOut);
  const paths = unequalPaths(wire, send, wire.build(send).body, used);
  const excepted = [...takenOut, ...unequal];
  return [
    ...paths.filter((path) => !excepted.includes(path)).map((path) => `differs at ${path}`),
    ...excepted.filter((path) => !paths.includes(path)).map((path) => `does not differ at ${path}`),
  ];
}

function unequalPaths(
  { normalisation }: RequestsUnderTest,
  { body }: RecordedSend,
  built: RecordedSend["body"],
  used: (rule: string) => void = ignoreRule,
): string[] {
  return differingPaths(normalise(body, normalisation, used), normalise(built, normalisation, ignoreRule));
}

/** The field for which a request is refused on its way to the provider; undefined if it is not. */
function refusedField(wire: RequestsUnderTest, row: RecordingRow): string | undefined {
  try {
    wire.build(wire.read(row, []));
    return undefined;
  } catch (error) {
    if (error instanceof ExecutionError && error.extras.fields !== undefined) return error.extras.fields[0]?.field;
    throw error;
  }
}

interface Continued {
  readonly row: RecordingRow;
  readonly outcome: "equal" | "unequal" | "no answer" | "own request" | "not recorded";
  readonly paths: readonly string[];
}

async function continued(
  wire: RequestsUnderTest,
  row: RecordingRow,
  recorded: readonly RecordingRow[],
): Promise<Continued> {
  const before = previousStep(row, recorded);
  if (before === undefined) return { row, outcome: "not recorded", paths: [] };
  const read = (step: RecordingRow): RecordedSend => wire.read(step, exceptionOf(wire, step)?.takenOut ?? []);
  const previous = read(before);
  const next = read(row);
  const position = answerPosition(previous, next);
  if (position === undefined) return { row, outcome: "own request", paths: [] };
  try {
    const { body } = wire.build(await withFoldedTurn(wire, next, position, previous));
    const turn = turnAt(next, position);
    const normal = (one: RecordedSend["body"]): RecordedSend["body"] =>
      wire.normaliseTurn(normalise(one, wire.normalisation, ignoreRule), turn);
    const paths = differingPaths(normal(next.body), normal(body));
    return { row, outcome: paths.length === 0 ? "equal" : "unequal", paths };
  } catch (error) {
    if (error instanceof ExecutionError && error.origin === "provider") return { row, outcome: "no answer", paths: [] };
    throw error;
  }
}
