import { describe, expect, test } from "@jest/globals";
import type { OwnPriceSettings } from "../../src/config/config.ts";
import { pricesSchema } from "../../src/config/prices-schema.ts";
import { RATE_NAMES } from "../../src/ledger/prices/types.ts";
import { denied, load, problemsOf, type World } from "./load-from.ts";

/*
 * Mutants seen red: the file's places without its name; a rate read as a number; `to` taken as a last day; windows compared without their
 * conditions; a bound of input without a rule below it taken; an empty file taken for one without prices.
 */

const file = `
providers:
  near: { kind: openai, base_url: "http://127.0.0.1:9000/v1" }
  free: { kind: openai, base_url: "http://127.0.0.1:9001/v1", spends: false }
prices: { file: prices.yaml }
`;

const worldOf = (prices: string | Error): World => ({ file, files: { "prices.yaml": prices } });
const problems = (prices: string | Error): Promise<readonly string[]> => problemsOf(worldOf(prices));
const read = async (prices: string): Promise<OwnPriceSettings | undefined> =>
  (await load(worldOf(prices))).config.prices;

/** A file with these rules of OpenAI, each a flow map. */
const rules = (...lines: readonly string[]): string =>
  ["vendors:", "  openai:", ...lines.map((line) => `    - ${line}`)].join("\n");
const RATES = "rates: { input: 1, output: 2 }";

