/** Damages the files of a model at random, the same way for the same seed. */

import type { Files } from 'nearfar/models';
import { Random } from '../../src/core/random.js';

/** Files with one thing wrong. */
export interface Damaged {
  what: string;
  files: Files;
}

const VALUES: readonly unknown[] = [
  ...[null, -1, 0, 1, 1.5, 65536, 1e6, 2 ** 24, 2 ** 31, 2 ** 53, 1e300],
  ...['', 'x', '0', 'gelu', '(a+)+$', '\ud800', 'a'.repeat(10_000)],
  ...[true, false, [], {}, [[]], [null], { type: 'x' }],
];

/** Lists every value of a JSON file, with the object that holds it; some of a large vocabulary. */
function valuesOf(value: unknown): [holder: Record<string, unknown>, key: string][] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  const keys = Object.keys(holder);
  const some = keys.filter((_, i) => i % Math.ceil(keys.length / 40) === 0);
  return some.flatMap((key) => [[holder, key] as const, ...valuesOf(holder[key])]) as [
    Record<string, unknown>,
    string,
  ][];
}

function damageJson(random: Random, bytes: Uint8Array): [what: string, bytes: Uint8Array] {
  const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
  const all = valuesOf(json);
  if (all.length === 0) return damageBytes(random, bytes);
  const [holder, key] = all[random.integer(all.length)] as (typeof all)[number];
  const before = holder[key];
  const isRemoved = random.integer(4) === 0;
  if (isRemoved) delete holder[key];
  else if (typeof before === 'number' && random.integer(2) === 0) {
    holder[key] = [before + 1, 2 * before, before - 1, 1e6 * before, -before][random.integer(5)];
  } else holder[key] = VALUES[random.integer(VALUES.length)];
  const what = isRemoved ? `without ${key}` : `${key} = ${JSON.stringify(holder[key])}`;
  return [what.slice(0, 60), new TextEncoder().encode(JSON.stringify(json))];
}

function damageBytes(random: Random, bytes: Uint8Array): [what: string, bytes: Uint8Array] {
  const at = random.integer(Math.max(1, bytes.length));
  const length = 1 + random.integer(64);
  const inserted = Array.from({ length }, () => random.integer(256));
  const flipped = bytes.slice();
  flipped[at] = (flipped[at] ?? 0) ^ (1 << random.integer(8));
  const cases: [string, ArrayLike<number>][] = [
    [`cut at ${at}`, bytes.subarray(0, at)],
    [`a bit of ${at}`, flipped],
    ['empty', []],
    [`${length} more at ${at}`, [...bytes.subarray(0, at), ...inserted, ...bytes.subarray(at)]],
    [`${length} fewer at ${at}`, [...bytes.subarray(0, at), ...bytes.subarray(at + length)]],
  ];
  const [what, numbers] = cases[random.integer(cases.length)] as (typeof cases)[number];
  return [what, Uint8Array.from(numbers)];
}

function damageSafetensors(random: Random, bytes: Uint8Array): [what: string, bytes: Uint8Array] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const kind = random.integer(4);
  if (kind === 0) return damageBytes(random, bytes);
  if (kind === 1) {
    const lengths = [0n, 1n, BigInt(length + 1), 1n << 40n, 1n << 63n];
    const copy = bytes.slice();
    const wrong = lengths[random.integer(lengths.length)] as bigint;
    new DataView(copy.buffer).setBigUint64(0, wrong, true);
    return [`a header of ${wrong} bytes`, copy];
  }
  if (kind === 2) {
    const copy = bytes.slice();
    const numbers = (bytes.length - 8 - length) / 4;
    copy.set([0, 0, [192, 128][random.integer(2)] as number, 127], bytes.length - 4 * numbers);
    return ['NaN or infinity', copy];
  }
  const [what, json] = damageJson(random, bytes.subarray(8, 8 + length));
  const damaged = new Uint8Array(8 + json.length + bytes.length - 8 - length);
  new DataView(damaged.buffer).setBigUint64(0, BigInt(json.length), true);
  damaged.set(json, 8);
  damaged.set(bytes.subarray(8 + length), 8 + json.length);
  return [`header: ${what}`, damaged];
}

/** Damages one of the files. */
export function damage(files: Files, seed: number): Damaged {
  const random = new Random(seed);
  const names = [...files.keys()];
  const name = names[random.integer(names.length)] as string;
  const bytes = files.get(name) as Uint8Array;
  const damaged = new Map(files);
  if (random.integer(25) === 0) {
    damaged.delete(name);
    return { what: `without ${name}`, files: damaged };
  }
  const isJson = name.endsWith('.json') && bytes.length > 0 && random.integer(5) > 0;
  const [what, result] = name.endsWith('.safetensors')
    ? damageSafetensors(random, bytes)
    : isJson
      ? damageJson(random, bytes)
      : damageBytes(random, bytes);
  damaged.set(name, result);
  return { what: `${name}: ${what}`, files: damaged };
}
