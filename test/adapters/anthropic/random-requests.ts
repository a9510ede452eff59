import { create, type MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import { type ChatRequest, ChatRequestSchema } from "../../../src/gen/execution/v1/chat_pb.js";
import type { MessageSchema, PartSchema } from "../../../src/gen/execution/v1/content_pb.js";
import {
  type ProviderToolSchema,
  type ResponseFormatSchema,
  ToolChoiceSchema,
  type ToolSchema,
} from "../../../src/gen/execution/v1/tools_pb.js";

type PartInit = MessageInitShape<typeof PartSchema>;
type MessageInit = MessageInitShape<typeof MessageSchema>;
type ProviderToolInit = MessageInitShape<typeof ProviderToolSchema>;
type FormatInit = MessageInitShape<typeof ResponseFormatSchema>;
type ToolInit = MessageInitShape<typeof ToolSchema>;
type RequestInit = MessageInitShape<typeof ChatRequestSchema>;

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const word = fc.stringMatching(/^[a-z_]{1,8}$/);
const bytes = fc.uint8Array({ maxLength: 8 });
const encode = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Mostly one of the first, seldom one of the second, which no model takes. */
const mostly = <Value>(taken: fc.Arbitrary<Value>, refused: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 29, arbitrary: taken }, { weight: 1, arbitrary: refused });

/** Leaves members out that are undefined, which is how protobuf says absent. */
const sometimes = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(arbitrary, { nil: undefined });

function defined<Shape extends object>(value: Shape): { [Key in keyof Shape]: Exclude<Shape[Key], undefined> } {
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members) as { [Key in keyof Shape]: Exclude<Shape[Key], undefined> };
}

const cacheHint = sometimes(fc.record({ ttl: fc.constantFrom(0, 1, 2) }));

/** A whole block as the provider wrote it, of a kind that may stand in any turn. */
const block = fc.constant({
  owner: "anthropic",
  kind: "block",
  data: encode('{"type":"container_upload","file_id":"file_1"}'),
});

const stateButBlocks = fc.oneof(
  text.map((value) => ({ owner: "anthropic", kind: "signature", data: encode(value) })),
  text.map((value) => ({ owner: "anthropic", kind: "redacted_thinking", data: encode(value) })),
  fc.record({ owner: fc.constantFrom("openai", "anthropic"), kind: word, data: bytes }),
);

const citation = fc.constantFrom(
  {
    rawJson:
      '{"type":"page_location","cited_text":"x","document_index":0,"document_title":null,"start_page_number":1,"end_page_number":2,"file_id":null}',
  },
  { rawJson: '{"type":"url_citation"}', url: "https://example.org" },
  { rawJson: "{" },
);

const media = fc.oneof(
  fc
    .record({ data: bytes, mimeType: mostly(fc.constantFrom("image/png", "image/jpg"), fc.constant("image/bmp")) })
    .map(({ data, mimeType }) => ({
      case: "image" as const,
      value: { source: { case: "data" as const, value: data }, mimeType },
    })),
  fc
    .webUrl()
    .map((value) => ({ case: "image" as const, value: { source: { case: "url" as const, value }, detail: 3 } })),
  fc
    .record({
      source: fc.oneof(
        bytes.map((value) => ({ case: "data" as const, value })),
        text.map((value) => ({ case: "text" as const, value })),
        fc.webUrl().map((value) => ({ case: "url" as const, value })),
      ),
      mimeType: mostly(fc.constantFrom("application/pdf", "text/plain", "text/csv"), fc.constant("application/zip")),
      title: text,
      filename: text,
      context: text,
      citations: fc.boolean(),
    })
    .map((value) => ({ case: "document" as const, value })),
  fc
    .record({
      owner: mostly(fc.constant("anthropic"), fc.constant("openai")),
      fileId: word,
      mimeType: fc.constantFrom("", "image/*"),
    })
    .map((value) => ({ case: "providerFile" as const, value })),
);

const plain = text.map((value) => ({ case: "text" as const, value: { text: value } }));

