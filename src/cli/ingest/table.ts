/**
 * Tables for a terminal.
 *
 * @module
 */
import { oneLine } from "../one-line.js";

/** How one column of a table looks. */
export interface TableColumn {
  readonly title: string;
  readonly align: "left" | "right";
  /** Longer cells are cut to this many characters, the last of them "…". */
  readonly most: number;
}

/**
 * The lines of a table, the titles first. Columns without any content are left out.
 *
 * @param rows cells by column
 */
export function tableLines(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string[] {
  const shown = columns
    .map((column, index) => ({ column, cells: rows.map((row) => cut(oneLine(row[index] ?? ""), column.most)) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""))
    .map(({ column, cells }) => ({
      ...column,
      cells: [column.title, ...cells],
      width: Math.max(column.title.length, ...cells.map((cell) => [...cell].length)),
    }));
  return [undefined, ...rows].map((_, line) =>
    shown
      .map(({ cells, width, align }) => {
        const cell = cells[line] ?? "";
        const space = " ".repeat(Math.max(0, width - [...cell].length));
        return align === "left" ? cell + space : space + cell;
      })
      .join("  ")
      .trimEnd(),
  );
}

function cut(text: string, most: number): string {
  const characters = [...text];
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : text;
}
