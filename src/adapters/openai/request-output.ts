import { Capability } from "../../gen/execution/v1/capabilities_pb.js";
import { type ChatRequest, Modality, Verbosity } from "../../gen/execution/v1/chat_pb.js";
import { takenHints } from "./request-hints.ts";
import { type BuildContext, cannotCarry } from "./request-notes.ts";
import type { WireBody } from "./request-wire.ts";

const VERBOSITY_WORDS = {
  [Verbosity.UNSPECIFIED]: undefined,
  [Verbosity.LOW]: "low",
  [Verbosity.MEDIUM]: "medium",
  [Verbosity.HIGH]: "high",
} as const;

const MODALITY_WORDS = {
  [Modality.UNSPECIFIED]: "text",
  [Modality.TEXT]: "text",
  [Modality.AUDIO]: "audio",
  [Modality.IMAGE]: "image",
} as const;

/**
 * Builds what is asked of the answer: its length, its kinds, and how many calls it may hold. Throws CAPABILITY_MISSING for a kind the server does
 * not make.
 */
export function buildOutput(request: ChatRequest, context: BuildContext): Partial<WireBody> {
  const { parallelToolCalls } = request;
  const verbosity = VERBOSITY_WORDS[request.verbosity];
  return {
    ...modalityFields(request, context),
    ...audioFields(request, context),
    ...takenHints(
      [
        verbosity === undefined ? undefined : ["verbosity", "verbosity", { verbosity }],
        parallelToolCalls === undefined
          ? undefined
          : ["parallel_tool_calls", "parallel_tool_calls", { parallel_tool_calls: parallelToolCalls }],
      ],
      false,
      context,
    ),
  };
}

/** A server that only writes need not be told to, and has no field for it. */
function modalityFields({ modalities }: ChatRequest, context: BuildContext): Pick<WireBody, "modalities"> {
  const known = context.quirks.modalities;
  const words = modalities.map((modality) => MODALITY_WORDS[modality]);
  for (const [index, word] of words.entries()) {
    if (word === "text" || known.includes(word)) continue;
    const capability = word === "audio" ? Capability.AUDIO_OUTPUT : Capability.IMAGE_OUTPUT;
    throw cannotCarry(context, `modalities[${index}]`, `${word} in answers`, capability);
  }
  return words.length > 0 && known.length > 0 ? { modalities: words } : {};
}

function audioFields({ audioOutput }: ChatRequest, { quirks, ignored }: BuildContext): Pick<WireBody, "audio"> {
  if (audioOutput === undefined) return {};
  if (!quirks.modalities.includes("audio")) {
    ignored("audio_output", `${quirks.vendor} makes no sound`);
    return {};
  }
  const { format, voice } = audioOutput;
  // Formats are the provider's own words, of which its type lists those of its day.
  return { audio: { format: format as "wav", voice } };
}
