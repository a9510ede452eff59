import { expect } from "@jest/globals";
import { chat, withClient } from "./client.ts";
import type { RawAnswer } from "./raw.ts";
import { type RunOptions, withListener } from "./setup.ts";

/** Nothing in an answer shows the inside of the process. */
export function expectNoLeak({ headers, trailers, body }: RawAnswer): void {
  const text = decodeURIComponent(JSON.stringify([headers, trailers, body.toString("latin1")]));
  expect(text).not.toMatch(/node_modules|\/src\/|\.ts\b|\.js\b|at \w+ \(|Error:/);
}

/** Runs a test, then makes sure the listener still serves and nothing was logged as a bug. */
export async function withSurvivor(options: RunOptions, run: (port: number) => Promise<void>): Promise<void> {
  await withListener(options, async ({ port, bugs, dispatcher }) => {
    await run(port);
    await withClient(port, async (client) => {
      expect((await chat(client)).failure).toBeUndefined();
    });
    expect(bugs).toEqual([]);
    expect(dispatcher.running).toBe(0);
  });
}
