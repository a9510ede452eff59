import { describe, expect, test } from "@jest/globals";
import { load, problemsOf } from "./load-from.ts";

const file = `
providers: { mock: { kind: mock, limits: { concurrent: 8 } } }
tenants: { acme: { limits: { usd_per_month: 200, tokens_total: 1000000 } } }
auth: { keys: { ci: { sha256: ${"a".repeat(64)}, tenant: acme, limits: { usd_per_day: "0.10" } } } }
personas: { default: { limits: { requests_per_minute: 60, usd_per_day: 5 } } }
budgets:
  - { scope: end_user, amount: 0.000000001, window: hour }
  - { scope: model, name: some-model, unit: tokens, amount: 5000, window: day, mode: soft }
  - { scope: key, unit: concurrent, amount: 4, mode: shadow }
`;

describe("limits", () => {
  test("of tenants, keys, personas and providers, and budgets for anybody, are one list; money is exact", async () => {
    const { config } = await load({ file });
    expect(config.budgets).toEqual([
      { scope: "tenant", value: "acme", window: "month", unit: "usd", amount: 200_000_000_000n, mode: "hard" },
      { scope: "tenant", value: "acme", window: "total", unit: "tokens", amount: 1_000_000n, mode: "hard" },
      { scope: "key", value: "ci", window: "day", unit: "usd", amount: 100_000_000n, mode: "hard" },
      { scope: "persona", value: "default", window: "minute", unit: "requests", amount: 60n, mode: "hard" },
      { scope: "persona", value: "default", window: "day", unit: "usd", amount: 5_000_000_000n, mode: "hard" },
      { scope: "provider", value: "mock", window: "now", unit: "concurrent", amount: 8n, mode: "hard" },
      { scope: "end_user", window: "hour", unit: "usd", amount: 1n, mode: "hard" },
      { scope: "model", value: "some-model", window: "day", unit: "tokens", amount: 5000n, mode: "soft" },
      { scope: "key", window: "now", unit: "concurrent", amount: 4n, mode: "shadow" },
    ]);
  });

  test("by variables are budgets for each persona, and for each tenant, in a minute", async () => {
    const environment = {
      EP_RATE_LIMIT_PER_PERSONA: "60",
      EP_TOKENS_BUDGET_PER_MINUTE: "100000",
      EP_BUDGET_PER_MINUTE_USD: "0.5",
    };
    const { config, notices } = await load({
      file: "budgets: [{ scope: key, amount: 1, window: day }]\n",
      environment,
    });
    expect(notices).toEqual([]);
    expect(config.budgets.slice(1)).toEqual([
      { scope: "persona", window: "minute", unit: "requests", amount: 60n, mode: "hard" },
      { scope: "tenant", window: "minute", unit: "tokens", amount: 100_000n, mode: "hard" },
      { scope: "tenant", window: "minute", unit: "usd", amount: 500_000_000n, mode: "hard" },
    ]);
  });
});

const budget = (text: string): string => `budgets:\n  - { ${text} }\n`;
const at = "execution-platform.yaml:2";

// Mutants seen red: parseCount takes 20 digits; a window that is refused is missing too.
describe("a file is refused, with place and remedy, for", () => {
  test.each([
    [
      "a scope nobody knows",
      budget("scope: team, amount: 1, window: day"),
      `${at}:14: budgets[0].scope: must be one of`,
    ],
    [
      "a negative amount",
      budget("scope: key, amount: -1, window: day"),
      `${at}:27: budgets[0].amount: must be a number`,
    ],
    ["a huge amount", budget("scope: key, amount: 1e12, window: day"), `${at}:27: budgets[0].amount: must be at most`],
    [
      "half a call",
      budget("scope: key, unit: requests, amount: 0.5, window: day"),
      `${at}:43: budgets[0].amount: must be`,
    ],
    [
      "an amount of more digits than there may be",
      budget("scope: key, unit: tokens, amount: 100000000000000000000, window: day"),
      `${at}:41: budgets[0].amount: must be at most 9000000000000000`,
    ],
    [
      "a limit of more digits than there may be",
      "personas:\n  default: { limits: { tokens_per_day: 100000000000000000000 } }\n",
      `${at}:40: personas.default.limits.tokens_per_day: must be at most 9000000000000000`,
    ],
    [
      "a window there is not, once",
      budget("scope: key, amount: 1, window: week"),
      `${at}:38: budgets[0].window: must be one of`,
    ],
    ["no window", budget("scope: key, amount: 1"), `${at}:5: budgets[0].window: is missing`],
    ["an empty window", budget("scope: key, amount: 1, window: "), `${at}:39: budgets[0].window: has no value`],
    [
      "calls at once in a window",
      budget("scope: key, unit: concurrent, amount: 1, window: day"),
      `${at}:56: budgets[0].window: must not be there`,
    ],
    [
      "a persona there is not",
      budget("scope: persona, name: defualt, amount: 1, window: day"),
      `${at}:29: budgets[0].name`,
    ],
    [
      "two limits for the same",
      "personas: { default: { limits: { usd_per_day: 1 } } }\nbudgets: [{ scope: persona, name: default, amount: 2, window: day }]\n",
      `${at}:11: budgets[0]: is here a second time`,
    ],
    [
      "a limit there is not",
      "personas:\n  default: { limits: { requests_per_day: 1, request_per_minute: 1 } }\n",
      `${at}:45: personas.default.limits.request_per_minute: must be one of`,
    ],
    [
      "a limit that is no number",
      "personas:\n  default: { limits: { usd_per_day: 5$ } }\n",
      `${at}:37: personas.default.limits.usd_per_day: must be a number`,
    ],
  ])("%s", async (_, text, expected) => {
    const problems = await problemsOf({ file: text });
    expect(problems.map((problem) => problem.slice(0, expected.length))).toEqual([expected]);
  });

  test("a variable that is no amount, naming the variable", async () => {
    const problems = await problemsOf({ environment: { EP_BUDGET_PER_MINUTE_USD: "-1" } });
    expect(problems).toEqual([
      "EP_BUDGET_PER_MINUTE_USD: budgets[0].amount: must be a number of usd that is not negative",
    ]);
  });
});
