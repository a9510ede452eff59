import { joinMembers } from "../../json-text.ts";
import { asBoolean, type Field, type ObjectFields, refuse } from "../edge/fields.ts";

/** The kind of provider whose wire this endpoint speaks. */
const KIND = "openai";

/** Fields of single servers the contract has no place for. They need the key's permission, and the serving vendor's allowlist. */
const EXTENSIONS: ReadonlySet<string> = new Set([
  "cache_prompt",
  "chat_template_kwargs",
  "citation_options",
  "compliance",
  "context_length_exceeded_behavior",
  "deferred",
  "disable_reasoning",
  "disable_search",
  "do_sample",
  "echo",
  "grammar",
  "guardrails",
  "guided_choice",
  "guided_grammar",
  "guided_json",
  "guided_regex",
  "id_slot",
  "include_reasoning",
  "models",
  "moderation",
  "plugins",
  "prediction",
  "prompt_cache_options",
  "prompt_cache_retention",
  "prompt_mode",
  "prompt_truncate_len",
  "reasoning_format",
  "request_id",
  "return_images",
  "return_related_questions",
  "route",
  "safe_prompt",
  "safety_model",
  "search_after_date_filter",
  "search_before_date_filter",
  "search_domain_filter",
  "search_language_filter",
  "search_mode",
  "search_parameters",
  "search_recency_filter",
  "session_id",
  "structured_outputs",
  "tool_stream",
  "transforms",
  "vl_high_resolution_images",
]);

const OLD_NAMES: ReadonlyMap<string, string> = new Map([
  ["functions", "is the old form of tools; use tools"],
  ["function_call", "is the old form of tool_choice; use tool_choice"],
]);

/** Reads what is left of a body: fields of single servers go into the contract's options, anything else is INVALID_FIELD. */
export function readExtensions(body: ObjectFields): { [kind: string]: string } {
  const safePrompt = body.take("safe_prompt");
  const members = [
    // Mistral's default; its clients write it all the same.
    ...(safePrompt !== undefined && asBoolean(safePrompt) ? [["safe_prompt", safePrompt] as const] : []),
    ...body.rest(),
  ];
  for (const [key, { path }] of members) {
    if (!EXTENSIONS.has(key)) refuse(path, OLD_NAMES.get(key) ?? "is not a field this endpoint knows; leave it out");
  }
  return members.length === 0 ? {} : { [KIND]: joinMembers(members.map(rawMember)) };
}

const rawMember = ([key, field]: readonly [string, Field]): readonly [string, string] => [key, field.raw()];
