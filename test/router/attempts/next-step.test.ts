import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ERROR_TABLE, type ErrorExtras, ExecutionError, type Reason } from "../../../src/errors.ts";
import { type NextMove, nextMove } from "../../../src/router/attempts/next-step.ts";
import { REACTIONS } from "../../../src/router/attempts/reactions.ts";
import type { Place, Policy, Situation, Try } from "../../../src/router/attempts/situation.ts";

const place = (init: Partial<Place> = {}): Place => ({
  provider: "near",
  model: "m",
  state: "closed",
  waitMs: 0,
  retries: 2,
  isInBudget: true,
  isAffordable: true,
  usualMs: 0,
  takesPrefix: false,
  isUnfit: false,
  ...init,
});
const far = (init: Partial<Place> = {}): Place => place({ provider: "far", ...init });

const tried = (reason: Reason, init: Partial<Try> & { readonly extras?: ErrorExtras } = {}): Try => ({
  place: init.place ?? 0,
  error: new ExecutionError(reason, "planted", init.extras),
  hadContent: init.hadContent ?? false,
});

const situation = (init: Partial<Omit<Situation, "policy">> & { readonly policy?: Partial<Policy> }): Situation => ({
  places: [place(), far()],
  tries: [],
  remainingMs: Number.POSITIVE_INFINITY,
  random: () => 0.5,
  ...init,
  policy: { mayFallBack: true, fallBackOnBlock: false, mayContinue: false, ...init.policy },
});

/** `RETRY 0 after 125`, or the reason of the end. */
const words = (move: NextMove): string =>
  move.kind === "FAIL" ? `FAIL ${move.error.reason}` : `${move.kind} ${move.place} after ${move.afterMs}`;

const following = (tries: readonly Try[], init: Parameters<typeof situation>[0] = {}): string =>
  words(nextMove(situation({ ...init, tries })));

describe("the first attempt", () => {
  test("is at the first candidate that may be tried now", () => {
    expect(words(nextMove(situation({})))).toBe("START 0 after 0");
    expect(words(nextMove(situation({ places: [place({ state: "open", waitMs: 5 }), far()] })))).toBe(
      "START 1 after 0",
    );
  });

  test("is none where nobody may be tried: then the shortest wait is told", () => {
    const places = [place({ state: "open", waitMs: 2000 }), far({ state: "paused", waitMs: 700 })];
    const move = nextMove(situation({ places }));
    expect(move).toMatchObject({ kind: "FAIL", error: { reason: "NO_HEALTHY_TARGET", extras: { retryAfterMs: 700 } } });
  });
});

