import type { AdapterKind } from "./adapter.ts";
import { anthropicKind } from "./anthropic/index.ts";
import { geminiKind } from "./gemini/index.ts";
import { mockKind } from "./mock/index.ts";
import { openaiKind } from "./openai/index.ts";

/** Every kind of provider, one line each. */
export const adapterKinds: readonly AdapterKind[] = [mockKind, openaiKind, anthropicKind, geminiKind];
