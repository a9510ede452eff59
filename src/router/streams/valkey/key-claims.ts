import { setTimeout as sleep } from "node:timers/promises";
import type { Valkey } from "../../../valkey.ts";
import type { Claim, KeyUse, StreamStore } from "../store.ts";
import { names } from "./names.ts";
import { CLAIM, END_KEY } from "./scripts.ts";
import { readFailure } from "./texts.ts";

/** Takes idempotency keys at the server. */
export interface KeyClaims {
  /** As the store's. What it rejects with is the server's error: then nobody may begin the stream, and the key, if it was given out, is given back. */
  claim(use: KeyUse, streamId: string): Promise<Claim>;
  /** Gives back the keys of which it is not known whether they were given out. Rejects while the server cannot be reached; then it is to be tried again. */
  giveBack(): Promise<void>;
}

/** What taking keys needs. */
export interface KeyClaimsDeps {
  readonly valkey: Valkey;
  readonly keepKeysMs: number;
  readonly find: StreamStore["find"];
}

/** How long a call that joins another one waits for it to be known, and how often it looks. */
const APPEAR_MS = 2000;
const LOOK_MS = 20;

/** How many keys are remembered to be given back, some 200 bytes each. Those beyond stay taken until their time is over. */
const MAX_IN_DOUBT = 10_000;

/** Creates what takes the keys of a process. */
export function createKeyClaims({ valkey, keepKeysMs, find }: KeyClaimsDeps): KeyClaims {
  /** By the stream that was to have it. */
  const inDoubt = new Map<string, KeyUse>();

  const ask = async (use: KeyUse, streamId: string): Promise<Claim> => {
    const reply = await valkey.run(CLAIM, [names.key(use)], [use.hash, streamId, String(keepKeysMs)]);
    const [kind, stream, failure] = (reply as readonly (Buffer | null)[]).map((word) => word && String(word));
    if (kind === "mine" || kind === "other") return { kind };
    return { kind: "same", streamId: stream ?? "", ...(failure == null ? {} : { failure: readFailure(failure) }) };
  };
  const askAndWait = async (use: KeyUse, streamId: string): Promise<Claim> => {
    const claim = await ask(use, streamId);
    if (claim.kind !== "same" || claim.failure !== undefined) return claim;
    // Its process has taken the key and may not have written more yet, or was never told that it has it and is about to give it back.
    for (let waited = 0; waited < APPEAR_MS; waited += LOOK_MS) {
      if ((await find(claim.streamId)) !== undefined) return claim;
      await sleep(LOOK_MS);
    }
    return ask(use, streamId);
  };
  return {
    claim: async (use, streamId) => {
      try {
        return await askAndWait(use, streamId);
      } catch (thrown) {
        if (inDoubt.size < MAX_IN_DOUBT) inDoubt.set(streamId, use);
        throw thrown;
      }
    },
    giveBack: async () => {
      for (const [streamId, use] of inDoubt) {
        await valkey.run(END_KEY, [names.key(use)], [streamId, ""]);
        inDoubt.delete(streamId);
      }
    },
  };
}