describe("a retry", () => {
  const internal = tried("PROVIDER_INTERNAL");
  // Mutants seen red: a fixed wait; a wait that does not grow.
  test("waits for a random part of a time that doubles up to 8 s", () => {
    const lone = { places: [place({ retries: 10 })] };
    const waits = [1, 2, 3, 6, 7].map((times) =>
      following(Array(times).fill(internal), { ...lone, random: () => 0.999999 }),
    );
    expect(waits.map((each) => Number(each.split(" ").at(-1)))).toEqual([250, 500, 1000, 8000, 8000]);
    expect(following([internal], { ...lone, random: () => 0 })).toBe("RETRY 0 after 0");
  });

  test("is made as often as the candidate allows, then the next one has its turn", () => {
    expect(following([internal])).toBe("RETRY 0 after 125");
    expect(following([internal, internal, internal])).toBe("FALLBACK 1 after 0");
    expect(following([internal], { places: [place({ retries: 0 }), far()] })).toBe("FALLBACK 1 after 0");
  });

  test("is not made beyond the budget of the instance, while its breaker is open, or without the time for it", () => {
    expect(following([internal], { places: [place({ isInBudget: false })] })).toBe("FAIL PROVIDER_INTERNAL");
    expect(following([internal], { places: [place({ isAffordable: false })] })).toBe("FAIL PROVIDER_INTERNAL");
    expect(following([internal], { places: [place({ state: "open", waitMs: 100 })] })).toBe("FAIL PROVIDER_INTERNAL");
    expect(following([internal], { places: [place({ usualMs: 400 })], remainingMs: 500 })).toBe(
      "FAIL PROVIDER_INTERNAL",
    );
    expect(following([internal], { places: [place({ usualMs: 300 })], remainingMs: 500 })).toBe("RETRY 0 after 125");
    expect(following([internal], { places: [place()], remainingMs: 220 })).toBe("FAIL PROVIDER_INTERNAL");
  });

  const limited = (retryAfterMs: number): Try => tried("PROVIDER_RATE_LIMITED", { extras: { retryAfterMs } });
  // Mutants seen red: Retry-After not looked at; waited for beyond the deadline.
  test("waits as long as the provider asks, if that is within 30 s and the deadline", () => {
    const lone = { places: [place({ state: "paused" as const, waitMs: 20_000 })] };
    expect(following([limited(20_000)], lone)).toBe("RETRY 0 after 20125");
    expect(following([limited(20_000)], { ...lone, remainingMs: 20_200 })).toBe("FAIL PROVIDER_RATE_LIMITED");
    expect(following([limited(30_001)], lone)).toBe("FAIL PROVIDER_RATE_LIMITED");
  });

  // Mutant seen red: Retry-After looked at only where it has paused the place.
  test("waits as long as a provider asks that is not paused for it", () => {
    const busy = tried("PROVIDER_UNAVAILABLE", { extras: { retryAfterMs: 5000 } });
    expect(following([busy], { places: [place()] })).toBe("RETRY 0 after 5125");
    expect(following([busy], { places: [place()], remainingMs: 5000 })).toBe("FAIL PROVIDER_UNAVAILABLE");
  });

  test("that would wait for long gives way to a candidate that can answer now", () => {
    const paused = (waitMs: number) => ({ places: [place({ state: "paused", waitMs }), far()] });
    expect(following([limited(300)], paused(300))).toBe("RETRY 0 after 425");
    expect(following([limited(600)], paused(600))).toBe("FALLBACK 1 after 0");
  });

  test("with another key is made at once and is none of the retries", () => {
    const otherKey = tried("PROVIDER_AUTH", { extras: { otherKey: true } });
    expect(following([otherKey], { places: [place({ retries: 0 })] })).toBe("RETRY 0 after 0");
    expect(following([otherKey, internal], { places: [place({ retries: 1 })] })).toBe("RETRY 0 after 125");
  });
});

describe("a fallback", () => {
  test("goes to whoever was not tried, may be tried, can serve, and has the time", () => {
    const auth = tried("PROVIDER_AUTH");
    expect(following([auth], { places: [place(), far({ isUnfit: true }), far()] })).toBe("FALLBACK 2 after 0");
    expect(following([auth], { places: [place(), far({ state: "half_open", waitMs: 1 }), far()] })).toBe(
      "FALLBACK 2 after 0",
    );
    expect(following([auth, tried("PROVIDER_AUTH", { place: 1 })])).toBe("FAIL PROVIDER_AUTH");
    expect(following([auth], { remainingMs: 99 })).toBe("FAIL PROVIDER_AUTH");
    expect(following([auth], { policy: { mayFallBack: false } })).toBe("FAIL PROVIDER_AUTH");
  });

  test("to another model of the same instance is in the instance's budget", () => {
    const gone = tried("PROVIDER_MODEL_GONE");
    expect(following([gone], { places: [place(), place({ model: "n" })] })).toBe("FALLBACK 1 after 0");
    expect(following([gone], { places: [place(), place({ model: "n", isInBudget: false })] })).toBe(
      "FAIL PROVIDER_MODEL_GONE",
    );
  });

  // Mutant seen red: whatever the next candidate's window is.
  test("of what is too long goes only to a context window that is known to be larger", () => {
    const long = tried("CONTEXT_TOO_LONG");
    const windows = (...sizes: readonly (number | undefined)[]) => ({
      places: sizes.map((size) => place(size === undefined ? {} : { contextWindow: size })),
    });
    expect(following([long], windows(100, 100, undefined, 200))).toBe("FALLBACK 3 after 0");
    expect(following([long], windows(100, 99))).toBe("FAIL CONTEXT_TOO_LONG");
    expect(following([long], windows(undefined, 200))).toBe("FAIL CONTEXT_TOO_LONG");
  });

  test("of what a policy blocks is the persona's choice", () => {
    expect(following([tried("CONTENT_BLOCKED")])).toBe("FAIL CONTENT_BLOCKED");
    expect(following([tried("CONTENT_BLOCKED")], { policy: { fallBackOnBlock: true } })).toBe("FALLBACK 1 after 0");
  });
});

