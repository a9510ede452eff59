import type { RawJson } from "../../json-text.ts";

/** Bytes as the wire has them. */
export interface WireBlob {
  readonly mimeType: string;
  /** Base64. */
  readonly data: string;
}

/** One piece of a content, after ai.google.dev/api/caching#Part. What came from the provider as a whole goes back as raw JSON. */
export interface WirePart {
  readonly text?: string;
  readonly thought?: true;
  readonly inlineData?: WireBlob;
  readonly fileData?: { readonly fileUri: string; readonly mimeType?: string };
  readonly functionCall?: { readonly id?: string; readonly name: string; readonly args: RawJson };
  readonly functionResponse?: WireFunctionResponse;
  readonly thoughtSignature?: string;
}

/** What a function answered. */
export interface WireFunctionResponse {
  readonly id?: string;
  readonly name: string;
  readonly response: RawJson | Readonly<Record<string, unknown>>;
  readonly parts?: readonly { readonly inlineData: WireBlob }[];
}

/** A turn of the conversation. */
export interface WireContent {
  readonly role: "user" | "model";
  readonly parts: readonly (WirePart | RawJson)[];
}

/** A function the caller runs. */
export interface WireFunction {
  readonly name: string;
  readonly description?: string;
  readonly parametersJsonSchema?: RawJson;
  /** The OpenAPI subset. */
  readonly parameters?: RawJson;
}

/** The body of `generateContent`, after ai.google.dev/api/generate-content. The SDK's types are of 2024 and know no thinking. */
export interface WireBody {
  readonly contents: readonly WireContent[];
  readonly systemInstruction?: { readonly parts: readonly { readonly text: string }[] };
  readonly tools?: readonly (RawJson | { readonly functionDeclarations: readonly WireFunction[] })[];
  readonly toolConfig?: Readonly<Record<string, unknown>>;
  readonly safetySettings?: readonly { readonly category: string; readonly threshold: string }[];
  readonly generationConfig?: Readonly<Record<string, unknown>>;
  readonly serviceTier?: string;
}
