import fc from "fast-check";
import { Modality } from "../../../src/gen/execution/v1/chat_pb.js";
import { type RequestDraws, randomRequests } from "../shared/random-requests.ts";
import { encode } from "../shared/random-values.ts";

const SHARED = {
  kind: "openai",
  imageTypes: ["image/png"],
  documentTypes: ["application/pdf", "text/plain"],
  states: fc.constantFrom(
    { owner: "openrouter", kind: "reasoning_details", data: encode('[{"type":"reasoning.text","text":"x"}]') },
    { owner: "gemini", kind: "extra_content", data: encode('{"google":{"thought_signature":"c2ln"}}') },
  ),
  citations: ['{"type":"url_citation","url_citation":{"url":"https://example.org","title":"x"}}'],
  lateInstructions: true,
  toolOptions: [],
  formats: ["text", "json", "jsonSchema"],
} satisfies Partial<RequestDraws>;

/** Any request to OpenAI: most can be built. */
export const anyOpenaiRequest = randomRequests({
  ...SHARED,
  owner: "openai",
  media: ["image_data", "image_url", "document_data", "document_text", "audio_data", "file"],
  resultMedia: [],
  freeForm: true,
  options: ['{"prompt_cache_retention":"24h"}', '{"moderation":{"model":"omni-moderation-latest"}}'],
  providerTools: [{ kind: "web_search" }, { kind: "web_search", optionsJson: '{"search_context_size":"low"}' }],
  serviceTiers: ["auto", "flex", "priority"],
  modalities: [Modality.TEXT, Modality.AUDIO],
});

/** Any request to Mistral: most can be built. */
export const anyMistralRequest = randomRequests({
  ...SHARED,
  owner: "mistral",
  media: [
    "image_data",
    "image_url",
    "document_data",
    "document_text",
    "document_url",
    "audio_data",
    "audio_url",
    "file",
  ],
  resultMedia: ["image_data", "image_url", "document_data", "document_url"],
  freeForm: false,
  options: ['{"safe_prompt":true}', '{"prompt_mode":"reasoning"}', '{"guardrails":[{"block_on_error":true}]}'],
  providerTools: [],
  serviceTiers: [],
  modalities: [Modality.TEXT],
});
