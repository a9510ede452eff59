import type { DescMessage, JsonValue, Message } from "@bufbuild/protobuf";
import { LARGE_BYTES } from "./body-bytes.ts";
import { createScan, decodeBinary, decodeJson, decodeText, type MessageFormat, parseJson } from "./read.ts";
import type { Scan } from "./scan.ts";
import { createTurns } from "./turns.ts";

/** Reads the request of one call, from bytes to a message. */
export interface RequestReading {
  /** Creates the check of the body, for its pieces as they come. What of it was not checked is when it is decoded. */
  scan(format: MessageFormat): Scan;
  /** Decodes a body. Throws INVALID_FIELD, and what the scan throws. */
  decode(bytes: Uint8Array, format: MessageFormat): Promise<Message>;
  /** The two halves of decoding JSON, for whoever reads more forms of it than the canonical one. */
  parseJson(bytes: Uint8Array): Promise<JsonValue>;
  decodeJson(json: JsonValue): Promise<Message>;
  /** Waits for the next step of a large body to be done in a turn of its own, since each takes long; with a small one there is nothing to wait for. */
  nextStep(): Promise<void>;
  /** Length of what was decoded last, in bytes. A function: a getter would cost each call a hidden class of its own. */
  readonly decodedBytes: () => number;
}

/** Parsing, decoding and validating a large body take some 10 to 20 ms each: there is one such step in a turn, whoever's. */
const steps = createTurns({ perTurn: 1, budgetMs: 0, clockMs: () => performance.now() });

/** Creates the reading of a request of a schema. What waits for its turn rejects with the signal's reason once that has fired. */
export function createReading(schema: DescMessage, signal: AbortSignal): RequestReading {
  let scannedBytes = 0;
  let decodedBytes = 0;
  const checkUnscanned = (bytes: Uint8Array, format: MessageFormat): void => {
    decodedBytes = bytes.length;
    if (scannedBytes !== bytes.length) createScan(schema, format)(bytes);
  };
  const nextStep = async (): Promise<void> => {
    if (decodedBytes <= LARGE_BYTES) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    steps(signal, () => {
      resolve();
      return true;
    });
    await promise;
    signal.throwIfAborted();
  };
  const parse = async (bytes: Uint8Array): Promise<JsonValue> => {
    checkUnscanned(bytes, "json");
    await nextStep();
    const text = decodeText(bytes);
    await nextStep();
    return parseJson(text);
  };
  const read = async (json: JsonValue): Promise<Message> => {
    await nextStep();
    return decodeJson(schema, json);
  };
  return {
    scan: (format) => {
      const scan = createScan(schema, format);
      scannedBytes = 0;
      return (piece) => {
        scan(piece);
        scannedBytes += piece.length;
      };
    },
    decode: async (bytes, format) => {
      if (format === "json") return read(await parse(bytes));
      checkUnscanned(bytes, format);
      await nextStep();
      return decodeBinary(schema, bytes);
    },
    parseJson: parse,
    decodeJson: read,
    nextStep,
    decodedBytes: () => decodedBytes,
  };
}
