import type { PriceTable } from "../types.ts";
import { rates, rulesFor } from "./notation.ts";

/** $25 per thousand sources of Live Search. */
const extras = { num_sources_used: "0.025" };

/** xAI's price above is for 200,000 tokens and more, and for the whole request. */
const longOver = 199_999;

const GROK_4_3 = { standard: rates("1.25", "0.2", "2.5"), long: rates("2.5", "0.4", "5") };

/**
 * First day after xAI retired models, on 2026-05-15 at 19:00 UTC. Their names serve Grok 4.3 at its price since
 * (https://docs.x.ai/developers/migration/may-15-retirement), but for those of Grok Code Fast, which its list of models has as names of
 * grok-build-0.1 at that one's price.
 */
const RETIRED = "2026-05-16";

const RETIRED_FAST = [
  ...["grok-4-1-fast", "grok-4-1-fast-reasoning", "grok-4-1-fast-non-reasoning"],
  ...["grok-4-fast", "grok-4-fast-reasoning", "grok-4-fast-non-reasoning"],
];
const RETIRED_LARGE = ["grok-4", "grok-4-0709", "grok-3"];
const CODE_FAST = ["grok-code-fast-1", "grok-code-fast"];

/** xAI's Grok models. Pictures are billed as text. */
export const xaiPrices: PriceTable = {
  vendors: ["xai"],
  asOf: "2026-11-26",
  source:
    "https://docs.x.ai/docs/models, by way of @pydantic/genai-prices 0.1.8 and litellm 1.110.2 (what became of retired models)",
  suffix: "-\\d{8}|-latest|-beta",
  tierWords: { default: "", standard: "" },
  rules: [
    ...rulesFor(["grok-4.6"], { standard: rates("2", "0.5", "6"), long: rates("4", "1", "12") }, { extras, longOver }),
    ...rulesFor(
      ["grok-4.5"],
      { standard: rates("2", "0.3", "6"), long: rates("4", "0.6", "12") },
      { extras, longOver },
    ),
    ...rulesFor(["grok-4.3", "grok-4.20"], GROK_4_3, { extras, longOver }),
    ...rulesFor(RETIRED_FAST, { standard: rates("0.2", "0.05", "0.5") }, { extras, to: RETIRED }),
    ...rulesFor(RETIRED_LARGE, { standard: rates("3", "0.75", "15") }, { extras, to: RETIRED }),
    ...rulesFor([...RETIRED_FAST, ...RETIRED_LARGE], GROK_4_3, { extras, longOver, from: RETIRED }),
    ...rulesFor(CODE_FAST, { standard: rates("0.2", "0.02", "1.5") }, { extras, to: RETIRED }),
    ...rulesFor(
      CODE_FAST,
      { standard: rates("1", "0.2", "2"), long: rates("2", "0.4", "4") },
      { extras, longOver, from: RETIRED },
    ),
    ...rulesFor(["grok-3-mini"], { standard: rates("0.3", "0.075", "0.5") }, { extras }),
  ],
};