describe("a file with prices of one's own", () => {
  test("is read as it is written, to the last digit", async () => {
    const prices = `
vendors:
  azure:
    - models: [gpt-5, my-deployment]
      from: 2026-01-01
      to: 2026-07-01
      service_tier: flex
      batch: true
      region: eu
      rates: { input: 1.250000001, input_cache_read: "0.10", output: 10 }
      extras: { web_search_requests: 0.010 }
      request_fees: [web_search_requests]
      reason: our contract
instances:
  near:
    - { models: [llama], rates: { input: 0, output: 0.30 } }
    - { models: [llama], input_over: 128000, rates: { input: 0, output: 0.60 } }
`;
    const { vendors, instances } = (await read(prices)) ?? { vendors: {}, instances: {} };
    expect(vendors.azure).toEqual([
      {
        models: ["gpt-5", "my-deployment"],
        from: "2026-01-01",
        to: "2026-07-01",
        serviceTier: "flex",
        batch: true,
        region: "eu",
        rates: { input: "1.250000001", inputCacheRead: "0.10", output: "10" },
        extras: { web_search_requests: "0.010" },
        requestFees: ["web_search_requests"],
        reason: "our contract",
      },
    ]);
    expect(instances.near).toEqual([
      { models: ["llama"], region: "*", rates: { input: "0", output: "0.30" } },
      { models: ["llama"], region: "*", inputOver: 128_000, rates: { input: "0", output: "0.60" } },
    ]);
  });

  test("has a key for every bucket that can have a rate", () => {
    const below = pricesSchema.below;
    const keys = JSON.stringify(below, (key, value) => (key === "doc" ? undefined : value));
    for (const name of RATE_NAMES)
      expect(keys).toContain(`"${name.replace(/([A-Z]|\d+)/g, (part) => `_${part.toLowerCase()}`)}"`);
  });

  test("is named by a variable too, and there is none unless one is named", async () => {
    const files = { "own.yaml": rules(`{ models: [m], ${RATES} }`) };
    const { config } = await load({ files, environment: { EP_PRICES_FILE: "own.yaml" } });
    expect(config.prices?.vendors.openai).toHaveLength(1);
    expect((await load({ files })).config.prices).toBeUndefined();
  });

  test("says every mistake at once, each in its place", async () => {
    const text = `vendors:
  openai:
    - models: [m, m]
      from: 2026-02-30
      rates: { input: -1, output: .nan, reasoning: 1 }
    - models: []
      rates: { input: 1e3, output: 100001 }
      extras: { search: 0.0000000001 }
      request_fees: [fetch]
    - { models: [n], service_tier: default, rates: { input: 1 } }
  compatible:
    - { models: [n], ${RATES} }
instances:
  nera: [{ models: [n], ${RATES} }]
  free: [{ models: [n], ${RATES} }]
models: {}
`;
    const found = await problems(text);
    const amount = (most: number): string =>
      `must be US dollars as a plain decimal number such as 0.075, from 0 to ${most}, with at most nine digits behind the point`;
    expect(found.map((line) => line.replace(/^prices\.yaml:/, ""))).toEqual(
      expect.arrayContaining([
        "4:13: vendors.openai[0].from: must be a day of the calendar such as 2026-11-26",
        `5:23: vendors.openai[0].rates.input: ${amount(100_000)}`,
        `5:35: vendors.openai[0].rates.output: ${amount(100_000)}`,
        expect.stringMatching(/^5:41: vendors\.openai\[0\]\.rates\.reasoning: there is no such key/),
        "6:15: vendors.openai[1].models: must have at least one item",
        `7:23: vendors.openai[1].rates.input: ${amount(100_000)}`,
        `7:36: vendors.openai[1].rates.output: ${amount(100_000)}`,
        `8:25: vendors.openai[1].extras.search: ${amount(10_000)}`,
        expect.stringMatching(/^10:36: vendors\.openai\[2\]\.service_tier: names the standard tier/),
        expect.stringMatching(/^10:52: vendors\.openai\[2\]\.rates\.output: is missing/),
        expect.stringMatching(/^12:5: vendors\.compatible: is no vendor/),
        expect.stringMatching(/^14:9: instances\.nera: there is no provider instance "nera"\. Did you mean "near"\?/),
        expect.stringMatching(/^15:9: instances\.free: nobody bills for this instance/),
        expect.stringMatching(/^16:1: models: there is no such key/),
      ]),
    );
    expect(found).toHaveLength(14);
  });

  test.each([
    [
      "the same model twice in a rule",
      [`{ models: [m, m], ${RATES} }`],
      ["vendors.openai[0].models[1]: is in the list a second time"],
    ],
    [
      "a window that ends before it begins",
      [`{ models: [m], from: 2026-02-01, to: 2026-02-01, ${RATES} }`],
      ["vendors.openai[0].to: must be after from"],
    ],
    [
      "a fee that is no extra",
      [`{ models: [m], request_fees: [x], ${RATES} }`],
      ["vendors.openai[0].request_fees[0]: must be one of the extras"],
    ],
    [
      "windows that overlap",
      [`{ models: [a, m], from: 2026-01-01, to: 2026-03-01, ${RATES} }`, `{ models: [m], from: 2026-02-28, ${RATES} }`],
      ["vendors.openai[1]: says what m costs on days and under conditions for which rule [0] says it"],
    ],
    [
      "a bound of input on days that have no rule below it",
      [
        `{ models: [m], to: 2026-03-01, ${RATES} }`,
        `{ models: [m], service_tier: flex, ${RATES} }`,
        `{ models: [m], from: 2026-01-01, input_over: 9, ${RATES} }`,
      ],
      [
        "vendors.openai[2].input_over: needs a rule beside it, under the same conditions, for what m costs up to it from 2026-03-01",
      ],
    ],
  ])("is refused for %s", async (_, lines, expected) => {
    const found = await problems(rules(...lines));
    expect(found).toHaveLength(expected.length);
    for (const [index, part] of expected.entries()) expect(found[index]).toContain(part);
  });

  test("may say a price for days that meet, and for other conditions on the same days", async () => {
    const lines = [
      `{ models: [m], to: 2026-03-01, ${RATES} }`,
      `{ models: [m], from: 2026-03-01, ${RATES} }`,
      `{ models: [m], batch: true, ${RATES} }`,
      `{ models: [m], region: eu, ${RATES} }`,
      `{ models: [m], service_tier: flex, ${RATES} }`,
      `{ models: [m], input_over: 200000, ${RATES} }`,
    ];
    expect((await read(rules(...lines)))?.vendors.openai).toHaveLength(6);
  });

  test.each<[string, string | Error, RegExp]>([
    ["is not text that can be read", denied(), /prices\.file: the file cannot be read \(EACCES\)/],
    ["is empty", "", /^prices\.yaml:1:1: : has no prices/],
    ["has remarks alone", "# soon\n", /^prices\.yaml:\d:\d: : has no prices/],
    [
      "is cut in the middle of a line",
      rules("{ models: [m], rates: { input"),
      /^prices\.yaml:3:\d+: : the YAML cannot be read here/,
    ],
    [
      "is cut in the middle of a rule",
      "vendors:\n  openai:\n    - models: [m]\n      rates:\n        input: 1\n",
      /rates\.output: is missing/,
    ],
    ["is a list", "- 1\n", /^prices\.yaml:1:1: : must be a map/],
  ])("is refused if it %s", async (_, text, expected) => {
    const found = await problems(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(expected);
  });

  test("is refused if it is not there", async () => {
    expect(await problemsOf({ file })).toEqual([expect.stringContaining("prices.file: there is no such file")]);
  });
});

describe("the region of an instance", () => {
  test("is the configured one", async () => {
    const { config } = await load({
      file: file
        .replace("prices: { file: prices.yaml }", "")
        .replace("kind: openai,", "kind: openai, region: eu-west-1,"),
    });
    expect(config.providers.near?.region).toBe("eu-west-1");
    expect(config.providers.free?.region).toBeUndefined();
  });
});
