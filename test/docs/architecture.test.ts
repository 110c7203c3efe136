/** The drawing of the architecture has every folder and tells every import; the page names them. */

import { readFileSync } from 'node:fs';
import { drawArchitecture, folderImports } from '../../build/docs/architecture.js';
import { check, same, suite } from '../harness.js';

const test = suite('documentation architecture');

test('the page describes every folder of the drawing', () => {
  const page = readFileSync('src/docs/how/architecture.md', 'utf8');
  const missing = [...folderImports().keys()].filter((name) => !page.includes(`\`${name}\``));
  same(missing, [], 'folders');
});

test('the drawing has a box for every folder, and lines that imply every import', () => {
  const svg = drawArchitecture();
  const imports = folderImports();
  for (const name of imports.keys()) check(svg.includes(`>${name}</text>`), `${name} is missing`);
  // Boxes by their position, lines from the middle of one bottom to the middle of another's top.
  const boxes = [...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)"[^>]*\/><text[^>]*>([^<]+)/g)].map(
    ([, x, y, name = '']) => ({ name, x: Number(x) + 62, y: Number(y) }),
  );
  const drawn = new Map<string, string[]>();
  for (const [, x1, y1, x2, y2] of svg.matchAll(
    /d="M([\d.]+) ([\d.]+)C[\d. ]+ ([\d.]+) ([\d.]+)"/g,
  )) {
    const from = boxes.find(({ x, y }) => x === Number(x1) && y + 30 === Number(y1));
    const to = boxes.find(({ x, y }) => x === Number(x2) && y === Number(y2));
    check(from !== undefined && to !== undefined, `a line from ${x1} ${y1} meets no box`);
    check(to.y > from.y, `${from.name} is not above ${to.name}`);
    drawn.set(from.name, [...(drawn.get(from.name) ?? []), to.name]);
  }
  const reached = (name: string): string[] =>
    (drawn.get(name) ?? []).flatMap((other) => [other, ...reached(other)]);
  const untold = [...imports].flatMap(([name, others]) =>
    [...others]
      .filter((other) => !reached(name).includes(other))
      .map((other) => `${name} ${other}`),
  );
  same(untold, [], 'imports that no line tells');
});
