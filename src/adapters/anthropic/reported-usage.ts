import { ExecutionError } from "../../errors.ts";
import { joinMembers, jsonMembers } from "../../json-text.ts";
import { type JsonObject, tryParse } from "../json.ts";
import { ownCopy } from "../kept.ts";

/** The usage object of one answer, put together from those that came in it. */
export interface ReportedUsage {
  /**
   * Takes a usage object, JSON text. The figures of `message_delta` are cumulative: a member replaces the one before it, unless it is null.
   * Throws PROVIDER_PROTOCOL if the whole gets longer than `MAX_USAGE_CHARACTERS`.
   */
  add(text: string): void;
  /** The object as it is now; undefined if none came. */
  object(): JsonObject | undefined;
  /** The same as JSON text, with its numbers and order as they came. */
  text(): string | undefined;
}

/** The longest usage object: a thousand passes of a tool that the provider runs. */
const MAX_USAGE_CHARACTERS = 256 * 1024;

interface Member {
  readonly text: string;
  readonly value: unknown;
}

/** Creates the usage object of one answer. Each member is parsed once, since a long one may be added to with every event. */
export function createReportedUsage(): ReportedUsage {
  const members = new Map<string, Member>();
  let characters = 0;

  const set = (name: string, text: string): void => {
    const previous = members.get(name);
    characters += text.length - (previous?.text.length ?? -name.length);
    if (characters > MAX_USAGE_CHARACTERS) {
      throw new ExecutionError(
        "PROVIDER_PROTOCOL",
        `the provider sent a usage of more than ${MAX_USAGE_CHARACTERS} characters`,
      );
    }
    members.set(ownCopy(name), { text: ownCopy(text), value: tryParse(text) });
  };

  return {
    add: (text) => {
      for (const [name, value] of jsonMembers(text)) {
        if (value !== "null" || !members.has(name)) set(name, value);
      }
    },
    object: () =>
      members.size === 0 ? undefined : Object.fromEntries([...members].map(([name, { value }]) => [name, value])),
    text: () => (members.size === 0 ? undefined : joinMembers([...members].map(([name, { text }]) => [name, text]))),
  };
}
