import { randomUUID } from "node:crypto";
import { adapterKinds } from "../adapters/index.ts";
import type { LedgerSettings } from "../config/config.ts";
import { formatUsd } from "../contract/money.ts";
import { createState } from "../gateway-state.ts";
import { LedgerOpenError } from "../ledger/open-error.ts";
import { type Kept, type RatedRow, type Rerated, rerateRow } from "../ledger/rerate.ts";
import { type RerateWindow, rerateLedger } from "../ledger/stores/sqlite/rerating.ts";
import { type CommandContext, CommandError, printable, write } from "./context.ts";
import { loadFromDisk } from "./load.ts";
import type { RerateOptions } from "./options.ts";
import { tableLines } from "./table.ts";

/**
 * Prices the attempts that ended in a window anew, by the prices in force, and prints what that changes, by day and model. Nothing is written without
 * `--write`, and nothing but everything with it.
 */
export async function rerateCosts(options: RerateOptions, context: CommandContext): Promise<number> {
  const { config } = await loadFromDisk(options.config, context);
  if (config.ledger.store === "memory")
    throw new CommandError("the ledger is kept in memory; what a process has in memory is not priced anew");
  const { prices, adapters } = createState(config, { kinds: adapterKinds, newId: randomUUID });
  await Promise.all(Object.values(adapters).map((adapter) => adapter.close()));
  const tally = createTally();
  const decide = (row: RatedRow): Rerated => {
    const rerated = rerateRow(row, prices, (name) => adapters[name]);
    tally.count(row, rerated);
    return rerated;
  };
  const nowMs = Date.now();
  const window = { fromMs: options.from, toMs: options.to ?? nowMs };
  if (window.fromMs >= window.toMs) {
    throw new CommandError(
      `--from must be before ${options.to === undefined ? "now, which --to is by default" : "--to"}`,
    );
  }
  const isWritten = options.write === true;
  await rerateAny(config.ledger, window, decide, { write: isWritten, nowMs });
  const text = [...tally.lines(), isWritten ? WRITTEN : NOT_WRITTEN].join("\n");
  await write(context.stdout, `${printable(context.stdout, text)}\n`);
  return 0;
}

/** Prices a ledger anew, in files or in a database. */
async function rerateAny(
  { directory, database }: LedgerSettings,
  window: RerateWindow,
  decide: (row: RatedRow) => Rerated,
  options: { readonly write: boolean; readonly nowMs: number },
): Promise<void> {
  try {
    if (database === undefined) return rerateLedger(directory, window, decide, options);
    const { rerateDatabase } = await import("../ledger/stores/postgres/rerating.ts");
    await rerateDatabase({ ...database, password: database.password.reveal() }, window, decide, options);
  } catch (thrown) {
    if (database === undefined && !(thrown instanceof LedgerOpenError)) throw thrown;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    const where = database && `the ledger's database ${database.database} at ${database.host}:${database.port}: `;
    throw new CommandError(`${where ?? ""}${why}`, { cause: thrown });
  }
}

const WRITTEN = "Written. What each attempt cost before, and by which prices, is in the ledger's table rerated.";
const NOT_WRITTEN = "Nothing was written; --write does that.";

const WHY: Readonly<Record<Kept, string>> = {
  instance: "are of provider instances that are not configured, or free, now",
  price: "have no price now",
  tier: "do not say which service tier served them",
};

/** One line of the table. */
interface Line {
  attempts: number;
  before: bigint;
  after: bigint;
}

function createTally() {
  const lines = new Map<string, Line>();
  const kept = new Map<Kept, number>();
  let same = 0;
  return {
    count: ({ provider, model, endedAtMs, costNanoUsd = 0n }: RatedRow, rerated: Rerated): void => {
      if (rerated.outcome === "same") same += 1;
      else if (rerated.outcome === "kept") kept.set(rerated.why, (kept.get(rerated.why) ?? 0) + 1);
      else {
        const key = JSON.stringify([new Date(endedAtMs).toISOString().slice(0, 10), provider, model]);
        const line = lines.get(key) ?? { attempts: 0, before: 0n, after: 0n };
        lines.set(key, line);
        line.attempts += 1;
        line.before += costNanoUsd;
        line.after += rerated.costNanoUsd;
      }
    },
    lines: (): readonly string[] => {
      const sorted = [...lines].sort(([left], [right]) => (left < right ? -1 : 1));
      const total = { attempts: 0, before: 0n, after: 0n };
      for (const [, { attempts, before, after }] of sorted) {
        total.attempts += attempts;
        total.before += before;
        total.after += after;
      }
      const headings = ["day", "provider", "model", "attempts", "USD before", "USD after", "difference"];
      const cells = sorted.map(([key, line]) => [...(JSON.parse(key) as readonly string[]), ...figures(line)]);
      const table =
        cells.length === 0 ? [] : [...tableLines([headings, ...cells, ["total", "", "", ...figures(total)]], 3), ""];
      return [
        ...table,
        ...(same === 0 ? [] : [`Attempts that cost what they did: ${same}.`]),
        ...[...kept].map(([why, number]) => `Attempts left alone that ${WHY[why]}: ${number}.`),
        ...(table.length === 0 ? ["No attempt costs anything else."] : []),
      ];
    },
  };
}

function figures({ attempts, before, after }: Line): readonly string[] {
  const difference = after - before;
  return [
    String(attempts),
    formatUsd(before),
    formatUsd(after),
    `${difference > 0n ? "+" : ""}${formatUsd(difference)}`,
  ];
}
