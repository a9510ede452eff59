import { FallbackPolicy, ReasoningEffort, ReasoningSummary, Verbosity } from "../gen/execution/v1/chat_pb.js";
import { capabilities, enumWord } from "./contract-values.ts";
import { list, mapping, type ObjectOf, object, optional, type Type } from "./reader.ts";
import { boolean, decimal, duration, integer, integer64, oneOf, pattern, text } from "./values.ts";

/** Values of the contract's enums, written in lower case. */
const reasoningEffort: Type<ReasoningEffort> = enumWord("effort", ReasoningEffort);
const reasoningSummary: Type<ReasoningSummary> = enumWord("summary", ReasoningSummary);
const verbosity: Type<Verbosity> = enumWord("verbosity", Verbosity);
const fallbackPolicy: Type<FallbackPolicy> = enumWord("fallback policy", FallbackPolicy);

const MAX_PROMPT = 1_000_000;
const promptText = text(MAX_PROMPT);
const promptTexts = list(promptText, 1, 64);

/** Text, or a list of texts that are joined with an empty line between them. */
const prompt: Type<string> = {
  label: "text or list of texts",
  json: { anyOf: [promptText.json, { type: "array", items: promptText.json, minItems: 1, maxItems: 64 }] },
  read: (tree, path, context) =>
    tree.kind === "list" ? promptTexts.read(tree, path, context)?.join("\n\n") : promptText.read(tree, path, context),
};

const sampling = object({
  max_output_tokens: optional(integer(1, 2 ** 32 - 1), "Most tokens the model may produce, reasoning included."),
  temperature: optional(decimal(0, 2), "0 picks the likeliest word, 2 is the wildest."),
  top_p: optional(decimal(0, 1), "Pick among the likeliest words that together have this probability."),
  top_k: optional(integer(0, 2 ** 32 - 1), "Pick among this many likeliest words."),
  stop: optional(list(text(1024), 0, 64), "Texts that end the answer."),
  seed: optional(integer64, "Seed, for answers that repeat as far as the provider can."),
  frequency_penalty: optional(decimal(-2, 2), "Penalty by how often a word was used."),
  presence_penalty: optional(decimal(-2, 2), "Penalty for words that were used at all."),
  logit_bias: optional(
    mapping("TOKEN", pattern("token id", /^(0|[1-9]\d{0,8})$/, "the id of a token"), decimal(-100, 100)),
    "Bias by token id.",
  ),
  logprobs: optional(boolean, "Whether to return log probabilities of the output."),
  top_logprobs: optional(integer(0, 50), "How many alternatives to return for each token, with `logprobs`."),
  min_p: optional(decimal(0, 1), "Drop words less likely than this fraction of the likeliest one."),
  repetition_penalty: optional(
    decimal(0, Number.POSITIVE_INFINITY, true),
    "Multiplicative penalty of repeated words, 1 is none.",
  ),
});

const reasoning = object({
  effort: optional(reasoningEffort, "How much the model should think before it answers."),
  token_budget: optional(
    integer(0, 2 ** 32 - 1),
    "Most tokens to think with. Where a provider takes either, this wins over `effort`.",
  ),
  enabled: optional(boolean, "Switches thinking on or off, where the provider has a switch."),
  summary: optional(reasoningSummary, "How reasoning is summarised, where the provider hides the reasoning itself."),
  discard_previous: optional(
    boolean,
    "Whether reasoning of earlier turns is dropped from the prompt, where the provider has a choice.",
  ),
});

/** Keys of everything that is laid over one another for a call: in `defaults`, in a tenant, in a persona. */
export const callSettings = {
  system: optional(prompt, "Sent before the caller's messages as a system message of its own. A list is joined."),
  requires: optional(
    capabilities,
    "What a candidate must be known to have: `[tools, image_input]` or `{ tools: true }`. A request may add to it.",
  ),
  sampling: optional(sampling, "How the model picks its words."),
  reasoning: optional(
    reasoning,
    "How the model thinks before it answers. A model that is known not to reason is then ruled out.",
  ),
  verbosity: optional(verbosity, "How wordy the answer should be. Without it the provider's default."),
  service_tier: optional(
    text(64),
    "Service tier in the provider's own word (`auto`, `flex`, `priority` ...). Prices may differ by it.",
  ),
  parallel_tool_calls: optional(
    boolean,
    "Whether several tool calls in one turn are allowed. Without it the provider's default.",
  ),
  store: optional(boolean, "Whether the provider may keep the answer. Without it the provider's default."),
  max_tool_tier: optional(
    oneOf([1, 2, 3]),
    "Weakest way tools may be offered: 1 native, 2 simulated by structured output, 3 by prompt.",
  ),
  fallback_policy: optional(
    fallbackPolicy,
    "Whether other candidates than the first that can serve the request may be tried.",
  ),
  timeout: optional(
    duration("1ms", "24h"),
    "Total time of a call that brings no deadline. Without it `limits.default_deadline`.",
  ),
};

/** What these keys read to. */
export type CallSettingsEntry = ObjectOf<typeof callSettings>;
