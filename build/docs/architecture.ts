/**
 * Draws which folders of the sources import which, from the imports themselves: a folder stands above
 * all that it imports. Lines that others imply are left out.
 */

import { graph, lineOf, ORDER } from '../layers.js';

/** Finds the imports between folders: those of each, without itself. */
export function folderImports(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [file, others] of graph) {
    const from = lineOf(file);
    if (from === undefined || file.startsWith('test/')) continue;
    const all = found.get(from) ?? new Set<string>();
    for (const to of others.map(lineOf)) if (to !== undefined && to !== from) all.add(to);
    found.set(from, all);
  }
  return new Map(
    ORDER.flatMap((name) => (found.has(name) ? [[name, found.get(name) as Set<string>]] : [])),
  );
}

/** Lists all that a folder reaches by imports. */
function reach(
  name: string,
  all: ReadonlyMap<string, Set<string>>,
  seen = new Set<string>(),
): Set<string> {
  for (const other of all.get(name) ?? []) {
    if (seen.has(other)) continue;
    seen.add(other);
    reach(other, all, seen);
  }
  return seen;
}

const [WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN] = [124, 30, 16, 46, 12];

/** Draws the folders as SVG, in colors of the page that shows it. */
export function drawArchitecture(): string {
  const all = folderImports();
  const level = new Map<string, number>();
  for (const [name, others] of all) {
    level.set(name, Math.max(-1, ...[...others].map((other) => level.get(other) ?? 0)) + 1);
  }
  const levels = Math.max(...level.values()) + 1;
  const rows = Array.from({ length: levels }, (_, i) =>
    [...level].filter(([, at]) => at === i).map(([name]) => name),
  );
  const widest = Math.max(...rows.map((row) => row.length));
  const width = widest * (WIDTH + GAP_X) - GAP_X + 2 * MARGIN;
  const height = levels * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN;
  const at = new Map<string, [number, number]>();
  rows.forEach((row, i) => {
    const start = (width - (row.length * (WIDTH + GAP_X) - GAP_X)) / 2;
    row.forEach((name, j) => {
      at.set(name, [start + j * (WIDTH + GAP_X), height - MARGIN - HEIGHT - i * (HEIGHT + GAP_Y)]);
    });
  });
  const lines = [...all].flatMap(([name, others]) => {
    const implied = new Set([...others].flatMap((other) => [...reach(other, all)]));
    return [...others]
      .filter((other) => !implied.has(other))
      .map((other) => {
        const [x, y] = at.get(name) as [number, number];
        const [a, b] = at.get(other) as [number, number];
        const [from, to, half] = [x + WIDTH / 2, a + WIDTH / 2, (y + HEIGHT + b) / 2];
        return `<path d="M${from} ${y + HEIGHT}C${from} ${half} ${to} ${half} ${to} ${b}"/>`;
      });
  });
  const boxes = [...at].map(
    ([name, [x, y]]) =>
      `<g class="${name.split('/')[0]}"><rect x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="6"/>` +
      `<text x="${x + WIDTH / 2}" y="${y + 20}">${name}</text></g>`,
  );
  const style =
    'path{fill:none;stroke:#888;stroke-width:1.2}rect{fill:#e8edf7;stroke:#5672cd}' +
    '.assembly rect{fill:#f7ede0;stroke:#b7791f}.build rect,.bench rect{fill:#e6f4ea;stroke:#3d8b56}' +
    'text{font:13px system-ui,sans-serif;text-anchor:middle;fill:#222}';
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" ` +
    `aria-label="Folders of the sources; each imports those below it that a line leads to">` +
    `<style>${style}</style>${lines.join('')}${boxes.join('')}</svg>\n`
  );
}
