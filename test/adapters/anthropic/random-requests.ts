import fc from "fast-check";
import { Modality } from "../../../src/gen/execution/v1/chat_pb.js";
import { randomRequests } from "../shared/random-requests.ts";
import { encode, text } from "../shared/random-values.ts";

/** Any request: most can be built for some model, some for none. */
export const anyRequest = randomRequests({
  owner: "anthropic",
  kind: "anthropic",
  media: ["image_data", "image_url", "document_data", "document_text", "document_url", "file"],
  resultMedia: ["image_data", "image_url", "document_data", "document_text", "document_url", "file"],
  imageTypes: ["image/png", "image/jpg"],
  documentTypes: ["application/pdf", "text/plain", "text/csv"],
  states: fc.oneof(
    text.map((value) => ({ owner: "anthropic", kind: "signature", data: encode(value) })),
    text.map((value) => ({ owner: "anthropic", kind: "redacted_thinking", data: encode(value) })),
    // A whole block as the provider wrote it, of a kind that may stand in any turn.
    fc.constant({
      owner: "anthropic",
      kind: "block",
      data: encode('{"type":"container_upload","file_id":"file_1"}'),
    }),
  ),
  citations: [
    '{"type":"page_location","cited_text":"x","document_index":0,"document_title":null,"start_page_number":1,"end_page_number":2,"file_id":null}',
  ],
  freeForm: false,
  lateInstructions: true,
  options: ['{"container":"c"}'],
  toolOptions: ['{"allowed_callers":["direct"]}'],
  providerTools: [
    { kind: "web_search", optionsJson: '{"max_uses":2}' },
    { kind: "web_search_20260318", optionsJson: '{"name":"web_search","allowed_callers":["direct"]}' },
    { kind: "text_editor_20250124" },
    { kind: "code_execution", optionsJson: "{}" },
    { kind: "tool_search_tool_bm25" },
  ],
  serviceTiers: ["auto", "standard_only"],
  formats: ["text", "jsonSchema"],
  modalities: [Modality.TEXT],
});

/** One model of each kind `modelQuirks` tells apart, and one nothing is known of. */
export const anyModel: fc.Arbitrary<string> = fc.constantFrom(
  "claude-3-5-haiku-20241022",
  "claude-sonnet-4-20250514",
  "claude-haiku-4-5",
  "claude-opus-4-5",
  "claude-sonnet-4-6",
  "claude-opus-4-8",
  "claude-sonnet-5",
  "claude-opus-5",
  "claude-opus-5-5",
  "claude-sonnet-5-5",
  "claude-fable-5-1",
  "some-model",
);
