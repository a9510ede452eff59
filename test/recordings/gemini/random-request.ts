import { create, type MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  type ChatRequest,
  ChatRequestSchema,
  Modality,
  ReasoningEffort,
  ReasoningSummary,
} from "../../../src/gen/execution/v1/chat_pb.js";
import { Executor, MessageRole } from "../../../src/gen/execution/v1/content_pb.js";
import { ToolChoiceMode } from "../../../src/gen/execution/v1/tools_pb.js";

type RequestInit = Omit<MessageInitShape<typeof ChatRequestSchema>, "$typeName" | "$unknown">;

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const name = fc.stringMatching(/^[a-z][a-z_]{0,8}$/);
const bytes = fc.uint8Array({ maxLength: 16 });
const object = fc
  .dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 })
  .map((value) => JSON.stringify(value));
const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined });

/** JSON Schemas with what the OpenAPI subset has other words for, or none. */
const { schema } = fc.letrec<{ schema: Record<string, unknown> }>((tie) => ({
  schema: fc.oneof(
    { depthSize: "small" },
    fc.record({ type: fc.constantFrom("string", "integer", "number", "boolean", ["string", "null"]) }),
    fc.record({ type: fc.constant("string"), enum: fc.array(fc.string(), { minLength: 1, maxLength: 3 }) }),
    fc.record({ const: fc.string() }),
    fc.record({ type: fc.constant("array"), items: tie("schema"), minItems: fc.nat(3) }),
    fc.record({ oneOf: fc.array(tie("schema"), { minLength: 1, maxLength: 2 }), description: text }),
    fc.record({ anyOf: fc.tuple(tie("schema"), fc.constant({ type: "null" })) }),
    fc.record({
      $schema: fc.constant("http://json-schema.org/draft-07/schema#"),
      type: fc.constant("object"),
      properties: fc.dictionary(name, tie("schema"), { maxKeys: 3 }),
      required: fc.array(name, { maxLength: 2 }),
      additionalProperties: fc.boolean(),
      title: text,
    }),
    fc.constant({ $ref: "#/$defs/known" }),
  ),
}));
const schemaJson = fc
  .tuple(fc.dictionary(name, schema, { maxKeys: 3 }))
  .map(([properties]) =>
    JSON.stringify({ type: "object", properties, $defs: { known: { type: "number", minimum: 1 } } }),
  );

const textPart = text.map((value) => ({ kind: { case: "text" as const, value: { text: value } } }));
const mediaPart = fc.oneof(
  bytes.map((value) => ({
    kind: { case: "image" as const, value: { source: { case: "data" as const, value }, mimeType: "image/png" } },
  })),
  bytes.map((value) => ({
    kind: { case: "audio" as const, value: { source: { case: "data" as const, value }, mimeType: "audio/wav" } },
  })),
  fc.webUrl().map((value) => ({
    kind: { case: "document" as const, value: { source: { case: "url" as const, value }, mimeType: "text/html" } },
  })),
  fc.constant({ kind: { case: "providerFile" as const, value: { owner: "gemini", fileId: "files/abc" } } }),
);
const signature = bytes.map((data) => ({
  owner: "gemini",
  kind: "thought_signature",
  data: new TextEncoder().encode(Buffer.from(data).toString("base64")),
}));
const modelPart = fc
  .tuple(
    fc.oneof(
      textPart,
      text.map((value) => ({ kind: { case: "reasoning" as const, value: { text: value } } })),
      fc.tuple(name, object, fc.uuid()).map(([tool, argumentsJson, id]) => ({
        kind: { case: "toolCall" as const, value: { id, name: tool, argumentsJson, executor: Executor.CALLER } },
      })),
    ),
    fc.option(signature, { nil: undefined }),
  )
  .map(([part, state]) => ({ ...part, providerState: state === undefined ? [] : [state] }));
const resultPart = fc.tuple(name, fc.uuid(), fc.oneof(text, object), fc.boolean()).map(([tool, id, said, isError]) => ({
  kind: {
    case: "toolResult" as const,
    value: { toolCallId: id, name: tool, isError, parts: [{ kind: { case: "text" as const, value: { text: said } } }] },
  },
}));

