import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import { ChatFailureSchema } from "../../../src/gen/execution/v1/errors_pb.js";
import { createKeys, type Keys } from "../../../src/router/streams/keys.ts";

const useOf = (key: string, tenant = "t") => ({ tenant, key, hash: "h" });

/** Takes a key for a stream of its name and ends the call, which gives it back or keeps it. */
function make(keys: Keys, key: string, free: boolean): void {
  keys.claim(useOf(key), key);
  keys.end({ ...useOf(key), free, failure: create(ChatFailureSchema, { streamId: key }) });
}

describe("idempotency keys in memory", () => {
  // Mutant seen red: keys that were given back counted until their time is over.
  test("that were given back leave their room: an outage in which all calls fail locks nobody out", () => {
    const keys = createKeys({ maxKeys: 4, keepKeysMs: 1000 }, () => 0);
    for (let call = 0; call < 5000; call += 1) make(keys, `failed ${call}`, true);
    make(keys, "made", false);
    expect(keys.claim(useOf("made"), "other")).toMatchObject({ kind: "same", streamId: "made" });
    expect(keys.claim(useOf("next"), "next")).toEqual({ kind: "mine" });
    expect(() => keys.claim(useOf("one more"), "s")).toThrow(expect.objectContaining({ reason: "OVERLOADED" }));
  });

  test("say when there is room again by the oldest that is kept, not by one that was given back", () => {
    let now = 0;
    const keys = createKeys({ maxKeys: 2, keepKeysMs: 1000 }, () => now);
    make(keys, "given back", true);
    now = 300;
    make(keys, "kept", false);
    now = 400;
    const full = { reason: "OVERLOADED", extras: { retryAfterMs: 900 } };
    expect(() => keys.claim(useOf("more"), "s")).toThrow(expect.objectContaining(full));
  });

  // Mutant seen red: one bound for all tenants.
  test("of one tenant leave room for those of others", () => {
    let now = 0;
    const keys = createKeys({ maxKeys: 10, keepKeysMs: 1000 }, () => now);
    for (let call = 0; call < 5; call += 1) make(keys, `${call}`, false);
    expect(() => keys.claim(useOf("more"), "s")).toThrow(expect.objectContaining({ reason: "OVERLOADED" }));
    expect(keys.claim(useOf("more", "other"), "s")).toEqual({ kind: "mine" });
    now = 1000;
    expect(keys.claim(useOf("more"), "s")).toEqual({ kind: "mine" });
  });
});