const partOf = (kind: fc.Arbitrary<PartInit["kind"]>, withBlocks = true): fc.Arbitrary<PartInit> =>
  fc
    .record({
      kind,
      cacheHint,
      providerState: fc.oneof(
        { weight: 4, arbitrary: fc.constant([]) },
        fc.array(withBlocks ? fc.oneof(block, stateButBlocks) : stateButBlocks, { maxLength: 2 }),
      ),
    })
    .map(defined) as fc.Arbitrary<PartInit>;

const userPart = partOf(fc.oneof(plain, media) as fc.Arbitrary<PartInit["kind"]>);

const toolCall = fc
  .record({
    id: word,
    name: word,
    argumentsJson: fc.oneof(fc.constantFrom("", "{}", "{cut", '["list"]'), fc.json({ maxDepth: 2 })),
    executor: fc.constantFrom(0, 1, 2, 3),
    freeForm: mostly(fc.constant(false), fc.constant(true)),
  })
  .map((value) => ({ case: "toolCall" as const, value }));

const toolResult = fc
  .record({
    toolCallId: word,
    parts: fc.array(partOf(fc.oneof(plain, media) as fc.Arbitrary<PartInit["kind"]>, false), { maxLength: 2 }),
    isError: fc.boolean(),
    executor: fc.constantFrom(0, 1, 3),
  })
  .map((value) => ({ case: "toolResult" as const, value }));

const assistantPart = partOf(
  fc.oneof(
    plain,
    fc
      .record({ text, citations: fc.array(citation, { maxLength: 2 }) })
      .map((value) => ({ case: "text" as const, value })),
    text.map((value) => ({ case: "reasoning" as const, value: { text: value } })),
    text.map((value) => ({ case: "refusal" as const, value: { text: value } })),
    toolCall,
    toolResult,
    fc.constant(undefined).map(() => ({ case: undefined })),
  ) as fc.Arbitrary<PartInit["kind"]>,
);

const messageOf = (role: number, part: fc.Arbitrary<PartInit>): fc.Arbitrary<MessageInit> =>
  fc.record({
    role: fc.constant(role),
    parts: fc.array(part, { maxLength: 3 }),
    name: fc.constantFrom("", "", "ada"),
    prefix: role === 4 ? mostly(fc.constant(false), fc.constant(true)) : fc.constant(false),
  });

const message = fc.oneof(
  messageOf(1, partOf(plain as fc.Arbitrary<PartInit["kind"]>, false)),
  messageOf(2, partOf(plain as fc.Arbitrary<PartInit["kind"]>, false)),
  { weight: 3, arbitrary: messageOf(3, userPart) },
  { weight: 3, arbitrary: messageOf(4, assistantPart) },
  { weight: 2, arbitrary: messageOf(5, partOf(toolResult as fc.Arbitrary<PartInit["kind"]>)) },
);

const tool: fc.Arbitrary<ToolInit> = fc
  .record({
    name: word,
    description: sometimes(text),
    parametersJson: fc.constantFrom(
      "",
      "{}",
      '{"type":"object","properties":{"a":{"type":"integer","maximum":9007199254740993}}}',
      '{"properties":{}}',
    ),
    strict: sometimes(fc.boolean()),
    eagerArguments: sometimes(fc.boolean()),
    deferred: sometimes(fc.boolean()),
    cacheHint,
    freeForm: mostly<object | undefined>(fc.constant(undefined), fc.constant({})),
    providerOptionsJson: mostly<Record<string, string>>(
      fc.constantFrom({}, { anthropic: '{"allowed_callers":["direct"]}' }),
      fc.constant({ anthropic: '{"x":1}' }),
    ),
  })
  .map(defined) as fc.Arbitrary<ToolInit>;