const messages = fc
  .tuple(
    fc.array(textPart, { maxLength: 2 }),
    fc.array(
      fc.oneof(
        fc.array(fc.oneof(textPart, mediaPart), { maxLength: 3 }).map((parts) => ({ role: MessageRole.USER, parts })),
        fc.array(modelPart, { maxLength: 3 }).map((parts) => ({ role: MessageRole.ASSISTANT, parts })),
        fc.array(resultPart, { maxLength: 2 }).map((parts) => ({ role: MessageRole.TOOL, parts })),
      ),
      { minLength: 1, maxLength: 4 },
    ),
  )
  .map(([instructions, turns]) => [{ role: MessageRole.SYSTEM, parts: instructions }, ...turns]);

const count = fc.nat(2 ** 32 - 1);
const unit = fc.double({ min: 0, max: 1, noNaN: true });
const sampling = fc.record(
  {
    maxOutputTokens: count,
    temperature: unit,
    topP: unit,
    topK: count,
    stop: fc.array(text, { maxLength: 3 }),
    seed: fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
    presencePenalty: unit,
    frequencyPenalty: unit,
    logprobs: fc.boolean(),
    topLogprobs: fc.nat(20),
  },
  { requiredKeys: [] },
);
const effort = fc.constantFrom(...Object.values(ReasoningEffort).filter((value) => typeof value === "number"));
const reasoning = fc.record(
  {
    effort,
    tokenBudget: count,
    enabled: fc.boolean(),
    summary: fc.constantFrom(ReasoningSummary.AUTO, ReasoningSummary.NONE),
  },
  { requiredKeys: [] },
);
const tool = fc
  .record({ name, description: maybe(text), parametersJson: schemaJson, strict: maybe(fc.boolean()) })
  .map(({ description, strict, ...rest }) => ({
    ...rest,
    ...(description !== undefined && { description }),
    ...(strict !== undefined && { strict }),
  }));
const mode = fc.constantFrom(
  ToolChoiceMode.AUTO,
  ToolChoiceMode.NONE,
  ToolChoiceMode.REQUIRED,
  ToolChoiceMode.UNSPECIFIED,
);

/** Requests of what generateContent has a place for: every one of them can be built. */
export const randomRequests: fc.Arbitrary<ChatRequest> = fc
  .tuple(
    messages,
    fc.record(
      {
        tools: fc.uniqueArray(tool, { maxLength: 3, selector: ({ name: named }) => named }),
        providerTools: fc
          .subarray(["google_search", "codeExecution", "url_context"])
          .map((kinds) => kinds.map((kind) => ({ kind }))),
        toolChoice: fc.record({ mode, chosen: fc.nat(2) }),
        sampling,
        reasoning,
        responseFormat: fc.oneof(
          fc.constant({ format: { case: "json" as const, value: {} } }),
          schemaJson.map((value) => ({ format: { case: "jsonSchema" as const, value: { schemaJson: value } } })),
        ),
        modalities: fc.subarray([Modality.TEXT, Modality.IMAGE, Modality.AUDIO]),
        audioOutput: fc.record({ format: fc.constant(""), voice: text }),
        serviceTier: fc.constantFrom("flex", "priority"),
        safetySettings: fc
          .constant("BLOCK_ONLY_HIGH")
          .map((threshold) => [{ category: "HARM_CATEGORY_HATE_SPEECH", threshold }]),
        providerOptionsJson: fc.constantFrom(
          { gemini: '{"cachedContent":"cachedContents/abc"}' },
          {
            gemini:
              '{"generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"},"toolConfig":{"retrievalConfig":{}}}',
          },
        ),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([conversation, { toolChoice, ...fields }]) => {
    const names = fields.tools?.slice(0, toolChoice?.chosen ?? 0).map((chosen) => chosen.name) ?? [];
    const choice = toolChoice === undefined ? {} : { toolChoice: { mode: toolChoice.mode, toolNames: names } };
    const init: RequestInit = { messages: conversation, ...fields, ...choice };
    return create(ChatRequestSchema, init);
  });
