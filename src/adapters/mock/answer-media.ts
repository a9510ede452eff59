import { type ChatRequest, Modality } from "../../gen/execution/v1/chat_pb.js";
import type { EventStep } from "./script.ts";

/** A picture of one transparent pixel. */
const PIXEL_PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/** Samples of silence, 8 bit mono at 8 kHz: a tenth of a second. */
const SILENT_SAMPLES = 800;

/** Sound and pictures of the default answer, where the request asks for them: silence whose transcript is the text, and one pixel. */
export function mediaSteps(pieces: readonly string[], request: ChatRequest): readonly EventStep[] {
  const steps: EventStep[] = [];
  if (request.modalities.includes(Modality.AUDIO)) {
    const format = request.audioOutput?.format ?? "";
    if (format !== "" && format !== "wav") {
      steps.push({ warning: { code: "FIELD_IGNORED", field: "audio_output.format", text: "the mock makes wav only" } });
    }
    steps.push({ audio: { data: silentWav(), mime_type: "audio/wav" } });
    for (const transcript of pieces) steps.push({ audio: { transcript } });
  }
  if (request.modalities.includes(Modality.IMAGE)) steps.push({ image: { data: PIXEL_PNG, mime_type: "image/png" } });
  return steps;
}

/** A RIFF file of PCM silence, base64. */
function silentWav(): string {
  const file = Buffer.alloc(44 + SILENT_SAMPLES, 0x80);
  file.write("RIFF", 0, "latin1");
  file.writeUInt32LE(36 + SILENT_SAMPLES, 4);
  file.write("WAVEfmt ", 8, "latin1");
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(8000, 24);
  file.writeUInt32LE(8000, 28);
  file.writeUInt16LE(1, 32);
  file.writeUInt16LE(8, 34);
  file.write("data", 36, "latin1");
  file.writeUInt32LE(SILENT_SAMPLES, 40);
  return file.toString("base64");
}
