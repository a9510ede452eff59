import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  type ParsedNode,
  parseDocument,
  visit,
  type YAMLError,
} from "yaml";
import { type MapEntry, type Place, scalar, shownName, type Tree } from "./tree.ts";
import { tooDeepAt } from "./yaml-depth.ts";

/** Told of everything the text must not have. */
export type YamlProblem = (place: Place, message: string) => void;

/** Largest configuration file, in characters. */
const MAX_LENGTH = 1024 * 1024;

/** Lines with syntax errors that are reported. */
const MAX_SYNTAX_PROBLEMS = 5;

const START: Place = { source: "file", line: 1, column: 1 };

/**
 * Reads YAML 1.2 (core schema) into a tree that knows the place of every value. Syntax errors, duplicate keys, anchors, aliases, merge keys, tags
 * and further documents are problems. Undefined if the syntax is so broken that what follows from it would only mislead. Problems never quote the
 * text, which may hold secrets.
 */
export function parseYaml(text: string, problem: YamlProblem): Tree | undefined {
  if (text.length > MAX_LENGTH) {
    problem(START, "the file is larger than 1 MiB; a configuration is not");
    return undefined;
  }
  const lines = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { source: "file", line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const tooDeep = tooDeepAt(text);
  if (tooDeep !== undefined) {
    problem(placeIn(text, tooDeep), "the YAML is nested too deeply");
    return undefined;
  }
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    stringKeys: true,
    intAsBigInt: true,
    resolveKnownTags: false,
    logLevel: "error",
  });
  // One slip makes the parser stumble several times, so only its first words about the first lines help.
  const byLine = new Map<number, YAMLError>();
  for (const error of [...document.errors, ...document.warnings]) {
    const { line } = lines.linePos(error.pos[0]);
    if (!byLine.has(line)) byLine.set(line, error);
  }
  for (const error of [...byLine.values()].slice(0, MAX_SYNTAX_PROBLEMS)) {
    problem(placeAt(error.pos[0]), `the YAML cannot be read here: ${withoutSource(error)}`);
  }
  if (byLine.size > 0) return undefined;
  if (document.directives.yaml.version !== "1.2") {
    problem(START, "the file must be YAML 1.2, and its %YAML line says otherwise; remove that line");
    return undefined;
  }
  if (document.contents === null) return scalar(null, START);
  if (reportUnsupported(document, placeAt, problem)) return undefined;
  return convert(document.contents, placeAt, problem);
}

/** The place of an offset in a text that has not been parsed. */
function placeIn(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  return { source: "file", line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

/** Some of the parser's messages end with a piece of the text, always after a colon. */
function withoutSource({ code, message }: YAMLError): string {
  if (code === "MULTIPLE_DOCS") return "a second document (---) starts, and there may be only one";
  return message.split(": ", 1).join("");
}

type PlaceAt = (offset: number) => Place;

/** Anchors and aliases hide what a value is and where it stands, and some bombs are made of them. Tags would make another value of what is written. */
function reportUnsupported(document: Document.Parsed, placeAt: PlaceAt, problem: YamlProblem): boolean {
  let found = false;
  visit(document, {
    Node: (_, node) => {
      const isNamed = isAlias(node) || node.anchor !== undefined;
      if (!isNamed && node.tag === undefined) return;
      found = true;
      const what = isNamed
        ? "anchors (&) and aliases (*) are not supported; write the value out"
        : "tags (!) are not supported; write the value alone";
      problem(placeAt(node.range?.[0] ?? 0), what);
    },
  });
  return found;
}

function convert(node: ParsedNode, placeAt: PlaceAt, problem: YamlProblem): Tree {
  const place = placeAt(node.range[0]);
  if (isMap(node)) return { kind: "map", place, entries: convertEntries(node.items, placeAt, problem) };
  if (isSeq(node)) return { kind: "list", place, items: node.items.map((item) => convert(item, placeAt, problem)) };
  if (!isScalar(node)) return scalar(null, place);
  const value = scalarValue(node.value);
  const isOther = typeof value !== "string" && value !== null && node.source !== String(value);
  return { ...scalar(value, place), ...(isOther && { written: node.source }) };
}

function scalarValue(value: unknown): string | bigint | number | boolean | null {
  if (typeof value === "bigint" || typeof value === "number" || typeof value === "boolean") return value;
  return value === null ? null : String(value);
}

function convertEntries(
  pairs: readonly Pair<ParsedNode, ParsedNode | null>[],
  placeAt: PlaceAt,
  problem: YamlProblem,
): ReadonlyMap<string, MapEntry> {
  const entries = new Map<string, MapEntry>();
  for (const { key, value } of pairs) {
    const keyPlace = placeAt(key.range[0]);
    const name = isScalar(key) ? String(key.value) : "";
    if (name === "") problem(keyPlace, "a key must be a name");
    const earlier = entries.get(name)?.keyPlace;
    if (earlier?.source === "file") {
      problem(
        keyPlace,
        `the key "${shownName(name)}" is here a second time; the first is on line ${earlier.line}. Keep one of them`,
      );
    }
    entries.set(name, { keyPlace, value: value === null ? scalar(null, keyPlace) : convert(value, placeAt, problem) });
  }
  return entries;
}
