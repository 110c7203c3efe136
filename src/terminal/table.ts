/** Tables of text for a terminal. */

import CliTable from 'cli-table3';
import { widthOf } from './text.js';

/** Characters that a column takes besides its text: a border and two spaces. */
const COLUMN_BORDER = 3;

/**
 * Draws a table, with its heads broken at spaces if it is wider than the window; if that is not
 * enough, a list: a row's name, and a line for each of its cells.
 *
 * @param head names of the columns
 * @param rows cells of each row; the first one is the row's name
 * @param columns width of the window
 * @param left number of columns that are aligned to the left
 */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number,
  left = 1,
): string {
  const narrow = head.map((name) => name.replaceAll(' ', '\n'));
  const fitting = [head, narrow].find((names) => tableWidth(names, rows) <= columns);
  return fitting === undefined ? list(head, rows) : drawTable(fitting, rows, left);
}

function tableWidth(head: readonly string[], rows: readonly (readonly string[])[]): number {
  const widths = head.map((name, column) =>
    Math.max(...[name, ...rows.map((row) => row[column] ?? '')].map(longestLine)),
  );
  return widths.reduce((sum, own) => sum + own + COLUMN_BORDER, 1);
}

function longestLine(text: string): number {
  return Math.max(...text.split('\n').map(widthOf));
}

function drawTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  left: number,
): string {
  const table = new CliTable({
    head: [...head],
    colAligns: head.map((_, column) => (column < left ? 'left' : 'right')),
    // The only rule is the one below the head.
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(head.map((_, column) => row[column] ?? ''));
  return table.toString();
}

function list(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const names = head.map((name) => name.replaceAll('\n', ' '));
  return rows
    .map(([name = '', ...cells]) => {
      const lines = cells.map((cell, i) => `  ${names[i + 1]}: ${cell}`);
      return [name, ...lines].join('\n');
    })
    .join('\n');
}
