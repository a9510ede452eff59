/** What a provider has of one answer on its bill. */
export interface Billed {
  readonly answerId: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** How a provider speaks that keeps its own bill, and what it bills. */
export interface BillerWire {
  /** Kind of the provider instance, and name of the persona that is served by it alone. */
  readonly kind: "anthropic" | "openai" | "gemini";
  readonly model: string;
  /** The quirk that says that the vendor itself bills, whose prices then hold. */
  readonly billedBy: string;
  /** What its paths begin with in the configuration. */
  readonly basePath: string;
  /** Whether a request is one of this wire. */
  readonly speaks: (path: string) => boolean;
  /** Output tokens that the beginning of an answer has. */
  readonly firstTokens: number;
  /** Nano-USD a token. */
  readonly inputNanoUsd: bigint;
  readonly outputNanoUsd: bigint;
  readonly opening: (billed: Billed) => string;
  readonly piece: (text: string, billed: Billed) => string;
  readonly ending: (billed: Billed) => string;
}

/** Anthropic's Messages API, which tells the input at the beginning and the output at the end. claude-sonnet-4-5 is $3 and $15 a million. */
const anthropic: BillerWire = {
  kind: "anthropic",
  model: "claude-sonnet-4-5",
  billedBy: "vendor: anthropic",
  basePath: "",
  speaks: (path) => path.endsWith("/messages"),
  firstTokens: 1,
  inputNanoUsd: 3_000n,
  outputNanoUsd: 15_000n,
  opening: ({ answerId, inputTokens, outputTokens }) => {
    const usage = { input_tokens: inputTokens, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
    const said = { id: answerId, type: "message", role: "assistant", model: "m", content: [] };
    const rest = { stop_reason: null, stop_sequence: null, usage: { ...usage, output_tokens: outputTokens } };
    return (
      named({ type: "message_start", message: { ...said, ...rest } }) +
      named({ type: "content_block_start", index: 0, content_block: { type: "text", text: "" } })
    );
  },
  piece: (text) => named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
  ending: ({ outputTokens }) => {
    const end = { stop_reason: "end_turn", stop_sequence: null };
    return (
      named({ type: "content_block_stop", index: 0 }) +
      named({ type: "message_delta", delta: end, usage: { output_tokens: outputTokens } }) +
      named({ type: "message_stop" })
    );
  },
};

/** Chat completions, which tell all usage at the end, in a chunk of its own. gpt-4.1 is $2 and $8 a million. */
const openai: BillerWire = {
  kind: "openai",
  model: "gpt-4.1",
  billedBy: "vendor: openai",
  basePath: "/v1",
  speaks: (path) => path.endsWith("/chat/completions"),
  firstTokens: 0,
  inputNanoUsd: 2_000n,
  outputNanoUsd: 8_000n,
  opening: ({ answerId }) => completion(answerId, [choice({ role: "assistant", content: "" }, null)]),
  piece: (content, { answerId }) => completion(answerId, [choice({ content }, null)]),
  ending: ({ answerId, inputTokens, outputTokens }) => {
    const usage = { prompt_tokens: inputTokens, completion_tokens: outputTokens };
    const all = { ...usage, total_tokens: inputTokens + outputTokens };
    return `${completion(answerId, [choice({}, "stop")])}${completion(answerId, [], { usage: all })}data: [DONE]\n\n`;
  },
};

/** Gemini's `streamGenerateContent`, each chunk of which has the usage so far. gemini-2.5-flash is $0.30 and $2.50 a million. */
const gemini: BillerWire = {
  kind: "gemini",
  model: "gemini-2.5-flash",
  billedBy: "surface: gemini_api",
  basePath: "/v1beta",
  speaks: (path) => path.includes(":streamGenerateContent"),
  firstTokens: 0,
  inputNanoUsd: 300n,
  outputNanoUsd: 2_500n,
  opening: () => "",
  piece: (text, billed) => generated(text, billed),
  ending: (billed) => generated("", billed, { finishReason: "STOP" }),
};

/** All wires, one call after the other. */
export const WIRES: readonly [BillerWire, ...BillerWire[]] = [anthropic, openai, gemini];

/** The wire that a call is made on. */
export function wireOf(call: number): BillerWire {
  return WIRES[call % WIRES.length] ?? WIRES[0];
}

function named(data: { readonly type: string; readonly [key: string]: unknown }): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

function choice(delta: object, finishReason: string | null): object {
  return { index: 0, delta, logprobs: null, finish_reason: finishReason };
}

function completion(id: string, choices: readonly object[], rest: object = {}): string {
  return `data: ${JSON.stringify({ id, object: "chat.completion.chunk", created: 1, model: "m", choices, ...rest })}\n\n`;
}

function generated(text: string, { answerId, inputTokens, outputTokens }: Billed, end: object = {}): string {
  const usage = { promptTokenCount: inputTokens, candidatesTokenCount: outputTokens };
  const data = {
    candidates: [{ content: { parts: [{ text }], role: "model" }, ...end, index: 0 }],
    usageMetadata: {
      ...usage,
      totalTokenCount: inputTokens + outputTokens,
      // Sound has a price of its own.
      promptTokensDetails: [{ modality: "TEXT", tokenCount: inputTokens }],
    },
    modelVersion: "m",
    responseId: answerId,
  };
  return `data: ${JSON.stringify(data)}\r\n\r\n`;
}
