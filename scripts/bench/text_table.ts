/**
 * Tables of text: for a terminal, and as Markdown.
 *
 * Owns: columns, alignment, how numbers are written. Must not know: what stands in the table.
 */

/** A table; all rows have as many cells as the head. The first column is aligned left, the others right. */
export interface TextTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns (from 0) beside the first that are aligned left. */
  readonly leftColumns?: readonly number[];
}

/** The table in columns for a terminal, without a newline at the end. */
export function renderText(table: TextTable): string {
  const widths = table.head.map((cell, column) =>
    Math.max(cell.length, ...table.rows.map((row) => row[column].length))
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) =>
      isLeft(table, column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column])
    )
      .join("  ").trimEnd();
  return [line(table.head), widths.map((width) => "-".repeat(width)).join("  "), ...table.rows.map(line)]
    .join("\n");
}

/** The table as Markdown, without a newline at the end. */
export function renderMarkdown(table: TextTable): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = table.head.map((_, column) => isLeft(table, column) ? "---" : "---:");
  return [line(table.head), line(rule), ...table.rows.map(line)].join("\n");
}

function isLeft(table: TextTable, column: number): boolean {
  return column === 0 || (table.leftColumns?.includes(column) ?? false);
}

/** A number with so many digits behind the point, thousands set apart by a comma: `31,800`, `0.75`. */
export function formatNumber(value: number, digits: number): string {
  const [whole, fraction] = Math.abs(value).toFixed(digits).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${value < 0 ? "-" : ""}${grouped}${fraction === undefined ? "" : `.${fraction}`}`;
}

/** A share as a percentage: 0.125 is `13 %`. */
export function formatShare(share: number, digits = 0): string {
  return `${(share * 100).toFixed(digits)} %`;
}
