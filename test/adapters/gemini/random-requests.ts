import { Modality } from "../../../src/gen/execution/v1/chat_pb.js";
import { randomRequests } from "../shared/random-requests.ts";
import { bytes, encode } from "../shared/random-values.ts";

/** Any request: most can be built for some model and surface, some for none. */
export const anyRequest = randomRequests({
  owner: "gemini",
  kind: "gemini",
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
  resultMedia: ["image_data", "document_data"],
  imageTypes: ["image/png"],
  documentTypes: ["application/pdf", "text/plain", "text/html"],
  states: bytes.map((data) => ({
    owner: "gemini",
    kind: "thought_signature",
    data: encode(Buffer.from(data).toString("base64")),
  })),
  citations: [],
  freeForm: false,
  lateInstructions: false,
  options: [
    '{"cachedContent":"cachedContents/abc"}',
    '{"generationConfig":{"mediaResolution":"MEDIA_RESOLUTION_LOW"},"toolConfig":{"retrievalConfig":{}}}',
  ],
  toolOptions: ['{"behavior":"NON_BLOCKING"}'],
  providerTools: [{ kind: "google_search" }, { kind: "codeExecution" }, { kind: "url_context" }],
  serviceTiers: ["flex", "priority"],
  formats: ["text", "json", "jsonSchema"],
  modalities: [Modality.TEXT, Modality.IMAGE, Modality.AUDIO],
});
