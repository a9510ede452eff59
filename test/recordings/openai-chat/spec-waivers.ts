import type { JsonValue } from "../../emulators/exchange.ts";
import { isObject } from "../shared/json.ts";
import type { SpecWaiver } from "../shared/specs.ts";

const reasoningOf = (field: string, reason: string): SpecWaiver => ({
  path: new RegExp(`^messages\\[\\d+\\]\\.${field}$`),
  reason,
});

const isServerTool = (value: JsonValue): boolean =>
  isObject(value) && typeof value.type === "string" && value.type.startsWith("openrouter:");

/** What servers of other vendors take beside OpenAI's schema, by vendor. */
export const VENDOR_WAIVERS: Readonly<Record<string, readonly SpecWaiver[]>> = {
  cerebras: [reasoningOf("reasoning", "Cerebras' name for the reasoning of an earlier turn; it answered it with 200")],
  deepseek: [
    reasoningOf("reasoning_content", "has to go back with tool calls (api-docs.deepseek.com/guides/thinking_mode)"),
  ],
  ollama: [
    reasoningOf("reasoning", "Ollama's name for the reasoning of an earlier turn (`Message` of its openai/openai.go)"),
    reasoningOf("reasoning_content", "the recorded client sends it beside `reasoning`; Ollama passes it over"),
  ],
  openrouter: [
    { path: /^provider$/, reason: "OpenRouter's choice of upstreams (openrouter.ai/docs, Provider Routing)" },
    {
      path: /^reasoning$/,
      reason: "OpenRouter's object for what is asked of reasoning (openrouter.ai/docs/use-cases/reasoning-tokens)",
    },
    reasoningOf(
      "reasoning_details",
      "OpenRouter's state of an earlier turn (openrouter.ai/docs/use-cases/reasoning-tokens)",
    ),
    {
      path: /^(messages\[\d+\]\.content|tools)\[\d+\]\.cache_control$/,
      reason: "Anthropic's cache hint, which OpenRouter passes on (openrouter.ai/docs, Prompt Caching)",
    },
    {
      path: /^tools\[\d+\]\.eager_input_streaming$/,
      reason: "Anthropic's field of a tool, which OpenRouter passes on; it answered it with 200",
    },
    { path: /^tools\[\d+\]$/, only: isServerTool, reason: "a tool that OpenRouter runs; it answered it with 200" },
  ],
  zai: [
    {
      path: /^thinking$/,
      reason: "Z.ai's object for what is asked of reasoning (docs.z.ai/guides/capabilities/thinking-mode)",
    },
    reasoningOf(
      "reasoning_content",
      "Z.ai's name for the reasoning of an earlier turn (docs.z.ai/guides/capabilities/thinking-mode)",
    ),
  ],
};
