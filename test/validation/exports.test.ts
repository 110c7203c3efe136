/**
 * Every export of every entry is given an unknown option and values of the wrong type at every
 * position: all are refused by name, none is swallowed. An export without a row fails.
 */

import * as nearfar from 'nearfar';
import * as adapt from 'nearfar/adapt';
import * as distributed from 'nearfar/distributed';
import * as english from 'nearfar/english';
import * as models from 'nearfar/models';
import * as nn from 'nearfar/nn';
import * as threads from 'nearfar/threads';
import { check, same, suite } from '../harness.js';
import { ADAPT } from './adapt.js';
import { DISTRIBUTED } from './distributed.js';
import { type ExportRow, type ExportRows, KINDS, wrongOfKind, wrongValues } from './exports.js';
import { MODELS, THREADS } from './models.js';
import { NN } from './nn.js';
import { SIGNATURES } from './signatures.js';

const test = suite('exports');

/** Rows of `nearfar`, whose arguments have a table of their own; here only options and kinds. */
const NEARFAR: ExportRows = {
  Bm25: {
    args: () => [['a red cat', 'a blue dog']],
    options: () => ({ k1: 1.2, b: 0.75, tokenize: (text: string) => [...text] }),
    methods: { topK: { args: () => ['red', 2], allowed: { 0: ['array'] }, named: 'Bm25.topK' } },
  },
  LinearClassifier: {
    args: () => [[[1, 2]], [0], [3]],
    methods: { predict: { args: () => [[[1, 2]]] }, predictProba: { args: () => [[[1, 2]]] } },
  },
  ...Object.fromEntries(
    Object.entries(SIGNATURES).map(([name, { valid, options }]): [string, ExportRow] => [
      name,
      {
        args: valid,
        options: options?.valid ?? (() => ({})),
        // Rows that are left out, or given as an array.
        allowed: { 0: ['array', 'object'], 1: ['array', 'object'], 2: ['array', 'object'] },
      },
    ]),
  ),
};

const ENTRIES: readonly [string, object, ExportRows][] = [
  ['nearfar', nearfar, NEARFAR],
  ['nearfar/nn', nn, NN],
  ['nearfar/models', models, MODELS],
  ['nearfar/adapt', adapt, ADAPT],
  ['nearfar/english', english, { loadEnglish: { args: () => [] } }],
  ['nearfar/threads', threads, THREADS],
  ['nearfar/distributed', distributed, DISTRIBUTED],
];

function isClass(callee: unknown): boolean {
  return /^class\b/.test(Function.prototype.toString.call(callee));
}

/** Calls a function, class or method, and waits for the first thing that it gives. */
async function call(target: unknown, self: unknown, args: unknown[]): Promise<unknown> {
  const callee = target as (...args: unknown[]) => unknown;
  const result = isClass(callee)
    ? Reflect.construct(callee, args)
    : await Reflect.apply(callee, self, args);
  const iterator = (result as AsyncIterable<unknown> | undefined)?.[Symbol.asyncIterator]?.();
  if (iterator === undefined) return result;
  await iterator.next();
  await iterator.return?.();
  return result;
}

interface Attempt {
  what: string;
  args: unknown[];
  /** Text that the message must have. */
  mention?: string;
}

/** Calls with one thing wrong. */
function attempts(
  { args = () => [], options, allowed = {}, free = [] }: ExportRow,
  isFunction: boolean,
): Attempt[] {
  const found: Attempt[] = [];
  args().forEach((valid, i) => {
    for (const value of wrongValues(valid, allowed[i])) {
      found.push({ what: `argument ${i} = ${show(value)}`, args: args().with(i, value) });
    }
  });
  if (options === undefined) {
    // Options of a function that has none: they may fall on an argument that was left out.
    const first = args()[0];
    if (isFunction && first !== undefined && typeof first !== 'function') {
      found.push({ what: 'an option', args: [...args(), { nonsense: 1 }] });
    }
    return found;
  }
  const nonsense = { ...options(), nonsense: 1 };
  found.push({ what: 'an unknown option', args: [...args(), nonsense], mention: 'nonsense' });
  if (Object.keys(options()).length === 0) return found;
  for (const value of wrongValues({})) {
    found.push({ what: `options = ${show(value)}`, args: [...args(), value], mention: 'options' });
  }
  for (const [name, valid] of Object.entries(options())) {
    for (const value of [
      ...wrongValues(valid, allowed[name]),
      ...wrongOfKind(valid, free.includes(name)),
    ]) {
      const changed = { ...options(), [name]: value };
      found.push({ what: `${name} = ${show(value)}`, args: [...args(), changed], mention: name });
    }
  }
  return found;
}

function show(value: unknown): string {
  const kind = Object.entries(KINDS).find(([, one]) => one === value);
  return kind?.[0] ?? String(value);
}

async function faults(name: string, row: ExportRow, target: unknown, self: unknown) {
  const label = row.named ?? name;
  const found: string[] = [];
  for (const { what, args, mention } of attempts(row, self === undefined && !isClass(target))) {
    try {
      await call(target, self, args);
      found.push(`${what}: accepted`);
    } catch (error) {
      const { message } = error as Error;
      const isNamed = message.startsWith(`${label}: `) || message.startsWith(`${label}(`);
      const isKind = error instanceof TypeError || error instanceof RangeError;
      if (isKind && isNamed && message.includes(mention ?? '')) continue;
      found.push(`${what}: ${error}`);
    }
  }
  return found;
}

for (const [entry, exported, rows] of ENTRIES) {
  const members = exported as Record<string, unknown>;
  const callable = Object.keys(members).filter((name) => typeof members[name] === 'function');

  test(`${entry}: every function and class has a row`, () => {
    same(
      callable.filter((name) => !(name in rows)),
      [],
      'exports without a row',
    );
  });

  for (const [name, row] of Object.entries(rows)) {
    test(`${entry}: ${name}`, async () => {
      const found = await faults(name, row, members[name], undefined);
      if (row.methods !== undefined) {
        const valid = [...(row.args?.() ?? []), ...(row.options ? [row.options()] : [])];
        const made = (await call(members[name], undefined, valid)) as Record<string, unknown>;
        for (const [method, one] of Object.entries(row.methods)) {
          const wrong = await faults(method, one, made[method], made);
          found.push(...wrong.map((text) => `${method}: ${text}`));
        }
      }
      check(found.length === 0, `${found.length} faults:\n  ${found.join('\n  ')}`);
    });
  }
}
