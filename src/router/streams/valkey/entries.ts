import type { Ended } from "../ended.ts";
import type { Frames } from "../log.ts";
import { readEnded } from "./texts.ts";

/** An entry of a stream's log at the server. */
export interface Entry {
  /** Number of the last event it has, or of the last there was. */
  readonly last: number;
  readonly frames?: Frames;
  readonly ended?: Ended;
}

/** Reads entries as XRANGE and XREAD give them: `[[id, [name, value, ...]], ...]`. */
export function readEntries(reply: unknown): readonly Entry[] {
  if (!Array.isArray(reply)) return [];
  return reply.map((entry: readonly [Buffer, readonly Buffer[]]) => {
    const [id, values] = entry;
    const fields = new Map<string, Buffer>();
    for (let at = 0; at + 1 < values.length; at += 2) fields.set(String(values[at]), values[at + 1] ?? Buffer.alloc(0));
    const [frames, first, ended] = [fields.get("f"), fields.get("n"), fields.get("e")];
    const last = Number.parseInt(String(id), 10);
    return {
      last,
      ...(frames === undefined ? {} : { frames: { bytes: frames, first: Number(String(first)), last } }),
      ...(ended === undefined ? {} : { ended: readEnded(String(ended)) }),
    };
  });
}
