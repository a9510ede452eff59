import { beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ExecutionError } from "../../../src/errors.ts";
import type { RecordingRow } from "../../support/recordings.ts";
import { testWithoutRecordings } from "./no-recordings.ts";
import type { RequestException, RequestsUnderTest } from "./recorded-requests.ts";
import { type InstanceSend, say } from "./recorded-wire.ts";
import { type SpecWaiver, specsAvailable } from "./specs.ts";

/*
 * What leaves a wire's builder fits the schema its provider publishes, for every recorded request and for random ones. What the schema lacks
 * although the provider takes it is waived by name.
 */

/** Builds the request and says what is wrong with its body, one line each. Throws what the builder throws. */
export type BodyCheck = (send: InstanceSend, used: (waiver: SpecWaiver, path: string) => void) => string[];

/** Requests to draw for one provider, or for one way of sending. */
export interface RandomSends {
  readonly name: string;
  readonly sends: fc.Arbitrary<InstanceSend>;
}

/** What a wire brings to the suite over its bodies. */
export interface BodiesUnderTest {
  /** What the printed lines call it: `chat-completions`. */
  readonly label: string;
  /** Every index row of the APIs and providers it claims, whether or not its request was recorded. */
  readonly rows: readonly RecordingRow[];
  /** Parses the recorded body of a row. */
  readonly read: RequestsUnderTest["read"];
  readonly exceptions: readonly RequestException[];
  /** Reads the published schemas. */
  readonly loadCheck: () => BodyCheck;
  /** All that the check may use; the suite fails on any that no request needs. */
  readonly waivers: readonly SpecWaiver[];
  readonly random: readonly RandomSends[];
}

const RUNS = 1000;

/** The suite over the bodies of a wire. */
export function describeSentBodies(wire: BodiesUnderTest): void {
  const { label, rows, waivers, random } = wire;
  describe(`bodies of ${label} requests`, () => {
    if (!specsAvailable()) {
      test("need the published schemas to be compared with, of which this machine has none (EP_TEST_SPECS)", () => {
        say(`checked 0 of 0 ${label} bodies: there are no published schemas`);
        expect(specsAvailable()).toBe(false);
      });
      return;
    }

    let check: BodyCheck;
    const needed = new Set<SpecWaiver>();
    beforeAll(() => {
      check = wire.loadCheck();
    });

    test.each(random)("fit the published schema for random requests: $name", ({ name, sends }) => {
      let built = 0;
      fc.assert(
        fc.property(sends, (send) => {
          const problems = problemsUnlessRefused(() => check(send, (waiver) => needed.add(waiver)));
          if (problems !== undefined) built += 1;
          expect(problems ?? []).toEqual([]);
        }),
        { numRuns: RUNS },
      );
      say(`checked ${built} of ${RUNS} random ${label} bodies: ${name}; the others were refused`);
      expect(built).toBeGreaterThan(RUNS / 5);
    });

    if (rows.length === 0) {
      testWithoutRecordings(`${label} bodies`);
      return;
    }

    test("fit the published schema where the request was recorded", () => {
      const counts = new Map<string, number>();
      const found = recordedProblems(wire, check, (waiver, path) => {
        needed.add(waiver);
        const line = `${path}: ${waiver.reason}`;
        counts.set(line, (counts.get(line) ?? 0) + 1);
      });
      const fitting = found.filter((lines) => lines.length === 0);
      const recorded = rows.filter(({ requestRecorded }) => requestRecorded);
      const unsent = recorded.length - found.length;
      say(`checked ${fitting.length} of ${recorded.length} recorded ${label} bodies; ${unsent} are refused, not sent`);
      for (const [line, times] of counts) say(`  waived ${times} times ${line}`);
      expect(found.flat()).toEqual([]);
    });

    test("need every waiver, all the tests before taken together", () => {
      expect(waivers.filter((waiver) => !needed.has(waiver))).toEqual([]);
    });
  });
}

/** What is wrong with the body of each recorded request that is sent. */
function recordedProblems(
  { rows, exceptions, read }: BodiesUnderTest,
  check: BodyCheck,
  used: Parameters<BodyCheck>[1],
): string[][] {
  return rows
    .filter(({ requestRecorded }) => requestRecorded)
    .map((row) => ({ row, exception: exceptions.find(({ id }) => id === row.id) }))
    .filter(({ exception }) => exception?.refused === undefined)
    .map(({ row, exception }) =>
      check(read(row, exception?.takenOut ?? []), used).map((problem) => `${row.id} ${problem}`),
    );
}

function problemsUnlessRefused(problems: () => string[]): string[] | undefined {
  try {
    return problems();
  } catch (error) {
    if (error instanceof ExecutionError) return undefined;
    throw error;
  }
}
