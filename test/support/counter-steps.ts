import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { within } from "./wait.ts";

/** What a server was told to do to the counters of budgets, step by step. */
export interface CounterSteps {
  /** How many steps there were so far. */
  steps(): number;
  /** The most that a counter had settled and reserved together after any step. */
  highest(): bigint;
  /** How each counter stands by those steps, by name, once all have been seen that the server had taken when it was asked. */
  standings(): Promise<ReadonlyMap<string, { readonly settled: bigint; readonly reserved: bigint }>>;
  close(): void;
}

/**
 * Follows each command that scripts run at a server, in the order in which it ran them (`MONITOR`), and keeps the counters beside it. Nothing is sampled: a
 * step that is over the limit for the length of one command is seen.
 */
export async function followCounters(url: string): Promise<CounterSteps> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  const counters = new Map<string, { settled: bigint; reserved: bigint }>();
  let steps = 0;
  let highest = 0n;
  let marks = 0;
  const marked = new Map<string, () => void>();
  const note = (key: string, command: string, fields: readonly string[]): void => {
    const counter = counters.get(key) ?? { settled: 0n, reserved: 0n };
    counters.set(key, counter);
    for (let at = 0; at + 1 < fields.length; at += 2) {
      const [name, value] = [fields[at], BigInt(fields[at + 1] ?? 0)];
      if (name !== "settled" && name !== "reserved") continue;
      counter[name] = command === "HSET" ? value : counter[name] + value;
      steps += 1;
    }
    const both = counter.settled + counter.reserved;
    if (both > highest) highest = both;
  };
  const lines = createInterface({ input: socket });
  lines.on("line", (line) => {
    const [command, key = "", ...fields] = [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = ""]) => word);
    if (command === "ECHO") marked.get(key)?.();
    if (command !== "HSET" && command !== "HINCRBY") return;
    if (!(line.includes(" lua]") && key.startsWith("ep:{budgets}:counter:"))) return;
    note(key, command, fields);
  });
  socket.write("MONITOR\r\n");
  await once(lines, "line");
  return {
    steps: () => steps,
    highest: () => highest,
    standings: async () => {
      marks += 1;
      const [mark, seen] = [`seen-${marks}`, Promise.withResolvers<void>()];
      marked.set(mark, seen.resolve);
      const other = connect(Number(port), hostname);
      await once(other, "connect");
      other.write(`ECHO ${mark}\r\n`);
      await within(seen.promise, { what: "the steps that were taken" });
      other.destroy();
      return counters;
    },
    close: () => {
      lines.close();
      socket.destroy();
    },
  };
}
