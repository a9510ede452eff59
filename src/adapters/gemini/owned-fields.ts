const OF_GENERATION = [
  ...["temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "seed", "frequencyPenalty"],
  ...["presencePenalty", "responseLogprobs", "logprobs", "responseMimeType", "responseSchema", "responseJsonSchema"],
  ...["responseModalities", "thinkingConfig", "speechConfig.voiceConfig", "candidateCount"],
];

/** Fields of the body that the contract owns, by their path. */
const OWNED = [
  ...["model", "contents", "systemInstruction", "tools", "toolConfig.functionCallingConfig", "safetySettings"],
  ...OF_GENERATION.map((name) => `generationConfig.${name}`),
];

/** Fields that change the price. */
const PRICED = ["serviceTier"];

/** Fields of the body that `provider_options_json` may set nowhere, whatever is configured. */
export const NEVER_OPTIONS: readonly string[] = [...OWNED, ...PRICED];
