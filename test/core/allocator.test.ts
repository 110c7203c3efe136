/** The allocator below the public functions: first fit, no block given twice, what its errors say. */

import { spawnSync } from 'node:child_process';
import { Session } from 'node:inspector/promises';
import type * as memory from '../../src/core/memory.js';
import { Random } from '../../src/core/random.js';
import type * as nn from '../../src/nn/index.js';
import { load } from '../cli/load.js';
import { check, same, suite, throws } from '../harness.js';

const test = suite('allocator');
const LINE = 64;

/** First fit over a map of cache lines, from the first address that an allocator gives. */
class Reference {
  readonly #used: boolean[] = [];
  constructor(readonly base: number) {}

  allocate(bytes: number): number {
    const lines = Math.max(1, Math.ceil(bytes / LINE));
    let first = 0;
    for (let i = 0; i < first + lines; i++) if (this.#used[i]) first = i + 1;
    for (let i = first; i < first + lines; i++) this.#used[i] = true;
    return this.base + first * LINE;
  }

  free(at: number, bytes: number): void {
    const first = (at - this.base) / LINE;
    this.#used.fill(false, first, first + Math.max(1, Math.ceil(bytes / LINE)));
  }
}

test('gives the addresses of first fit, through thousands of holes', async () => {
  const { allocate, free, bytesInUse } = await load<typeof memory>('src/core/memory.ts');
  const random = new Random(1);
  const first = allocate(1);
  free(first);
  const reference = new Reference(first);
  const blocks: { at: number; bytes: number }[] = [];
  for (let i = 0; i < 6000; i++) {
    // Grows, makes holes, fills them, and gives all back.
    const wanted = i < 2500 ? 0.9 : i < 3500 ? 0.1 : i < 4500 ? 0.6 : 0;
    if (random.uniform(0, 1) < wanted) {
      const bytes = Math.floor(random.uniform(0, 1) ** 4 * 1000);
      const at = allocate(bytes);
      same(at, reference.allocate(bytes), `address of block ${i}`);
      blocks.push({ at, bytes });
    } else if (blocks.length > 0) {
      const index = Math.floor(random.uniform(0, blocks.length));
      const { at, bytes } = blocks.splice(index, 1)[0] as (typeof blocks)[number];
      free(at);
      reference.free(at, bytes);
    }
  }
  for (const { at } of blocks) free(at);
  same(bytesInUse(), 0, 'bytes in use');
  same(allocate(1e5), first, 'all is one block again');
});

const ALLOCATOR = ['allocate', 'free', 'reserve', 'release', 'countBelow', 'remove', 'extend'];

/** Counts how often the blocks of the allocator's code run, its loops with them. */
async function countSteps(run: () => void): Promise<number> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  run();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  await session.post('Profiler.stopPreciseCoverage');
  session.disconnect();
  const found = result
    .filter(({ url }) => url.includes('nearfar-part-'))
    .flatMap(({ functions }) => functions)
    .filter(({ functionName }) => ALLOCATOR.includes(functionName));
  check(found.length > 0, 'the allocator is not in the coverage');
  return found.flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0);
}

test('20,000 operations inside tidy take steps of the allocator in proportion', async () => {
  const { add, tensor, tidy } = await load<typeof nn>('src/nn/index.ts');
  const steps = (count: number): Promise<number> =>
    countSteps(() =>
      tidy(() => {
        let x = tensor([1, 2, 3]);
        for (let i = 0; i < count; i++) x = add(x, x);
      }),
    );
  await steps(20_000);
  const [few, many] = [await steps(2000), await steps(20_000)];
  check(few > 2000, `only ${few} steps were counted`);
  check(many < 15 * few, `2,000 operations: ${few} steps, 20,000: ${many}`);
});

test('out of memory says what is in use and how to free it', async () => {
  const { allocate, free } = await load<typeof memory>('src/core/memory.ts');
  const at = allocate(1000);
  const message =
    'nearfar: out of memory: 5000000000 bytes do not fit next to the 1024 in use. ' +
    'tidy(() => …) frees the tensors of a step, dispose() a single one';
  throws(() => allocate(4_999_999_999), RangeError, message);
  same(allocate(1), at + 1024, 'a small block still fits');
  free(at);
  try {
    free(at);
    check(false, 'a block was freed twice');
  } catch (error) {
    same(String(error), `Error: nearfar: ${at} is not an allocated block`);
  }
});

/** Runs a program whose `WebAssembly.Memory` counts how often it is made, and may throw. */
function output(largest: number, body: string): string {
  const source = `
    let made = 0;
    WebAssembly.Memory = class extends WebAssembly.Memory {
      constructor(descriptor) {
        if (descriptor.maximum > ${largest}) throw new RangeError('could not allocate memory');
        super(descriptor);
        made++;
      }
    };
    const nearfar = await import('nearfar');
    await import('nearfar/nn');
    await import('nearfar/models');
    await import('nearfar/threads');
    ${body}`;
  const args = ['--input-type=module', '--eval', source];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return stdout + stderr;
}

test('an import makes no memory, the first call makes one', () => {
  const body =
    'console.log(made); nearfar.ntXent([[1], [1]]); nearfar.pca([[1]]); console.log(made);';
  same(output(65536, body), '0\n1\n');
});

test('where few addresses are available the memory is smaller, or a sentence says why there is none', () => {
  const body =
    'try { console.log(nearfar.ntXent([[1], [1]])); } catch (error) { console.log(String(error)); }';
  same(output(9000, body), '0\n');
  const said = output(0, body);
  check(said.startsWith('RangeError: nearfar: no WebAssembly memory (RangeError: could not'), said);
});
