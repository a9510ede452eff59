/** One line of an export: values by column, in the order of the columns. Empty is nothing known. */
export type ExportRecord = ReadonlyMap<string, string>;

/** How an export is written. */
export interface ExportFormat {
  readonly contentType: string;
  /** Of a file's name. */
  readonly extension: string;
  /** What stands before the first line. */
  readonly head: (columns: readonly string[]) => string;
  readonly line: (record: ExportRecord) => string;
}

/**
 * Comma-separated values (RFC 4180) with a header, in UTF-8. A value that a spreadsheet would take for a formula gets an apostrophe before it, since end
 * users and models have names that callers choose (https://owasp.org/www-community/attacks/CSV_Injection).
 */
export const CSV: ExportFormat = {
  contentType: "text/csv; charset=utf-8; header=present",
  extension: "csv",
  head: (columns) => `${columns.map(cell).join(",")}\r\n`,
  line: (record) => `${[...record.values()].map(cell).join(",")}\r\n`,
};

/** A JSON object a line, with what is known. Every value is text, as ProtoJSON writes whole numbers of 64 bits. */
export const JSON_LINES: ExportFormat = {
  contentType: "application/jsonl",
  extension: "jsonl",
  head: () => "",
  line: (record) => `${JSON.stringify(Object.fromEntries([...record].filter(([, value]) => value !== "")))}\n`,
};

function cell(value: string): string {
  // A sheet drops blanks and control characters before it looks, and takes the wide forms of the signs for them.
  const safe = /^[\s\p{Cc}\p{Cf}]*[=+\-@|%＝＋－＠]|^[\t\r\n]/u.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
