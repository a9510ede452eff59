import { jsonElements, jsonMember, jsonMembers } from "../../json-text.ts";
import { asArray, asObject } from "../json.ts";

/** Gives the JSON of parts as it was written, blanks between its tokens left out: digits and the order of keys are kept. */
export interface RawParts {
  /** The whole part but for its thought signature, which is state of its own. */
  part(index: number): string;
  /** A member of a member of a part, such as `functionCall` and `args`; empty if it is absent. */
  member(index: number, ...path: readonly string[]): string;
}

/** Which of the candidates of a chunk is read: the first, or the first with index 0. */
export function candidateIndex(candidates: unknown): number {
  const found = asArray(candidates).findIndex((entry) => {
    const candidate = asObject(entry);
    return candidate !== undefined && (candidate.index ?? 0) === 0;
  });
  return found;
}

/** The parts of one candidate in the JSON of a chunk. Nothing is read until it is asked for, because few parts need it. */
export function rawParts(chunk: string, candidate: number): RawParts {
  let read: readonly string[] | undefined;
  const parts = (): readonly string[] => {
    read ??= elementsOf(at(elementsOf(at(chunk, "candidates"))[candidate] ?? "", "content", "parts"));
    return read;
  };
  return {
    part: (index) => {
      const members = [...jsonMembers(parts()[index] ?? "{}")].filter(([key]) => key !== "thoughtSignature");
      return compact(`{${members.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`);
    },
    member: (index, ...path) => compact(at(parts()[index] ?? "", ...path)),
  };
}

/** The text of what is at a path; empty if it is absent. */
function at(text: string, ...path: readonly string[]): string {
  return path.reduce((value, key) => (value.startsWith("{") ? (jsonMember(value, key) ?? "") : ""), text.trim());
}

function elementsOf(text: string): readonly string[] {
  return text.startsWith("[") ? jsonElements(text) : [];
}

/** A text whole, since blanks in it are content, or blanks. No alternatives are tried within a text: it may be long. */
const BLANKS = /("[^"\\]*(?:\\.[^"\\]*)*")|\s+/gs;

function compact(text: string): string {
  return text.replace(BLANKS, "$1");
}
