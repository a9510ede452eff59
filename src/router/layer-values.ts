import type { DescEnum, DescField } from "@bufbuild/protobuf";
import { type Message, MessageRole } from "../gen/execution/v1/content_pb.js";

/** True if a field says anything: no empty text, list or map, and not the enum's word for nothing. */
export function isSet(field: DescField, value: unknown): boolean {
  if (value === undefined || value === "") return false;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return field.fieldKind !== "enum" || value !== 0;
}

/** A field's value as the file writes it and JSON can hold it: enums as words, 64-bit integers as text. */
export function plainValue(field: DescField, value: unknown): unknown {
  if (field.fieldKind === "enum" && typeof value === "number") return enumWord(field.enum, value);
  return typeof value === "bigint" ? value.toString() : value;
}

/** The file's word for a value of one of the contract's enums: lower case, without the enum's prefix. */
export function enumWord({ value }: DescEnum, number: number): string {
  return value[number]?.localName.toLowerCase() ?? String(number);
}

const UNITS = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** Milliseconds as the file writes them: `90s`, `2m`, `1500ms`. */
export function durationText(durationMs: number): string {
  const [unit, unitMs] = UNITS.find(([, size]) => durationMs > 0 && durationMs % size === 0) ?? ["ms", 1];
  return `${durationMs / unitMs}${unit}`;
}

/** A system message of one text. */
export function systemMessage(text: string): Message {
  return {
    $typeName: "execution.v1.Message",
    role: MessageRole.SYSTEM,
    name: "",
    prefix: false,
    parts: [
      {
        $typeName: "execution.v1.Part",
        kind: { case: "text", value: { $typeName: "execution.v1.TextPart", text, citations: [] } },
        providerState: [],
      },
    ],
  };
}