describe("after content", () => {
  const cut = tried("UPSTREAM_TRUNCATED", { hadContent: true });
  // Mutant seen red: the next candidate begins anew.
  test("nothing comes next", () => {
    expect(following([cut])).toBe("FAIL UPSTREAM_TRUNCATED");
    expect(following([tried("PROVIDER_AUTH", { place: 1 }), cut])).toBe("FAIL UPSTREAM_TRUNCATED");
  });

  test("a candidate that takes a prefix goes on, where the persona says so and a provider is at fault", () => {
    const places = [place({ takesPrefix: true }), far(), far({ takesPrefix: true })];
    const policy = { mayContinue: true };
    expect(following([cut], { places, policy })).toBe("CONTINUE 2 after 0");
    expect(following([cut], { places: places.slice(0, 2), policy })).toBe("FAIL UPSTREAM_TRUNCATED");
    for (const reason of ["CANCELLED", "DEADLINE", "BUG", "PROVIDER_REJECTED"] as const) {
      expect(following([tried(reason, { hadContent: true })], { places, policy })).toBe(`FAIL ${reason}`);
    }
  });
});

describe("the end", () => {
  test("is the attempts' own if all failed alike, and NO_HEALTHY_TARGET if they did not", () => {
    const alike = [tried("PROVIDER_INTERNAL"), tried("PROVIDER_INTERNAL", { place: 1 })];
    const places = [place({ retries: 0 }), far({ retries: 0, state: "open", waitMs: 900 })];
    expect(nextMove(situation({ tries: alike, places }))).toMatchObject({
      error: { reason: "PROVIDER_INTERNAL", extras: { retryAfterMs: 900 } },
    });
    const mixed = [tried("PROVIDER_INTERNAL"), tried("PROVIDER_REJECTED", { place: 1 })];
    expect(nextMove(situation({ tries: mixed, places }))).toMatchObject({
      error: {
        reason: "NO_HEALTHY_TARGET",
        retryable: true,
        message: "every attempt failed: near/m: PROVIDER_INTERNAL; far/m: PROVIDER_REJECTED",
        extras: { retryAfterMs: 900 },
      },
    });
  });

  test("is the call's own if its caller, its deadline or a bug ended it", () => {
    for (const reason of ["CANCELLED", "DEADLINE", "INTERRUPTED", "BUG"] as const) {
      expect(following([tried("PROVIDER_INTERNAL"), tried(reason)])).toBe(`FAIL ${reason}`);
    }
  });
});

/** What the anchors and the providers' documentation say of each reason: retry, fallback, health. */
const TABLE: readonly (readonly [Reason, string])[] = [
  ["PROVIDER_REJECTED", "never never alive"],
  ["CONTEXT_TOO_LONG", "never larger alive"],
  ["CONTENT_BLOCKED", "never opt_in alive"],
  ["MESSAGE_TOO_LARGE", "never never alive"],
  ["PROVIDER_AUTH", "never yes open_instance"],
  ["PROVIDER_PERMISSION", "never yes open"],
  ["PROVIDER_QUOTA", "never yes open_instance"],
  ["PROVIDER_RATE_LIMITED", "always yes pause"],
  ["PROVIDER_MODEL_GONE", "never yes open"],
  ["PROVIDER_TIMEOUT", "once first failure"],
  ["PROVIDER_CONFLICT", "once yes alive"],
  ["PROVIDER_MODEL_ERROR", "once yes failure"],
  ["PROVIDER_INTERNAL", "always yes failure"],
  ["PROVIDER_UNAVAILABLE", "always yes failure"],
  ["PROVIDER_OVERLOADED", "once first failure"],
  ["PROVIDER_NETWORK", "always yes failure"],
  ["PROVIDER_DNS", "always yes failure"],
  ["PROVIDER_TLS", "never yes failure"],
  ["PROVIDER_PROTOCOL", "once yes failure"],
  ["PROVIDER_UNKNOWN", "always yes failure"],
  ["UPSTREAM_TRUNCATED", "once yes failure"],
  ["UPSTREAM_STALLED", "once first failure"],
  ["CAPABILITY_MISSING", "never yes nothing"],
  ["BUDGET_EXCEEDED", "never yes nothing"],
  ["RATE_LIMITED", "never yes nothing"],
  ["MODEL_UNPRICED", "never yes nothing"],
  ["INVALID_FIELD", "never yes nothing"],
];

