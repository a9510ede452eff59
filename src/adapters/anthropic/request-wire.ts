import type {
  CacheControlEphemeral,
  DocumentBlockParam,
  ImageBlockParam,
  MessageCreateParamsBase,
  OutputConfig,
  RedactedThinkingBlockParam,
  TextBlockParam,
  ThinkingBlockParam,
  ThinkingConfigParam,
  Tool,
  ToolChoice,
  ToolResultBlockParam,
  ToolUseBlockParam,
} from "@anthropic-ai/sdk/resources/messages/messages";
import type { RawJson } from "../../json-text.ts";

/** A cache hint. */
export type CacheControl = CacheControlEphemeral;

/** Text, with its citations as they were written. */
export type TextBlock = Omit<TextBlockParam, "citations"> & { citations?: RawJson[] };

/** An image. */
export type ImageBlock = ImageBlockParam;

/** A document. */
export type DocumentBlock = DocumentBlockParam;

/** What a tool's result may hold. */
export type ResultContent = TextBlock | ImageBlock | DocumentBlock | RawJson;

/** A tool's result. */
export type ToolResultBlock = Omit<ToolResultBlockParam, "content"> & { content?: string | ResultContent[] };

/** Any block; raw JSON is a block that goes back as the provider wrote it. */
export type WireBlock =
  | ResultContent
  | ToolResultBlock
  | ToolUseBlockParam
  | ThinkingBlockParam
  | RedactedThinkingBlockParam;

/** A message. */
export interface WireMessage {
  readonly role: "user" | "assistant" | "system";
  readonly content: string | WireBlock[];
}

/** A tool of the caller, or a raw one the provider knows. */
export type WireTool = (Omit<Tool, "input_schema"> & { input_schema: RawJson }) | RawJson;

/** What is asked of thinking. */
export type WireThinking = ThinkingConfigParam;

/** Which tools may be called. */
export type WireToolChoice = ToolChoice;

/** Effort and form of the answer. */
export type WireOutputConfig = Omit<OutputConfig, "format"> & { format?: { type: "json_schema"; schema: RawJson } };

/**
 * The body of a request: Anthropic's own type. The sampling fields, which only models before Opus 4.7 take, are no longer in it; what is raw
 * JSON in the contract is raw JSON here.
 */
export type WireBody = Omit<
  MessageCreateParamsBase,
  "messages" | "system" | "tools" | "output_config" | "service_tier" | "user_profile_id" | "workspace_id"
> & {
  messages: WireMessage[];
  system?: string | (TextBlock | RawJson)[];
  tools?: WireTool[];
  output_config?: WireOutputConfig;
  service_tier?: string;
  temperature?: number;
  top_p?: number;
  top_k?: number;
};
