import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ModelCapabilitiesSchema } from "../../../src/gen/execution/v1/capabilities_pb.js";
import { ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import { CacheTtl, MessageRole, type PartSchema } from "../../../src/gen/execution/v1/content_pb.js";
import { createPriceBook, FREE } from "../../../src/ledger/prices/price-book.ts";
import type { PriceQuery, PriceRule } from "../../../src/ledger/prices/types.ts";
import { acmeTable, priceQuery, usageOf } from "./rig.ts";

/*
 * Mutants seen red: characters counted instead of bytes, the worst case at the standard tier alone, at the lower band, without cache writes,
 * a document taken for bounded, tools of the provider left out, the request's maximum taken although the model's is less; without the request's
 * own cache hint, a document's notes, a tool's options, a schema's words, options of the provider, or what state in its words may name; a tier
 * without a price priced as the standard one.
 */

const RULES: readonly PriceRule[] = [
  { models: ["m"], rates: { input: "1", inputCacheRead: "0.1", output: "10" } },
  { models: ["m"], serviceTier: "priority", rates: { input: "3", output: "30" } },
];

interface Asked {
  readonly parts?: MessageInitShape<typeof PartSchema>[];
  readonly request?: MessageInitShape<typeof ChatRequestSchema>;
  readonly model?: MessageInitShape<typeof ModelCapabilitiesSchema>;
  readonly rules?: readonly PriceRule[];
  readonly query?: Partial<PriceQuery>;
}

const text = (value: string) => ({
  kind: { case: "text" as const, value: { text: value } },
});

function estimate({ parts = [text("hi")], request = {}, model = {}, rules = RULES, query = {} }: Asked) {
  const book = createPriceBook([acmeTable(rules)]);
  const asked = create(ChatRequestSchema, { messages: [{ role: MessageRole.USER, parts }], ...request });
  const described = create(ModelCapabilitiesSchema, { maxOutputTokens: 1000, ...model });
  return book.estimate(book.priceOf(priceQuery(query)), asked, described);
}

describe("what a request may cost", () => {
  test("is nothing where nobody bills, and not known without a price", () => {
    const [request, model] = [create(ChatRequestSchema), create(ModelCapabilitiesSchema)];
    expect(createPriceBook([]).estimate(FREE, request, model)).toEqual({ expectedNanoUsd: 0n, worstNanoUsd: 0n });
    expect(createPriceBook([]).estimate(undefined, request, model)).toEqual({});
    expect(estimate({ query: { model: "n" } })).toEqual({});
  });

  test("has a worst case only with a bound on input and on output", () => {
    expect(estimate({ model: { maxOutputTokens: undefined } })).not.toHaveProperty("worstNanoUsd");
    expect(
      estimate({ model: { maxOutputTokens: undefined }, request: { sampling: { maxOutputTokens: 10 } } }),
    ).toHaveProperty("worstNanoUsd");
    const document = {
      kind: { case: "document" as const, value: { source: { case: "url" as const, value: "https://a/b.pdf" } } },
    };
    expect(estimate({ parts: [document] })).not.toHaveProperty("worstNanoUsd");
    expect(estimate({ parts: [document], model: { contextWindow: 1000 } })).toHaveProperty("worstNanoUsd");
    const searching = { providerTools: [{ kind: "web_search" }] };
    expect(estimate({ request: searching, model: { contextWindow: 1000 } })).not.toHaveProperty("worstNanoUsd");
  });

  test("has a worst case with what goes back sealed, and none with what goes back in the provider's words", () => {
    const state = (kind: string) => [
      { ...text("hi"), providerState: [{ owner: "acme", kind, data: new Uint8Array(100) }] },
    ];
    const url = Buffer.from('{"type":"document","source":{"type":"url","url":"https://a/b.pdf"}}');
    const block = [{ providerState: [{ owner: "acme", kind: "block", data: url }] }];
    expect(estimate({ parts: state("signature") })).toHaveProperty("worstNanoUsd");
    expect(estimate({ parts: block })).not.toHaveProperty("worstNanoUsd");
    expect(estimate({ parts: block, model: { contextWindow: 1000 } })).toHaveProperty("worstNanoUsd");
    const optioned = { providerOptionsJson: { acme: '{"mcp_servers":[{"url":"https://a/b"}]}' } };
    expect(estimate({ request: optioned, model: { contextWindow: 1000 } })).not.toHaveProperty("worstNanoUsd");
  });

  test("counts all that a model reads: notes and titles, options of a tool, grammars, schemas, quotations", () => {
    const long = "x".repeat(10_000);
    const rules = [{ models: ["m"], rates: { input: "1", output: "0" } }];
    const costs = (asked: Asked) => estimate({ rules, ...asked }).worstNanoUsd ?? -1n;
    const document = (field: string, value: string): Asked => ({
      parts: [{ kind: { case: "document", value: { source: { case: "text" as const, value: "" }, [field]: value } } }],
    });
    const citing = (rawJson: string) => ({
      kind: { case: "text" as const, value: { text: "", citations: [{ rawJson }] } },
    });
    const tool = (fields: object) => ({ request: { tools: [{ name: "t", ...fields }] } });
    const schema = (schemaJson: string, description = "") => ({
      request: {
        responseFormat: { format: { case: "jsonSchema" as const, value: { name: "s", schemaJson, description } } },
      },
    });
    const pairs: readonly (readonly [Asked, Asked])[] = [
      [document("context", ""), document("context", long)],
      [document("title", ""), document("title", long)],
      [document("filename", ""), document("filename", long)],
      [{ parts: [citing("")] }, { parts: [citing(long)] }],
      [tool({}), tool({ providerOptionsJson: { acme: long } })],
      [tool({}), tool({ freeForm: { grammar: { syntax: "lark", definition: long } } })],
      [schema("{}"), schema("{}", long)],
    ];
    for (const [without, with10k] of pairs) expect(costs(with10k) - costs(without)).toBeGreaterThanOrEqual(10_000_000n);
  });

  test("is at most the model's window in, and the lesser of both maxima out, in the dearest tier", () => {
    const long = [text("x".repeat(5000))];
    expect(estimate({ parts: long, model: { contextWindow: 1000, maxOutputTokens: 100 } }).worstNanoUsd).toBe(
      1000n * 3000n + 100n * 30_000n,
    );
    const allowed = { sampling: { maxOutputTokens: 50 } };
    expect(
      estimate({ parts: long, model: { contextWindow: 1000, maxOutputTokens: 100 }, request: allowed }).worstNanoUsd,
    ).toBe(1000n * 3000n + 50n * 30_000n);
  });

  test("is bounded by the model's maximum where the request allows more", () => {
    const model = { contextWindow: 1000, maxOutputTokens: 100 };
    const parts = [text("x".repeat(5000))];
    const asked = { sampling: { maxOutputTokens: 5000 } };
    expect(estimate({ parts, model, request: asked }).worstNanoUsd).toBe(estimate({ parts, model }).worstNanoUsd);
  });

  test("is bounded by the tier that was asked for, and by the standard one it may fall back to", () => {
    const worst = (serviceTier: string, rules = RULES) =>
      estimate({
        query: { serviceTier },
        rules,
        parts: [text("x".repeat(5000))],
        model: { contextWindow: 1000, maxOutputTokens: 0 },
      }).worstNanoUsd;
    expect(worst("default")).toBe(1_000_000n);
    expect(worst("priority")).toBe(3_000_000n);
    expect(worst("auto")).toBe(3_000_000n);
    expect(worst("from next year")).toBeUndefined();
    const flex: PriceRule = { models: ["m"], serviceTier: "flex", rates: { input: "0.5", output: "5" } };
    expect(worst("flex", [...RULES, flex])).toBe(1_000_000n);
  });

  test("holds the dearest of all rates that may apply: long input, cache writes, sound", () => {
    const rules: PriceRule[] = [
      {
        models: ["m"],
        rates: { input: "1", inputCacheWrite5m: "2", inputCacheWrite1h: "4", inputAudio: "8", output: "1" },
      },
      { models: ["m"], inputOver: 900, rates: { input: "3", output: "1" } },
    ];
    const worst = (parts: Asked["parts"], contextWindow: number) =>
      estimate({ rules, parts: parts ?? [], model: { contextWindow, maxOutputTokens: 0 } }).worstNanoUsd;
    const long = "x".repeat(5000);
    expect(worst([text(long)], 800)).toBe(1_600_000n);
    expect(worst([text(long)], 1000)).toBe(3_000_000n);
    const hint = { ttl: CacheTtl.ONE_HOUR };
    expect(worst([{ ...text(long), cacheHint: hint }], 1000)).toBe(4_000_000n);
    const model = { contextWindow: 1000, maxOutputTokens: 0 };
    const whole = estimate({ rules, parts: [text(long)], request: { cacheHint: hint }, model });
    expect(whole.worstNanoUsd).toBe(4_000_000n);
    const sound = {
      kind: {
        case: "audio" as const,
        value: { source: { case: "data" as const, value: new Uint8Array(3) }, mimeType: "audio/wav" },
      },
    };
    expect(worst([sound], 1000)).toBe(8_000_000n);
  });

  test("expects four bytes a token, and an answer of 500 tokens or what is allowed", () => {
    const expected = (asked: Asked) =>
      estimate({ rules: [{ models: ["m"], rates: { input: "1", output: "0" } }], ...asked }).expectedNanoUsd ?? 0n;
    const more = expected({ parts: [text("é".repeat(2000))] }) - expected({ parts: [text("")] });
    expect(more).toBe(1000n * 1000n);
    const output = { rules: [{ models: ["m"], rates: { input: "0", output: "1" } }] };
    expect(expected(output)).toBe(500_000n);
    expect(expected({ ...output, request: { sampling: { maxOutputTokens: 20 } } })).toBe(20_000n);
    expect(expected({ ...output, model: { maxOutputTokens: 30 } })).toBe(30_000n);
  });

  test("counts a fee that every request is billed", () => {
    const rules: PriceRule[] = [
      {
        models: ["m"],
        rates: { input: "0", output: "0" },
        extras: { low: "0.005", high: "0.012" },
        requestFees: ["low", "high"],
      },
    ];
    expect(estimate({ rules })).toEqual({ expectedNanoUsd: 5_000_000n, worstNanoUsd: 12_000_000n });
  });

  // The promise of a reservation: whatever a tokenizer of bytes makes of the text, in whatever tier, it does not cost more.
  test("is never less in the worst case than what a usage within its bounds costs", () => {
    const book = createPriceBook([acmeTable(RULES)]);
    const asked = fc.record({
      words: fc.string({ unit: "binary", maxLength: 200 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      output: fc.nat(1000),
      serviceTier: fc.constantFrom("", "default", "priority", "auto"),
      served: fc.constantFrom("", "default"),
      // What a provider may upgrade a request to that leaves it the choice is in the test of tiers above.
    });
    fc.assert(
      fc.property(asked, ({ words, share, output, serviceTier, served }) => {
        const price = book.priceOf(priceQuery({ serviceTier }));
        const inputTotal = Buffer.byteLength(words);
        const usage = usageOf({
          inputTotal,
          inputCacheRead: Math.floor(inputTotal * share),
          outputTotal: output,
          serviceTier: served,
        });
        const { worstNanoUsd = -1n } = estimate({ parts: [text(words)], query: { serviceTier } });
        const cost = book.costOf(price, usage);
        expect(cost !== undefined && worstNanoUsd >= cost).toBe(true);
      }),
    );
  });
});
