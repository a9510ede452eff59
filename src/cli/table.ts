/** Lines in which the cells of a column stand below each other; the first `leftColumns` to the left, the others, which are figures, to the right. */
export function tableLines(rows: readonly (readonly string[])[], leftColumns: number): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column < leftColumns ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}
