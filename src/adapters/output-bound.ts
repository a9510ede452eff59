import type { Notes } from "./notes.ts";

/** The most output a request asks for, in tokens, brought within what the model can where that is known; servers refuse more. */
export function withinOutputBound(
  asked: number | undefined,
  modelMost: number | undefined,
  { changed }: Pick<Notes, "changed">,
): number | undefined {
  if (asked === undefined || modelMost === undefined || asked <= modelMost) return asked;
  changed("sampling.max_output_tokens", `this model's most is ${modelMost}, which was sent`);
  return modelMost;
}
