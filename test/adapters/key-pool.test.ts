import { describe, expect, test } from "@jest/globals";
import type { AdapterKind } from "../../src/adapters/adapter.ts";
import { createAdapter } from "../../src/adapters/key-pool.ts";
import { type ErrorExtras, ExecutionError, type Reason } from "../../src/errors.ts";
import { Secret } from "../../src/secret.ts";
import { testProvider } from "../support/gateway.ts";
import { asking } from "../support/planning.ts";
import { answer, createScriptedAdapter, refusing } from "../support/scripted-adapter.ts";

/** An instance with the keys a, b and c. What the provider says to each is in `refusals`; without an entry it answers. */
function rig(keys: readonly string[] = ["a", "b", "c"]) {
  let now = 1_000_000;
  const refusals = new Map<string, ExecutionError>();
  const used: string[] = [];
  const closed: string[] = [];
  const kind: AdapterKind = {
    kind: "keyed",
    needsKey: true,
    check: () => [],
    create: (settings) => {
      const key = settings.apiKey?.reveal() ?? "none";
      const scripted = createScriptedAdapter({
        name: settings.name,
        play: (input) => {
          used.push(key);
          const error = refusals.get(key);
          return (error === undefined ? answer(key) : refusing(error))(input);
        },
      });
      const close = async (): Promise<void> => {
        closed.push(key);
      };
      return { ...scripted, settings, close };
    },
  };
  const [apiKey, ...moreApiKeys] = keys.map((key) => new Secret(key));
  const settings = testProvider({ ...(apiKey !== undefined && { apiKey }), moreApiKeys });
  const adapter = createAdapter(kind, settings, { now: () => now, newId: () => "id" });
  const refuse = (key: string, reason: Reason, extras: ErrorExtras = {}): void => {
    refusals.set(key, new ExecutionError(reason, "planted", extras));
  };
  /** Makes an attempt. Returns the error it fails with, if it does. */
  const attempt = async (): Promise<ExecutionError | undefined> => {
    const input = { step: 0, attempt: 0, signal: new AbortController().signal, onHeaders: () => undefined };
    try {
      for await (const _ of adapter.chat({ request: asking(), model: "m", ...input }));
      return undefined;
    } catch (thrown) {
      if (thrown instanceof ExecutionError) return thrown;
      throw thrown;
    }
  };
  return { adapter, settings, used, closed, refuse, attempt, pass: (ms: number) => (now += ms) };
}

describe("an instance with several keys", () => {
  test("uses the first while the provider takes it, and is one adapter to everybody", async () => {
    const { adapter, settings, attempt, used, closed } = rig();
    await attempt();
    await attempt();
    expect(used).toEqual(["a", "a"]);
    expect(adapter.settings).toBe(settings);
    await adapter.close();
    expect(closed).toEqual(["a", "b", "c"]);
  });

  // Mutants seen red: no key left alone; every key left alone after one refusal.
  test.each(["PROVIDER_AUTH", "PROVIDER_QUOTA", "PROVIDER_RATE_LIMITED"] as const)(
    "leaves one alone that is refused with %s, and says that another may do",
    async (reason) => {
      const { attempt, refuse, used, pass } = rig();
      refuse("a", reason);
      expect(await attempt()).toMatchObject({ reason, extras: { otherKey: true } });
      expect(await attempt()).toBeUndefined();
      expect(used).toEqual(["a", "b"]);
      pass(60_000);
      await attempt();
      expect(used.at(-1)).toBe("a");
    },
  );

  test("leaves a key alone for as long as the provider asks", async () => {
    const { attempt, refuse, used, pass } = rig(["a", "b"]);
    refuse("a", "PROVIDER_RATE_LIMITED", { retryAfterMs: 5_000 });
    await attempt();
    pass(4_999);
    await attempt();
    pass(1);
    await attempt();
    expect(used).toEqual(["a", "b", "a"]);
  });

  // Mutant seen red: the last key's own pause, though the first is free sooner.
  test("says when the first key is free again once none is left", async () => {
    const { attempt, refuse, pass } = rig(["a", "b"]);
    refuse("a", "PROVIDER_RATE_LIMITED", { retryAfterMs: 5_000 });
    refuse("b", "PROVIDER_AUTH");
    await attempt();
    pass(1_000);
    const error = await attempt();
    expect(error?.extras).toMatchObject({ retryAfterMs: 4_000 });
    expect(error?.extras).not.toHaveProperty("otherKey");
  });

  test("is not moved by failures that are about no key", async () => {
    const { attempt, refuse, used } = rig();
    refuse("a", "PROVIDER_INTERNAL");
    expect((await attempt())?.extras).not.toHaveProperty("otherKey");
    await attempt();
    expect(used).toEqual(["a", "a"]);
  });

  // Mutant seen red: a provider's word taken without a bound.
  test("leaves none alone for longer than ten minutes, whatever its provider asks for", async () => {
    const { attempt, refuse, used, pass } = rig(["a", "b"]);
    refuse("a", "PROVIDER_RATE_LIMITED", { retryAfterMs: 1e12 });
    await attempt();
    pass(599_999);
    await attempt();
    pass(1);
    await attempt();
    expect(used).toEqual(["a", "b", "a"]);
  });

  // Mutant seen red: a time taken for good that lies beyond what anybody is made to wait.
  test("does not wait longer because the clock was set back", async () => {
    const { attempt, refuse, used, pass } = rig(["a", "b"]);
    refuse("a", "PROVIDER_AUTH");
    await attempt();
    pass(-3_600_000);
    await attempt();
    expect(used).toEqual(["a", "a"]);
  });
});

test("an instance with one key has no pool", async () => {
  const { attempt, refuse } = rig(["a"]);
  refuse("a", "PROVIDER_AUTH");
  expect((await attempt())?.extras).not.toHaveProperty("otherKey");
});
