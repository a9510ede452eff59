import { create, type MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  type ChatRequest,
  ChatRequestSchema,
  Modality,
  ReasoningEffort,
  ReasoningSummary,
  Verbosity,
} from "../../../src/gen/execution/v1/chat_pb.js";
import {
  type ProviderToolSchema,
  type ResponseFormatSchema,
  ToolChoiceMode,
  type ToolSchema,
} from "../../../src/gen/execution/v1/tools_pb.js";
import { cacheHint, type MessageDraws, randomMessages } from "./random-messages.ts";
import { defined, mostly, mostlyOf, schemaText, sometimes, text, word } from "./random-values.ts";

type FormatInit = MessageInitShape<typeof ResponseFormatSchema>;
type ToolInit = MessageInitShape<typeof ToolSchema>;
type Format = "text" | "json" | "jsonSchema";

/** What a wire has a place for. The rest is drawn too, but seldom, so that most requests can be built. */
export interface RequestDraws extends MessageDraws {
  /** The adapter's kind, under which its options stand. */
  readonly kind: string;
  /** Texts of its options. */
  readonly options: readonly string[];
  /** Texts of its options of a tool. */
  readonly toolOptions: readonly string[];
  readonly providerTools: readonly MessageInitShape<typeof ProviderToolSchema>[];
  readonly serviceTiers: readonly string[];
  readonly formats: readonly Format[];
  readonly modalities: readonly Modality[];
}

/** All words of an enum of the contract. */
function wordsOf<Word extends number>(words: Readonly<Record<string, string | Word>>): fc.Arbitrary<Word> {
  return fc.constantFrom(...Object.values(words).filter((value) => typeof value === "number"));
}

const optionsOf = (kind: string, taken: readonly string[]): fc.Arbitrary<Record<string, string>> =>
  mostly(
    fc.constantFrom({}, { another: "{" }, ...taken.map((options) => ({ [kind]: options }))),
    fc.constantFrom({ [kind]: '{"model":"m"}' }, { [kind]: "{" }),
  );

const freeFormOf = fc.constantFrom(
  {},
  { grammar: { syntax: "lark", definition: "start: /a/" } },
  { grammar: { syntax: "regex", definition: "a" } },
);

const toolOf = ({ kind, toolOptions, freeForm }: RequestDraws): fc.Arbitrary<ToolInit> =>
  fc
    .record({
      name: word,
      description: sometimes(text),
      parametersJson: fc.oneof(
        fc.constantFrom(
          "",
          "{}",
          '{"type":"object","properties":{"a":{"type":"integer","maximum":9007199254740993}}}',
          '{"properties":{}}',
        ),
        schemaText,
      ),
      strict: sometimes(fc.boolean()),
      eagerArguments: sometimes(fc.boolean()),
      deferred: sometimes(fc.boolean()),
      cacheHint: sometimes(cacheHint),
      freeForm: mostly<object | undefined>(freeForm ? sometimes(freeFormOf) : fc.constant(undefined), freeFormOf),
      providerOptionsJson: optionsOf(kind, toolOptions),
    })
    .map(defined) as fc.Arbitrary<ToolInit>;

const formatOf = ({ formats }: RequestDraws): fc.Arbitrary<FormatInit> =>
  mostlyOf<Format>(formats, ["text", "json", "jsonSchema"]).chain((name): fc.Arbitrary<FormatInit> => {
    if (name !== "jsonSchema") return fc.constant({ format: { case: name, value: {} } });
    const schema = fc.record({
      name: fc.constantFrom("", "n"),
      description: sometimes(text),
      schemaJson: schemaText,
      strict: sometimes(fc.boolean()),
    });
    return schema.map((value) => ({ format: { case: name, value: defined(value) } }));
  });

// Within what every provider of sampling fields takes: a bound of one of them is its own to tell.
const count = fc.integer({ min: 1, max: 100_000 });
const unit = fc.double({ min: 0, max: 1, noNaN: true });
const penalty = fc.double({ min: -2, max: 2, noNaN: true });
const sampling = fc.record(
  {
    maxOutputTokens: count,
    temperature: fc.double({ min: 0, max: 2, noNaN: true }),
    topP: unit,
    topK: count,
    minP: unit,
    stop: fc.array(word, { maxLength: 4 }),
    seed: fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
    frequencyPenalty: penalty,
    presencePenalty: penalty,
    repetitionPenalty: fc.double({ min: 0.1, max: 2, noNaN: true }),
    logitBias: fc.dictionary(fc.nat(9).map(String), fc.integer({ min: -100, max: 100 }), { maxKeys: 2 }),
    logprobs: fc.boolean(),
    topLogprobs: fc.nat(20),
  },
  { requiredKeys: [] },
);

const reasoning = fc.record(
  {
    effort: wordsOf(ReasoningEffort),
    tokenBudget: count,
    enabled: fc.boolean(),
    summary: wordsOf(ReasoningSummary),
    discardPrevious: fc.boolean(),
  },
  { requiredKeys: [] },
);

const MODALITIES = [Modality.TEXT, Modality.AUDIO, Modality.IMAGE];

/** Any request to a wire: most can be built for some model, some for none. */
export function randomRequests(draws: RequestDraws): fc.Arbitrary<ChatRequest> {
  const { owner, kind, options, providerTools, serviceTiers, modalities } = draws;
  return fc
    .record(
      {
        messages: randomMessages(draws),
        tools: mostly(
          fc.uniqueArray(toolOf(draws), { maxLength: 3, selector: ({ name }) => name }),
          fc.array(toolOf(draws), { minLength: 2, maxLength: 3 }),
        ),
        providerTools: fc.array(mostlyOf(providerTools, [{ kind: "unheard_of", optionsJson: "[]" }]), {
          maxLength: providerTools.length === 0 ? 0 : 2,
        }),
        toolChoice: fc.record({
          mode: wordsOf(ToolChoiceMode),
          chosen: fc.nat(2),
          wrong: mostly<string[]>(fc.constant([]), fc.array(word, { minLength: 1, maxLength: 1 })),
        }),
        parallelToolCalls: fc.boolean(),
        responseFormat: formatOf(draws),
        sampling,
        reasoning,
        cacheHint,
        endUserId: fc.constantFrom("", "user-1"),
        cacheKey: fc.constantFrom("", "key-1"),
        store: fc.boolean(),
        serviceTier: fc.constantFrom("", ...serviceTiers),
        verbosity: wordsOf(Verbosity),
        modalities: mostly(fc.subarray([...modalities]), fc.subarray(MODALITIES)),
        audioOutput: fc.record({ format: fc.constantFrom("wav", "mp3"), voice: word }),
        safetySettings: fc
          .constantFrom("BLOCK_ONLY_HIGH", "BLOCK_NONE")
          .map((threshold) => [{ category: "HARM_CATEGORY_HATE_SPEECH", threshold }]),
        metadata: fc.constant({ team: owner }),
        providerOptionsJson: optionsOf(kind, options),
      },
      { requiredKeys: ["messages"] },
    )
    .map(({ toolChoice, ...init }) => {
      const names = init.tools?.slice(0, toolChoice?.chosen ?? 0).map(({ name = "" }) => name) ?? [];
      const choice = toolChoice && { mode: toolChoice.mode, toolNames: [...names, ...toolChoice.wrong] };
      return create(ChatRequestSchema, { ...init, ...(choice && { toolChoice: choice }) });
    });
}
