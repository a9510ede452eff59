import type { ProviderSettings, SettingsProblem } from "../adapter.ts";
import { configuredQuirks, type QuirkKeys, quirkProblems } from "../quirk-keys.ts";
import { modelQuirks, UNKNOWN } from "./model-quirks.ts";
import { capabilitiesOf } from "./models.ts";
import { NEVER_OPTIONS } from "./owned-fields.ts";
import { EFFORTS, type Quirks } from "./quirks.ts";
import { vendorProblems } from "./vendor.ts";

const KEYS: QuirkKeys<Quirks> = {
  auth_header: { field: "authHeader", takes: ["x-api-key", "authorization"] },
  stream: { field: "stream", takes: "boolean" },
  betas: { field: "betas", takes: "texts" },
  max_tokens: { field: "maxTokens", takes: "count" },
  thinking: { field: "thinking", takes: ["adaptive", "enabled"], list: true },
  thinks_by_default: { field: "thinksByDefault", takes: "boolean" },
  thinking_off: { field: "thinkingOff", takes: ["disabled", "between_tools", "omit", "never"] },
  effort_without_thinking: { field: "effortWithoutThinking", takes: EFFORTS },
  efforts: { field: "efforts", takes: EFFORTS, list: true },
  sampling: { field: "sampling", takes: ["free", "one_of", "none"] },
  prefill: { field: "prefill", takes: "boolean" },
  forced_tools: { field: "forcedTools", takes: "boolean" },
  system_messages: { field: "systemMessages", takes: "boolean" },
  options: { field: "options", takes: "texts", never: NEVER_OPTIONS },
};

/**
 * The quirks of one model of an instance: what is known of the model by its name, then the instance's `quirks`, then the model's. `model` is
 * the provider's own word. Keys `checkQuirks` complains of are passed over.
 */
export function resolveQuirks(settings: ProviderSettings, model: string): Quirks {
  const { maxOutputTokens } = capabilitiesOf(settings, model);
  return {
    ...UNKNOWN,
    ...modelQuirks(model),
    ...(maxOutputTokens !== undefined && { maxTokens: maxOutputTokens }),
    ...configuredQuirks(KEYS, settings, model),
  };
}

/** What is wrong with the quirks of an instance and of its models, by path below the instance. */
export function checkQuirks({ quirks, models }: ProviderSettings): readonly SettingsProblem[] {
  const { vendor, ...rest } = quirks;
  return [
    ...vendorProblems(vendor),
    ...quirkProblems(KEYS, rest, ["quirks"]),
    ...Object.entries(models).flatMap(([alias, model]) =>
      quirkProblems(KEYS, model.quirks, ["models", alias, "quirks"]),
    ),
  ];
}
