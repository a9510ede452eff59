/**
 * How ids begin that the platform made because Gemini gave a call none. Gemini takes calls and their results by name and order then, and an id
 * it never gave is not sent to it. The mark is in the id, and not in provider state, because every client sends ids back.
 */
const MINTED = "unnamed_";

/** An id for a call without one. */
export function mintId(newId: () => string): string {
  return `${MINTED}${newId()}`;
}

/** The id as the wire has it; undefined for one the platform made. */
export function wireId(id: string): string | undefined {
  return id.startsWith(MINTED) ? undefined : id;
}
