/** Passes on a text that arrives in pieces, so that no piece ends within a character. */
export interface Pieces {
  /** The next piece, with what was held back before it and without half a character at its end; empty if nothing is left to pass on. */
  next(piece: string): string;
  /** What is still held back at the end of the text. */
  rest(): string;
}

/**
 * Creates the pieces of one text. Providers cut their deltas between tokens, and so sometimes between the two UTF-16 halves of a character
 * (written as JSON escapes). A half that stays alone becomes U+FFFD, because UTF-8 has no form for it.
 */
export function createPieces(): Pieces {
  let held = "";
  return {
    next: (piece) => {
      const text = held === "" ? piece : held + piece;
      const last = text.charCodeAt(text.length - 1);
      const isHalf = last >= 0xd800 && last <= 0xdbff;
      held = isHalf ? text.slice(-1) : "";
      const whole = isHalf ? text.slice(0, -1) : text;
      return whole.isWellFormed() ? whole : whole.toWellFormed();
    },
    rest: () => {
      const text = held.toWellFormed();
      held = "";
      return text;
    },
  };
}
