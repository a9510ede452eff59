import { create } from "@bufbuild/protobuf";
import { expect, test } from "@jest/globals";
import { ExecutionError } from "../../../src/errors.ts";
import { ExportCostsRequestSchema } from "../../../src/gen/execution/v1/admin_pb.js";
import type { AttemptPage } from "../../../src/ledger/store.ts";
import { createMemoryStore } from "../../../src/ledger/stores/memory.ts";
import { exportCosts } from "../../../src/router/admin/export-costs.ts";
import { createLedgerTurns } from "../../../src/router/ledger-turns.ts";
import { attemptRow } from "../../ledger/attempt-row.ts";
import { anyone } from "../../support/routing.ts";

const { usage: _usage, ...attempt } = attemptRow();

/** Exports attempts from a ledger that has these pages, by their positions; the first has none. */
async function exported(pages: Readonly<Record<string, AttemptPage>>, asked: string[] = []) {
  const leaving = new AbortController();
  const parts: number[] = [];
  const ledger = {
    ...createMemoryStore({ maxSums: 1, maxAttemptIds: 1 }),
    attempts: async ({ after = "first" }: { readonly after?: string }) => {
      const page = asked.push(after) > 9 ? undefined : pages[after];
      if (page === undefined) throw new ExecutionError("LEDGER_UNAVAILABLE", "away");
      if (after === "left") leaving.abort(new ExecutionError("DRAINING", "stops"));
      return page;
    },
  };
  const deps = { ledger, askLedger: createLedgerTurns().askInStream, nowMs: () => attempt.endedAtMs };
  const asker = { principal: anyone, signal: leaving.signal };
  const reading = async (): Promise<string> => {
    for await (const [part] of exportCosts(deps, create(ExportCostsRequestSchema, { attempts: true }), asker))
      parts.push(part?.attempts.length ?? 0);
    return "end";
  };
  const end = await reading().catch((thrown: unknown) => (thrown instanceof ExecutionError ? thrown.reason : "other"));
  return { parts, end };
}

// Mutants seen red: an empty page taken for the last; each page asked for from the first position.
test("an export of attempts goes on from page to page, empty ones among them, and has a part where there is nothing", async () => {
  const asked: string[] = [];
  const pages = {
    first: { attempts: [attempt], next: "0" },
    0: { attempts: [], next: "b c" },
    "b c": { attempts: [attempt, attempt] },
  };
  expect(await exported(pages, asked)).toEqual({ parts: [1, 2], end: "end" });
  expect(asked).toEqual(["first", "0", "b c"]);
  expect(await exported({ first: { attempts: [] } })).toEqual({ parts: [0], end: "end" });
});

// Mutant seen red: a page that cannot be read ends the export.
test("an export of attempts that cannot go on fails, and does not end", async () => {
  const first = { attempts: [attempt], next: "away" };
  expect(await exported({ first })).toEqual({ parts: [1], end: "LEDGER_UNAVAILABLE" });
  const left = { attempts: [attempt], next: "more" };
  const more = { attempts: [attempt] };
  expect(await exported({ first: { ...first, next: "left" }, left, more })).toMatchObject({ end: "DRAINING" });
  expect(await exported({})).toEqual({ parts: [], end: "LEDGER_UNAVAILABLE" });
});
