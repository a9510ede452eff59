import { Lexer, Parser } from "yaml";

/** Lists and maps within one another that a file may have; a configuration needs some ten. */
const MAX_DEPTH = 64;

const COLLECTIONS: ReadonlySet<string> = new Set(["block-map", "block-seq", "flow-collection"]);

/**
 * Where YAML is nested deeper than any use, as an offset; undefined if nowhere. To be asked before the text is parsed: what makes values of it calls
 * itself for each level, and where it runs out of stack it says anything.
 */
export function tooDeepAt(text: string): number | undefined {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    for (const _ of parser.next(lexeme)) {
      // What the parser yields are whole documents; only how deep it stands is of interest here.
    }
    if (parser.stack.length > MAX_DEPTH && depthOf(parser) > MAX_DEPTH) return parser.offset - lexeme.length;
  }
  return undefined;
}

function depthOf({ stack }: Parser): number {
  return stack.filter(({ type }) => COLLECTIONS.has(type)).length;
}
