import type { ProviderSettings } from "../../../../src/adapters/adapter.ts";
import { describeModel, listModels, type ModelTable } from "../../../../src/adapters/model-table.ts";
import { Capability, type ModelCapabilities } from "../../../../src/gen/execution/v1/capabilities_pb.js";

const TABLE: ModelTable = {
  asOf: "2026-11-26",
  source: "test/adapters/example",
  families: [{ ids: ["polly"], contextWindow: 4096, maxOutputTokens: 256, can: [Capability.STREAMING] }],
  baseOf: (model) => model,
};

/** What is known of a model. */
export function capabilitiesOf(settings: ProviderSettings, name: string): ModelCapabilities {
  return describeModel(settings, name, TABLE);
}

/** The models the configuration names, then those of the table. */
export function modelsOf(settings: ProviderSettings): readonly ModelCapabilities[] {
  return listModels(settings, TABLE);
}
