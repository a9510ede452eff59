import type {
  ChatCompletionAllowedToolChoice,
  ChatCompletionAssistantMessageParam,
  ChatCompletionContentPart,
  ChatCompletionContentPartText,
  ChatCompletionCreateParamsBase,
  ChatCompletionCustomTool,
  ChatCompletionDeveloperMessageParam,
  ChatCompletionFunctionTool,
  ChatCompletionMessageToolCall,
  ChatCompletionSystemMessageParam,
  ChatCompletionToolChoiceOption,
  ChatCompletionToolMessageParam,
  ChatCompletionUserMessageParam,
} from "openai/resources/chat/completions/completions";
import type { RawJson } from "../../json-text.ts";

/** A cache hint as Anthropic writes it and OpenRouter and Alibaba take it. */
export interface CacheControl {
  readonly type: "ephemeral";
  readonly ttl?: "5m" | "1h";
}

interface Cacheable {
  cache_control?: CacheControl;
  prompt_cache_breakpoint?: { mode: "explicit" };
}

/** Mistral's document, by URL or data URL. */
interface DocumentUrlPart {
  type: "document_url";
  document_url: string;
  document_name?: string;
}

/** Mistral's uploaded file. */
interface MistralFilePart {
  type: "file";
  file_id: string;
}

/** Mistral's sound, base64 text without a format. */
interface BareAudioPart {
  type: "input_audio";
  input_audio: string;
}

/** Mistral's reasoning. */
interface ThinkingPart {
  type: "thinking";
  thinking: { type: "text"; text: string }[];
}

/** Text of any message. */
export type TextContent = ChatCompletionContentPartText & Cacheable;

/** A part of a user message, or of a tool's result where that may hold media. */
export type UserContent =
  | (ChatCompletionContentPart & Cacheable)
  | (DocumentUrlPart & Cacheable)
  | (MistralFilePart & Cacheable)
  | (BareAudioPart & Cacheable);

/** A part of an assistant message. */
export type AssistantContent = TextContent | ThinkingPart;

/** An assistant message with what servers add to OpenAI's. */
export type AssistantMessage = Omit<ChatCompletionAssistantMessageParam, "content" | "tool_calls"> & {
  content?: string | AssistantContent[];
  tool_calls?: (ChatCompletionMessageToolCall & { extra_content?: RawJson })[];
  reasoning?: string;
  reasoning_content?: string;
  reasoning_details?: RawJson[];
  annotations?: RawJson[];
  extra_content?: RawJson;
  prefix?: true;
  partial?: true;
};

/** Instructions. */
export type InstructionMessage = Omit<
  ChatCompletionSystemMessageParam | ChatCompletionDeveloperMessageParam,
  "content"
> & { content: string | TextContent[] };

/** A user message. */
export type UserMessage = Omit<ChatCompletionUserMessageParam, "content"> & { content: string | UserContent[] };

/** A tool's result. */
export type ToolMessage = Omit<ChatCompletionToolMessageParam, "content"> & { content: string | UserContent[] };

/** Any message. */
export type WireMessage = InstructionMessage | UserMessage | AssistantMessage | ToolMessage;

/** A tool of the caller, or a raw one the provider runs. */
export type WireTool =
  | ((ChatCompletionFunctionTool | ChatCompletionCustomTool) & Cacheable & { eager_input_streaming?: boolean })
  | RawJson;

/** A tool choice; `any` is Mistral's word for `required`. */
export type WireToolChoice = ChatCompletionToolChoiceOption | ChatCompletionAllowedToolChoice | "any";

/**
 * The body of a request: OpenAI's own type, with the fields other servers add. What is raw JSON in the contract is raw JSON here; integers
 * that may exceed 2^53 are bigints.
 */
export type WireBody = Omit<
  ChatCompletionCreateParamsBase,
  "messages" | "tools" | "tool_choice" | "modalities" | "seed" | "service_tier" | "web_search_options"
> & {
  messages: WireMessage[];
  tools?: WireTool[];
  tool_choice?: WireToolChoice;
  modalities?: ("text" | "audio" | "image")[];
  seed?: bigint;
  random_seed?: bigint;
  service_tier?: string;
  web_search_options?: RawJson;
  top_k?: number;
  min_p?: number;
  repetition_penalty?: number;
  user_id?: string;
  provider?: { order?: string[]; allow_fallbacks?: boolean };
  reasoning?: { effort?: string; max_tokens?: number; enabled?: boolean; exclude?: true };
  thinking?: { type?: "enabled" | "disabled"; budget_tokens?: number; clear_thinking?: boolean };
  enable_thinking?: boolean;
  thinking_budget?: number;
};
