import { existsSync } from "node:fs";
import { join } from "node:path";
import { anthropicWire } from "./anthropic.ts";
import { geminiWire } from "./gemini.ts";
import { openaiWire } from "./openai.ts";
import type { BenchWire } from "./wire.ts";

/** The wires the bench speaks. */
export const benchWires: readonly BenchWire[] = [openaiWire, anthropicWire, geminiWire];

/** Those of them that the sources in a directory have an adapter for. */
export function wiresIn(directory: string): readonly BenchWire[] {
  return benchWires.filter(({ name }) => existsSync(join(directory, "src/adapters", name, "index.ts")));
}
