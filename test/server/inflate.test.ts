import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { ExecutionError } from "../../src/errors.ts";
import { type BodyCall, inflate } from "../../src/server/inflate.ts";

const MIB = 1024 * 1024;

/** A call that takes bodies of up to 16 MiB, and the sizes it was asked to admit. */
function call(signal = new AbortController().signal): BodyCall & { readonly admitted: number[] } {
  const admitted: number[] = [];
  return { maxBytes: 16 * MIB, signal, admitted, admitBytes: (size) => admitted.push(size) };
}

/** How an inflation ended: the length, or the reason of the refusal. */
async function outcome(bytes: Uint8Array, asked = call()): Promise<number | string> {
  try {
    return (await inflate(bytes, "gzip", asked)).length;
  } catch (thrown) {
    if (thrown instanceof ExecutionError) return thrown.reason;
    throw thrown;
  }
}

describe("a compressed body", () => {
  // Mutant seen red: no ratio.
  test("is refused once it is above 1 MiB and more than 100 times as long as what was sent", async () => {
    expect(await outcome(gzipSync(Buffer.alloc(8 * MIB)))).toBe("MESSAGE_TOO_LARGE");
    expect(await outcome(gzipSync(Buffer.alloc(MIB)))).toBe(MIB);
  });

  test("that is only repetitive is not", async () => {
    const log = Array.from({ length: 60_000 }, (_each, line) => `${line} the same words again, in every line of it\n`);
    const text = Buffer.from(log.join(""));
    expect(await outcome(gzipSync(text))).toBe(text.length);
  });

  test("reserves what it may become before, and then what it became", async () => {
    const asked = call();
    const bytes = gzipSync(Buffer.from("a few words"));
    await inflate(bytes, "gzip", asked);
    expect(asked.admitted).toEqual([MIB, 11]);
  });

  // Mutant seen red: scanned once it is whole.
  test("is scanned as it is inflated, and no further than it has to be", async () => {
    const asked = call();
    let scanned = 0;
    const refusing = inflate(gzipSync(Buffer.alloc(MIB, "[")), "gzip", asked, (piece) => {
      scanned += piece.length;
      throw new ExecutionError("INVALID_FIELD", "too deep");
    });
    await expect(refusing).rejects.toMatchObject({ reason: "INVALID_FIELD" });
    expect(scanned).toBeLessThan(MIB / 2);
    expect(asked.admitted).toEqual([MIB]);
  });

  // Mutant seen red: all inflated at once.
  test("waits while another is inflated, and gives its place up if its call ends", async () => {
    const bytes = gzipSync(Buffer.alloc(MIB));
    const left = new AbortController();
    const leaving = call(left.signal);
    const running = [call(), call(), leaving, call()].map((asked) => inflate(bytes, "gzip", asked));
    left.abort(new ExecutionError("CANCELLED", "the caller left"));
    const settled = await Promise.allSettled(running);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
    expect(leaving.admitted).toEqual([]);
    expect(await outcome(bytes)).toBe(MIB);
  });
});
