/** Tells when an object or array is complete whose JSON arrives in pieces. */
export interface JsonEnd {
  /** True once its last bracket came. */
  readonly isComplete: boolean;
  /** Takes the next piece. */
  add(piece: string): void;
}

/** How each bracket changes the depth. */
const CHANGES: ReadonlyMap<string, number> = new Map([
  ["{", 1],
  ["[", 1],
  ["}", -1],
  ["]", -1],
]);

/**
 * Creates what watches one text. Each piece is looked at once: to parse all of a text whenever a piece of it comes would take the square of its
 * length. What is no JSON is complete by its brackets, or never.
 */
export function createJsonEnd(): JsonEnd {
  let depth = 0;
  let hasBegun = false;
  let inText = false;
  let isEscaped = false;
  return {
    get isComplete() {
      return hasBegun && depth === 0;
    },
    add: (piece) => {
      for (const character of piece.match(/["\\{}[\]]|[^"\\{}[\]]+/g) ?? []) {
        if (isEscaped) isEscaped = false;
        else if (character === "\\") isEscaped = inText;
        else if (character === '"') inText = !inText;
        else if (!inText) {
          const change = CHANGES.get(character) ?? 0;
          depth += change;
          hasBegun ||= change > 0;
        }
      }
    },
  };
}
