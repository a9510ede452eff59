import { expect, test } from "@jest/globals";
import { recordingsAvailable } from "../../support/recordings.ts";
import { say } from "./recorded-wire.ts";

/** The one test of a suite on a machine without recordings: it says so, and fails where rows are missing for another reason. */
export function testWithoutRecordings(what: string): void {
  test("need recordings, of which this machine has none (EP_TEST_RECORDINGS)", () => {
    say(`replayed 0 of 0 ${what}: there are no recordings`);
    expect(recordingsAvailable()).toBe(false);
  });
}
