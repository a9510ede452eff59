import type { MessageInitShape } from "@bufbuild/protobuf";
import { CacheTtl, type PartSchema } from "../../gen/execution/v1/content_pb.js";
import { asObject, asWord, type Field, optional } from "./fields.ts";

/** A part before it is created. */
export type PartInit = MessageInitShape<typeof PartSchema>;

/** Text as a part. */
export const textPart = (text: string): PartInit => ({ kind: { case: "text", value: { text } } });

/** State of a provider as it was written. */
export function stateOf(owner: string, kind: string, text: string) {
  return { owner, kind, data: new TextEncoder().encode(text) };
}

const TTLS = { "5m": CacheTtl.FIVE_MINUTES, "1h": CacheTtl.ONE_HOUR };

/** Reads a cache hint in Anthropic's form, which others take too. */
export function readCacheControl(field: Field): { ttl: CacheTtl } {
  const fields = asObject(field);
  asWord(fields.need("type"), { ephemeral: true });
  const ttl = optional("ttl", fields.take("ttl"), (value) => asWord(value, TTLS));
  fields.close();
  return { ttl: CacheTtl.UNSPECIFIED, ...ttl };
}