const providerTool = mostly<ProviderToolInit>(
  fc.constantFrom(
    { kind: "web_search", optionsJson: '{"max_uses":2}' },
    { kind: "web_search_20260318", optionsJson: '{"name":"web_search","allowed_callers":["direct"]}' },
    { kind: "text_editor_20250124" },
    { kind: "code_execution", optionsJson: "{}" },
    { kind: "tool_search_tool_bm25" },
  ),
  fc.constant({ kind: "memory", optionsJson: "[]" }),
);

const JSON_FORMAT: FormatInit = { format: { case: "json", value: {} } };
const TAKEN_FORMATS: FormatInit[] = [
  { format: { case: "text", value: {} } },
  { format: { case: "jsonSchema", value: { name: "n", schemaJson: '{"type":"object"}', strict: false } } },
];

const request = fc
  .record({
    messages: fc.array(message, { minLength: 1, maxLength: 5 }),
    tools: mostly(
      fc.uniqueArray(tool, { maxLength: 3, selector: ({ name }) => name }),
      fc.array(tool, { minLength: 2, maxLength: 3 }),
    ),
    providerTools: fc.array(providerTool, { maxLength: 2 }),
    toolChoice: sometimes(
      fc.record({
        mode: fc.constantFrom(0, 1, 2, 3),
        chosen: fc.nat(2),
        wrong: mostly<string[]>(fc.constant([]), fc.array(word, { minLength: 1, maxLength: 1 })),
      }),
    ),
    parallelToolCalls: sometimes(fc.boolean()),
    responseFormat: sometimes(mostly<FormatInit>(fc.constantFrom(...TAKEN_FORMATS), fc.constant(JSON_FORMAT))),
    sampling: sometimes(
      fc
        .record({
          maxOutputTokens: sometimes(fc.integer({ min: 1, max: 200_000 })),
          temperature: sometimes(fc.double({ min: 0, max: 2, noNaN: true })),
          topP: sometimes(fc.double({ min: 0, max: 1, noNaN: true })),
          topK: sometimes(fc.nat(100)),
          stop: fc.array(word, { maxLength: 2 }),
          seed: sometimes(fc.bigInt({ min: 0n, max: 9n })),
        })
        .map(defined),
    ),
    reasoning: sometimes(
      fc
        .record({
          effort: fc.integer({ min: 0, max: 7 }),
          tokenBudget: sometimes(fc.nat(100_000)),
          enabled: sometimes(fc.boolean()),
          summary: fc.integer({ min: 0, max: 4 }),
        })
        .map(defined),
    ),
    cacheHint,
    endUserId: fc.constantFrom("", "user-1"),
    serviceTier: fc.constantFrom("", "auto", "standard_only"),
    verbosity: fc.integer({ min: 0, max: 3 }),
    providerOptionsJson: mostly<Record<string, string>>(
      fc.constantFrom({}, { anthropic: '{"container":"c"}' }, { openai: "{" }),
      fc.constant({ anthropic: '{"model":"m"}' }),
    ),
  })
  .map(({ toolChoice, ...init }) => {
    const names = init.tools.slice(0, toolChoice?.chosen ?? 0).map(({ name = "" }) => name);
    const found = create(ChatRequestSchema, defined(init) as RequestInit);
    if (toolChoice !== undefined) {
      found.toolChoice = create(ToolChoiceSchema, {
        mode: toolChoice.mode,
        toolNames: [...names, ...toolChoice.wrong],
      });
    }
    return found;
  });

/** Any request: most can be built for some model, some for none. */
export const anyRequest: fc.Arbitrary<ChatRequest> = request;

/** One model of each kind `modelQuirks` tells apart, and one nothing is known of. */
export const anyModel: fc.Arbitrary<string> = fc.constantFrom(
  "claude-3-5-haiku-20241022",
  "claude-sonnet-4-20250514",
  "claude-haiku-4-5",
  "claude-opus-4-5",
  "claude-sonnet-4-6",
  "claude-opus-4-8",
  "claude-sonnet-5",
  "claude-opus-5",
  "claude-opus-5-5",
  "claude-sonnet-5-5",
  "claude-fable-5-1",
  "some-model",
);
