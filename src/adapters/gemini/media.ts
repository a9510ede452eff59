import { type ChatEvent, chatEvent, type Place } from "../../contract/events.ts";
import type { TokenLogprob, TopLogprob } from "../../gen/execution/v1/chat_pb.js";
import { ImageDetail } from "../../gen/execution/v1/content_pb.js";
import { asArray, asObject, asText, type JsonObject } from "../json.ts";

/** The event of a picture. */
export function imageEvent(place: Place, mimeType: string, base64: string): ChatEvent {
  const image = {
    $typeName: "execution.v1.ImagePart" as const,
    source: { case: "data" as const, value: Buffer.from(base64, "base64") },
    mimeType,
    detail: ImageDetail.UNSPECIFIED,
  };
  return chatEvent({ case: "image", value: { $typeName: "execution.v1.ImageEvent", ...place, image } });
}

/** The event of a piece of sound. */
export function audioEvent(place: Place, mimeType: string, base64: string): ChatEvent {
  const data = Buffer.from(base64, "base64");
  return chatEvent({
    case: "audio",
    value: { $typeName: "execution.v1.AudioEvent", ...place, data, mimeType, transcript: "", providerId: "" },
  });
}

/** Reads a `logprobsResult`: the tokens that were chosen, each with its alternatives. */
export function readLogprobs({ chosenCandidates, topCandidates }: JsonObject): TokenLogprob[] {
  const tops = asArray(topCandidates);
  return asArray(chosenCandidates).map((chosen, index): TokenLogprob => {
    const others = asArray(asObject(tops[index])?.candidates);
    const top = others.map((other): TopLogprob => ({ $typeName: "execution.v1.TopLogprob", ...tokenOf(other) }));
    return { $typeName: "execution.v1.TokenLogprob", ...tokenOf(chosen), top };
  });
}

/** The event of log probabilities. */
export function logprobsEvent(place: Place, tokens: TokenLogprob[]): ChatEvent {
  return chatEvent({ case: "logprobs", value: { $typeName: "execution.v1.LogprobsEvent", ...place, tokens } });
}

function tokenOf(entry: unknown): { token: string; logprob: number; bytes: Uint8Array } {
  const { token, logProbability } = asObject(entry) ?? {};
  return {
    token: asText(token).toWellFormed(),
    logprob: typeof logProbability === "number" ? logProbability : 0,
    bytes: new Uint8Array(),
  };
}
