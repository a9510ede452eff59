import type { Conceal } from "../../../src/adapters/conceal.ts";

/** Hides nothing: for exchanges without an instance. */
export const openly: Conceal = { words: (text) => text, message: (text) => text };