describe("the reactions", () => {
  test.each(TABLE)("to %s: %s", (reason, expected) => {
    const { retry, fallback, health } = REACTIONS[reason] ?? {};
    expect(`${retry} ${fallback} ${health}`).toBe(expected);
    const lone = { places: [place({ retries: 5 })] };
    const retries = [1, 2, 5, 6].filter((times) =>
      following(Array(times).fill(tried(reason)), lone).startsWith("RETRY"),
    );
    expect(retries).toEqual({ never: [], once: [1], always: [1, 2, 5] }[retry ?? "never"]);
    const isFirst = following([tried(reason)]).startsWith("FALLBACK");
    expect(isFirst).toBe(fallback === "first" || (fallback === "yes" && retry === "never"));
  });

  test("are there for every reason that a provider gives, and for no other end of a call", () => {
    const providers = Object.entries(ERROR_TABLE).flatMap(([reason, { origin }]) =>
      origin === "provider" ? [reason] : [],
    );
    const rows = TABLE.map(([reason]): string => reason);
    expect(Object.keys(REACTIONS).toSorted()).toEqual(rows.toSorted());
    expect(providers.filter((reason) => !rows.includes(reason))).toEqual(["NO_HEALTHY_TARGET"]);
  });

  test("to an error that is known not to pass are no retries; an unknown 4xx is a verdict", () => {
    const extras = { retryable: false };
    expect(following([tried("PROVIDER_RATE_LIMITED", { extras })], { places: [place()] })).toBe(
      "FAIL PROVIDER_RATE_LIMITED",
    );
    expect(following([tried("PROVIDER_RATE_LIMITED", { extras })])).toBe("FALLBACK 1 after 0");
    expect(following([tried("PROVIDER_UNKNOWN", { extras })])).toBe("FAIL PROVIDER_UNKNOWN");
  });
});

// Mutant seen red: a place that was left is tried again later.
test("whatever fails how, a call ends after so many attempts, and none is where none may be", () => {
  const reason = fc.constantFrom(...Object.keys(REACTIONS)) as fc.Arbitrary<Reason>;
  const anyPlace = fc.record({
    provider: fc.constantFrom("near", "far"),
    retries: fc.integer({ min: 0, max: 3 }),
    waitMs: fc.constantFrom(0, 0, 0, 50),
    state: fc.constantFrom<Place["state"]>("closed", "paused", "open"),
    isInBudget: fc.boolean(),
    isUnfit: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(anyPlace, { minLength: 1, maxLength: 4 }),
      fc.array(reason, { minLength: 40, maxLength: 40 }),
      (drawn, reasons) => {
        const places = drawn.map((each) => place(each));
        const tries: Try[] = [];
        let move = nextMove(situation({ places }));
        while (move.kind !== "FAIL") {
          const at = places[move.place];
          expect(at?.isUnfit).toBe(false);
          expect(move.kind === "RETRY" || at?.waitMs === 0).toBe(true);
          tries.push(tried(reasons[tries.length] ?? "PROVIDER_INTERNAL", { place: move.place }));
          move = nextMove(situation({ places, tries }));
        }
        const most = places.reduce((sum, { retries }) => sum + 1 + retries, 0);
        expect(tries.length).toBeLessThanOrEqual(most);
      },
    ),
  );
});
