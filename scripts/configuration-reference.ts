/**
 * Writes the reference tables of `docs/configuration.md` from the schema that reads the file: `node scripts/configuration-reference.ts`.
 * A test fails when they are not current.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { callSettings } from "../src/config/call-settings-schema.ts";
import { capability, role, support } from "../src/config/contract-values.ts";
import { LISTENER_VARIABLES, OTHER_VARIABLES, VALUE_VARIABLES } from "../src/config/environment.ts";
import { configSchema } from "../src/config/file-schema.ts";
import { kindVariables } from "../src/config/provider-variables.ts";
import type { Fallback, Field, Type } from "../src/config/reader.ts";

const page = new URL("../docs/configuration.md", import.meta.url);

const START = "<!-- reference: made by scripts/configuration-reference.ts, do not edit -->";
const END = "<!-- end of reference -->";

/** The page with its reference made anew. Throws if it has no place for one. */
export function withReference(text: string): string {
  const start = text.indexOf(START);
  const end = text.indexOf(END);
  if (start < 0 || end < start) throw new Error(`the page must have the lines ${START} and ${END}`);
  return `${text.slice(0, start)}${START}\n\n${reference()}\n${text.slice(end)}`;
}

function reference(): string {
  const below = configSchema.below;
  if (below?.kind !== "object") throw new Error("the configuration must be an object");
  const sections = Object.entries(below.fields);
  const isSection = ([, field]: [string, Field]): boolean =>
    field.type.below !== undefined && field.type.below.kind !== "list";
  return [
    ...sections
      .filter(isSection)
      .map(([key, field]) => `### \`${key}\`\n\n${field.doc}\n\n${keyTable(rowsBelow(field.type, [key]))}`),
    `### Other keys\n\n${keyTable(sections.filter((section) => !isSection(section)).flatMap(([key, field]) => rowsOf(field, [key])))}`,
    `### Words\n\n${[capability, support, role].map(({ label, detail }) => `A ${label} is one of ${detail}.\n`).join("\n")}`,
    `### Variables that are not one key\n\n${variableTable()}`,
  ].join("\n");
}

type Row = readonly string[];

function rowsOf(field: Field, path: readonly string[]): readonly Row[] {
  const variable = VALUE_VARIABLES.find((known) => known.path.join(".") === path.join("."));
  const row = [
    code(path.join(".")),
    valueText(field.type),
    defaultText(field),
    variable === undefined ? "" : code(variable.name),
    field.doc,
  ];
  return [row, ...rowsBelow(field.type, path)];
}

function rowsBelow(type: Type<unknown>, path: readonly string[]): readonly Row[] {
  if (type.below?.kind === "object") {
    const { fields } = type.below;
    // What layers have in common is told once.
    const shared = path[0] === "defaults" ? [] : Object.entries(callSettings);
    const isShared = (key: string): boolean => shared.some(([name, field]) => name === key && field === fields[key]);
    const own = Object.entries(fields).filter(([key]) => !isShared(key));
    const rows = own.flatMap(([key, field]) => rowsOf(field, [...path, key]));
    return own.length === Object.keys(fields).length
      ? rows
      : [...rows, [code([...path, "*"].join(".")), "", "", "", "Every key of [`defaults`](#defaults)."]];
  }
  if (type.below?.kind === "map") return rowsBelow(type.below.value, [...path, type.below.key]);
  const last = path.at(-1);
  return type.below?.kind === "list" && last !== undefined
    ? rowsBelow(type.below.item, [...path.slice(0, -1), `${last}[]`])
    : [];
}

function defaultText({ presence, fallback }: Field): string {
  if (presence === "required") return "**required**";
  return fallback === undefined || isEmptyMap(fallback) ? "" : code(fallbackText(fallback));
}

/** The label with the good values, unless they are too many for a table. */
function valueText(type: Type<unknown>): string {
  const { detail = "" } = type;
  if (detail === "" || detail.length > 60) return type.label;
  return type.label === "word" ? detail : `${type.label}, ${detail}`;
}

function isEmptyMap(fallback: Fallback): boolean {
  return typeof fallback === "object" && !Array.isArray(fallback);
}

function fallbackText(fallback: Fallback): string {
  return Array.isArray(fallback) ? `[${fallback.join(", ")}]` : String(fallback);
}

function keyTable(rows: readonly Row[]): string {
  return table(["key", "value", "default", "variable", "meaning"], rows);
}

function variableTable(): string {
  const kind = kindVariables("<KIND>");
  const rows: readonly Row[] = [
    [
      code(kind.apiKey),
      "Key of the instance that is named like the kind (`EP_OPENAI_API_KEY`: `providers.openai.api_key`); makes the instance up if the file has none.",
    ],
    [code(kind.baseUrl), "Its `base_url`; makes it up, too."],
    [code(kind.model), "Its `default_model`."],
    ...Object.entries(OTHER_VARIABLES).map(([name, doc]) => [code(name), doc]),
    ...Object.entries(LISTENER_VARIABLES).map(([name, path]) => [
      code(name),
      `${code(`grpc.${path.join(".")}`)} and ${code(`http.${path.join(".")}`)} at once; their own variables win.`,
    ]),
  ];
  return table(["variable", "meaning"], rows);
}

function table(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return `${[line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")}\n`;
}

function code(text: string): string {
  return `\`${text}\``;
}

if (import.meta.main) writeFileSync(page, withReference(readFileSync(page, "utf8")));
