/** Files of rows that are read in pieces: rows across pieces, and damage in a later one. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type * as JsonModule from '../../src/cli/input/json-rows.js';
import type * as RecordsModule from '../../src/cli/input/records.js';
import type * as TableModule from '../../src/cli/input/table-cells.js';
import { check, same, suite, throws } from '../harness.js';
import { load } from './load.js';
import { folder } from './program.js';

const test = suite('files of rows');
const json = await load<typeof JsonModule>('src/cli/input/json-rows.ts');
const table = await load<typeof TableModule>('src/cli/input/table-cells.ts');
const records = await load<typeof RecordsModule>('src/cli/input/records.ts');

const home = folder();
function write(name: string, contents: string | Uint8Array): string {
  const path = join(home, name);
  writeFileSync(path, contents);
  return path;
}

/** Rows of some hundred kilobytes each, with whatever is special in a table or in JSON. */
const rows = fc.array(
  fc.tuple(
    fc.array(
      fc.constantFrom('a', ' b', '"', ',', '\n', ';', '[', ']', '}', '\\', 'ü', '漢', '🙂'),
      {
        minLength: 1,
        maxLength: 12,
      },
    ),
    fc.integer({ min: 1, max: 40_000 }),
  ),
  { minLength: 2, maxLength: 12 },
);
const textsOf = (drawn: readonly [readonly string[], number][]): string[] =>
  drawn.map(([parts, times]) => `x${parts.join('').repeat(times)}`);
const quoted = (cell: string): string => `"${cell.replaceAll('"', '""')}"`;

test('rows across pieces are those that were written', () => {
  fc.assert(
    fc.property(rows, fc.constantFrom('\n', '\r\n'), (drawn, lineEnd) => {
      const texts = textsOf(drawn);
      const values = texts.map((text, i) => ({ text, n: { i: [i] } }));
      const csv = ['id,text', ...texts.map((text, i) => `${i},${quoted(text)}`)].join(lineEnd);
      const cells = [...table.readCells(write('rows.csv', csv), undefined)];
      same(cells.length, texts.length + 1);
      check(
        texts.every((text, i) => cells[i + 1]?.[1] === text),
        'cells of the table',
      );
      const lines = values.map((value) => JSON.stringify(value)).join(lineEnd);
      const read = [...json.readJsonLines(write('rows.jsonl', lines))];
      same(JSON.stringify(read.map(({ row }) => row)) === JSON.stringify(values), true, 'lines');
      same(
        read.map(({ at }) => Number(at.split(':').at(-1))),
        texts.map((_, i) => i + 1),
      );
      const array = JSON.stringify(values, null, drawn.length % 2);
      const elements = [...json.readJsonArray(write('rows.json', array), 'an array')];
      const isSame = JSON.stringify(elements.map(({ row }) => row)) === JSON.stringify(values);
      check(isSame, 'elements of the array');
    }),
    { numRuns: 6 },
  );
});

test('tables with line ends of two kinds, empty lines, a mark and sep=', () => {
  const read = (contents: string): string[][] => [
    ...table.readCells(write('small.csv', contents), undefined),
  ];
  same(read('\uFEFFa,b\n1,"x\ny"\r\n\r\n2,z\r\n3,q'), [
    ['a', 'b'],
    ['1', 'x\ny'],
    ['2', 'z'],
    ['3', 'q'],
  ]);
  same(read('sep=|\r\na|b\r\n1|2;3'), [
    ['a', 'b'],
    ['1', '2;3'],
  ]);
  same(read('a,b\r1,2\r'), [
    ['a', 'b'],
    ['1', '2'],
  ]);
  same(read(''), []);
});

const LONG = `${'y'.repeat(1000)}\n`.repeat(1500);

test('damage in a later piece is named, with its line', () => {
  const csv = `text\n${LONG}"open`;
  throws(
    () => [...table.readCells(write('open.csv', csv), undefined)],
    Error,
    `${join(home, 'open.csv')}: line 1502 begins a row with a quote that is not closed`,
  );
  const bad = Buffer.concat([Buffer.from(`text\n${LONG}`), Uint8Array.of(0xff, 0xfe, 10)]);
  throws(
    () => [...table.readCells(write('bad.csv', bad), undefined)],
    Error,
    `${join(home, 'bad.csv')}: is not valid UTF-8; save it as UTF-8`,
  );
  const lines = write('bad.jsonl', `${LONG.replace(/^.*$/gm, '"y"')}{`);
  throws(() => [...json.readJsonLines(lines)], Error, `${lines}:1501: is not JSON`);
});

test('arrays that end too early, too late or are none', () => {
  const read = (contents: string): unknown[] =>
    [...json.readJsonArray(write('array.json', contents), 'an array of rows')].map(
      ({ row }) => row,
    );
  const path = join(home, 'array.json');
  same(read(' [ ] \n'), []);
  same(read('\uFEFF[1, "a]", {"b": [2, {"c": "\\"}"}]}]'), [1, 'a]', { b: [2, { c: '"}' }] }]);
  same(read('{"version": 1, "data": ["x"]}'), ['x']);
  for (const damaged of ['', '[', '[1', '[1,', '[1,]', '[,1]', '[1]]', '[1] 2', '{"a": [}']) {
    throws(() => read(damaged), Error, `${path}: is not JSON`);
  }
  throws(() => read('[1, {]]'), Error, `${path}: row 2: is not JSON`);
  throws(() => read('[1, x]'), Error, `${path}: row 2: is not JSON`);
  for (const none of ['1', '{"a": 1}', '"[1]"', 'null']) {
    throws(() => read(none), Error, `${path}: must be an array of rows`);
  }
});

test('rows of a table have no more cells than columns, and what they lack is empty', () => {
  const path = write('wide.csv', 'anchor,positive\na,b\nc,d,e\n');
  throws(
    () => records.readRecords(path),
    Error,
    `${path}: row 2: has 3 cells, and the first line 2; the first line must name the columns, and cells with the delimiter in them need quotes`,
  );
  const short = write('short.csv', 'anchor,positive\na,b\nc\nd,e,\n');
  const cells = records.readRecords(short).rows.map((row) => row.cells);
  same(cells, [
    { anchor: 'a', positive: 'b' },
    { anchor: 'c', positive: '' },
    { anchor: 'd', positive: 'e' },
  ]);
});
