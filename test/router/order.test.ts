import { describe, expect, test } from "@jest/globals";
import type { CandidateSettings, Strategy } from "../../src/config/config.ts";
import type { ChatRequest } from "../../src/gen/execution/v1/chat_pb.js";
import { createPriceBook } from "../../src/ledger/prices/price-book.ts";
import { createHealth } from "../../src/router/health/health.ts";
import type { OrderDeps } from "../../src/router/order.ts";
import { considerRequest } from "../../src/router/resolve.ts";
import { IN_ORDER } from "../../src/router/routing.ts";
import { createRandom } from "../emulators/random.ts";
import { acmeTable } from "../ledger/prices/rig.ts";
import { asking, lines, plan } from "../support/planning.ts";
import { anyone, testPersona, testState } from "../support/routing.ts";
import { createScriptedAdapter } from "../support/scripted-adapter.ts";

const names = ["a", "b", "c"] as const;
const adapters = names.map((name) =>
  createScriptedAdapter({ name, seller: "acme", spends: true, defaultModel: `model-${name}` }),
);

/** A persona over `a`, `b` and `c`, whose weights are 6, 3 and 1. */
function rig(strategy: Strategy, changes: Partial<OrderDeps> = {}) {
  const candidates: CandidateSettings[] = names.map((provider, index) => ({ provider, weight: [6, 3, 1][index] ?? 1 }));
  const persona = testPersona("default", adapters, { candidates, routing: { ...IN_ORDER, strategy } });
  const state = testState(adapters, [persona]);
  const deps: OrderDeps = {
    health: createHealth(() => 0),
    prices: createPriceBook([]),
    nowMs: () => 0,
    random: createRandom(7),
    ...changes,
  };
  return {
    deps,
    state,
    order: (request: ChatRequest = asking()): string =>
      considerRequest(state, request, anyone, { ...deps, wanted: 1 })
        .candidates.map(({ place }) => place.provider)
        .join(""),
  };
}

/** How often each is first. */
function firsts(orders: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
  for (const order of orders) counts[order.charAt(0)] = (counts[order.charAt(0)] ?? 0) + 1;
  return counts;
}

const times = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => make(index));

test("ordered: the order is the configuration's", () => {
  expect(rig("ordered").order()).toBe("abc");
});

describe("weighted", () => {
  // Mutant seen red: weights not looked at.
  test("each is first as often as its weight says, and everyone follows", () => {
    const { order } = rig("weighted");
    const orders = times(2000, () => order());
    const { a = 0, b = 0, c = 0 } = firsts(orders);
    expect([a / 2000, b / 2000, c / 2000].map((share) => Math.round(share * 20) / 20)).toEqual([0.6, 0.3, 0.1]);
    expect(orders.every((each) => [...each].toSorted().join("") === "abc")).toBe(true);
  });
});

describe("sticky", () => {
  // Mutant seen red: a hash without the candidate.
  test("an end user stays with one candidate, also when another one goes, and users spread by weight", () => {
    const { order, deps } = rig("sticky");
    const users = times(1000, (index) => asking({ endUserId: `user-${index}` }));
    const before = users.map((user) => order(user));
    expect(users.map((user) => order(user))).toEqual(before);
    const { a = 0, b = 0 } = firsts(before);
    expect(Math.round((a / 1000) * 10)).toBe(6);
    expect(Math.round((b / 1000) * 10)).toBe(3);
    deps.health.target("b", "model-b").breaker.open(1000);
    for (const [index, user] of users.entries()) {
      const first = order(user).charAt(0);
      if (before[index]?.startsWith("b")) expect(first).toBe(before[index]?.charAt(1));
      else expect(first).toBe(before[index]?.charAt(0));
    }
  });

  test("a cache key counts where there is no end user; without either the order is the configuration's", () => {
    const { order } = rig("sticky");
    const orders = new Set(times(50, (index) => order(asking({ cacheKey: `key-${index}` }))));
    expect(orders.size).toBeGreaterThan(1);
    expect(order(asking({ cacheKey: "k" }))).toBe(order(asking({ endUserId: "k", cacheKey: "other" })));
    expect(order()).toBe("abc");
  });
});

describe("cost", () => {
  const prices = createPriceBook([
    acmeTable([
      { models: ["model-a"], rates: { input: "3", output: "3" } },
      { models: ["model-c"], rates: { input: "1", output: "1" } },
    ]),
  ]);

  // Mutant seen red: an unknown price taken for 0.
  test("the cheapest for the request is first, and who has no price last", () => {
    expect(rig("cost", { prices }).order()).toBe("cab");
  });

  test("a plan says what each would cost", () => {
    const { state } = rig("cost", { prices });
    const planned = plan(state, asking(), anyone, prices);
    expect(lines(planned)).toEqual(["c/model-c STRATEGY", "a/model-a STRATEGY", "b/model-b PRICE_UNKNOWN STRATEGY"]);
    expect(planned.candidates[0]?.reasons[0]?.text).toMatch(/^cost: about \d+ nano-USD$/);
  });
});

describe("latency", () => {
  const measured = (ms: Readonly<Record<string, number>>) => {
    const health = createHealth(() => 0);
    for (const [name, sample] of Object.entries(ms)) health.target(name, `model-${name}`).latency.record(sample);
    return health;
  };

  // Mutants seen red: the best of all first; whoever is drawn first; the others in the order of the configuration.
  test("the better of two at random is first, so that the slowest never is, and the others follow by their time", () => {
    const { order } = rig("latency", { health: measured({ a: 300, b: 200, c: 100 }) });
    const orders = new Set(times(200, () => order()));
    expect([...orders].toSorted()).toEqual(["bca", "cba"]);
  });

  // Mutant seen red: running calls not looked at.
  test("calls that run there count, and who was never measured is tried", () => {
    const health = measured({ a: 100, b: 150 });
    const { order } = rig("latency", { health, random: () => 0.5 });
    expect(order()).toBe("cab");
    health.target("c", "model-c").latency.record(1000);
    expect(order()).toBe("abc");
    health.target("a", "model-a").running = 3;
    expect(order()).toBe("bac");
  });
});

test("a request that names its candidate is not reordered", () => {
  expect(rig("weighted").order(asking({ provider: "c" }))).toBe("c");
});
