/** What a part of a scripted message is; `state` is a part that has nothing but provider state so far. */
export type PartKind = "text" | "reasoning" | "refusal" | "audio" | "tool_call" | "tool_result" | "image" | "state";

/** Kinds whose steps go on with a part; the others make a new part each time. */
const CONTINUED: ReadonlySet<PartKind> = new Set(["text", "reasoning", "refusal", "audio"]);

/** Numbers the parts of a scripted message by first appearance. */
export interface PartNumbers {
  /**
   * The part of content. With a label: the labelled part, a new one the first time; undefined if the label belongs to a part this content
   * cannot continue. Without: the part before if it is of the same kind and can be continued, else a new one.
   */
  content(kind: Exclude<PartKind, "state">, label: string | undefined): number | undefined;
  /** The text part a citation or log probabilities belong to: the labelled one, else that last added to, else a new one. */
  annotated(label: string | undefined): number | undefined;
  /** The part provider state belongs to: the labelled one, else the part before, else a new one. */
  state(label: string | undefined): number;
}

interface NumberedPart {
  readonly number: number;
  kind: PartKind;
}

/** Creates the numbering of one message, without parts. */
export function createPartNumbers(): PartNumbers {
  const labelled = new Map<string, NumberedPart>();
  let parts = 0;
  let last: NumberedPart | undefined;
  let lastText: NumberedPart | undefined;

  const add = (kind: PartKind, label: string | undefined): NumberedPart => {
    const part: NumberedPart = { number: parts, kind };
    parts += 1;
    if (label !== undefined) labelled.set(label, part);
    return part;
  };
  const touch = (part: NumberedPart): number => {
    last = part;
    if (part.kind === "text") lastText = part;
    return part.number;
  };
  const content: PartNumbers["content"] = (kind, label) => {
    const known = label === undefined ? last : labelled.get(label);
    if (known?.kind === kind && CONTINUED.has(kind)) return touch(known);
    if (label === undefined || known === undefined) return touch(add(kind, label));
    // State may come before the content of its part.
    if (known.kind !== "state") return undefined;
    known.kind = kind;
    return touch(known);
  };
  return {
    content,
    annotated: (label) => (label === undefined && lastText !== undefined ? touch(lastText) : content("text", label)),
    state: (label) => {
      last = (label === undefined ? last : labelled.get(label)) ?? add("state", label);
      return last.number;
    },
  };
}
