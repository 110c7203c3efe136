/** Promises of nearfar/nn other than numbers: states, files, groups, lifetimes of tensors, debugging. */

import * as nn from 'nearfar/nn';
import { check, same, sameBits, suite, throws } from '../harness.js';

const test = suite('nn contract');

/** The bytes of a safetensors file with this header and these bytes of numbers. */
function file(header: unknown, numbers: Uint8Array = new Uint8Array(0)): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + numbers.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(numbers, 8 + json.length);
  return bytes;
}

/** A file of one tensor of two numbers. */
function pair(dtype: string, numbers: ArrayBufferView): Uint8Array {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return file({ x: { dtype, shape: [2], data_offsets: [0, bytes.length] } }, bytes);
}

test('safetensors: names in order, a padded header, what was saved comes back', () =>
  nn.tidy(() => {
    const map = new Map([
      ['b', nn.tensor([[1, -2, 3]])],
      ['a', nn.tensor(7)],
      ['__proto__', nn.tensor([5])],
    ]);
    const bytes = nn.saveSafetensors(map, { note: 'ours' });
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    same(length % 8, 0, 'length of the header');
    const text = new TextDecoder().decode(bytes.subarray(8, 8 + length));
    check(text.startsWith('{"__metadata__":{"format":"pt","note":"ours"},"__proto__":'), text);
    check(text.indexOf('"a"') < text.indexOf('"b"'), text);
    same(nn.readMetadata(bytes), { format: 'pt', note: 'ours' });
    const again = nn.loadSafetensors(bytes);
    same([...again.keys()].sort(), [...map.keys()].sort());
    for (const [name, { shape, data }] of map) {
      same(again.get(name)?.shape, shape, name);
      sameBits(again.get(name)?.toArray() as Float32Array, data);
    }
    sameBits(
      new Float32Array(new Uint8Array(nn.saveSafetensors(again, { note: 'ours' })).buffer),
      new Float32Array(new Uint8Array(bytes).buffer),
    );
  }));

const KINDS: [string, ArrayBufferView, number[]][] = [
  ['F64', Float64Array.of(0.5, -3), [0.5, -3]],
  ['F32', Float32Array.of(0.5, -3), [0.5, -3]],
  ['F16', Uint16Array.of(0x3800, 0xc200), [0.5, -3]],
  ['BF16', Uint16Array.of(0x3f00, 0xc040), [0.5, -3]],
  ['I64', BigInt64Array.of(5n, -3n), [5, -3]],
  ['I32', Int32Array.of(5, -3), [5, -3]],
  ['I16', Int16Array.of(5, -3), [5, -3]],
  ['I8', Int8Array.of(5, -3), [5, -3]],
  ['U64', BigUint64Array.of(5n, 3n), [5, 3]],
  ['U32', Uint32Array.of(5, 3), [5, 3]],
  ['U16', Uint16Array.of(5, 3), [5, 3]],
  ['U8', Uint8Array.of(5, 3), [5, 3]],
  ['BOOL', Uint8Array.of(1, 0), [1, 0]],
];

for (const [dtype, numbers, expected] of KINDS) {
  test(`safetensors: ${dtype} is read`, () =>
    nn.tidy(() => {
      const loaded = nn.loadSafetensors(pair(dtype, numbers)).get('x');
      same(Array.from(loaded?.toArray() ?? []), expected);
    }));
}

test('safetensors: hostile files are refused and leave no memory behind', () => {
  const sound = nn.tidy(() => nn.saveSafetensors(new Map([['x', nn.tensor([1, 2])]])));
  const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
  const eight = new Uint8Array(8);
  const long = sound.slice();
  new DataView(long.buffer).setBigUint64(0, 2n ** 63n, true);
  const before = nn.bytesInUse();
  const files: [Uint8Array, string][] = [
    [new Uint8Array(3), 'are 3 bytes long'],
    [long, 'the header claims to be 9223372036854775808 bytes long'],
    [sound.subarray(0, -1), 'the numbers of "x" are not where the header says'],
    [Uint8Array.of(...sound, 0), '1 bytes follow its tensors'],
    [Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff), 'the header is not valid JSON'],
    [file([]), 'the header is not a JSON object'],
    [file({ x: null }), 'the header\'s entry "x" is not valid'],
    [file({ x: { ...entry, shape: [-2] } }, eight), 'the header\'s entry "x" is not valid'],
    [file({ x: { ...entry, shape: [2 ** 52, 2 ** 52] } }, eight), 'the numbers of "x" are not'],
    [file({ x: { ...entry, data_offsets: [8, 0] } }, eight), 'the numbers of "x" are not'],
    [file({ x: { ...entry, dtype: 'F8_E4M3' } }, eight), '"x" is of type "F8_E4M3"'],
    [file({ x: { ...entry, dtype: 'toString' } }, eight), '"x" is of type "toString"'],
    [file({ x: entry, y: entry }, eight), 'its tensors overlap or leave holes'],
    [file({ x: { ...entry, shape: [0], data_offsets: [0, 0] } }), '"x" is empty'],
    [pair('F32', Float32Array.of(1, Number.NaN)), '"x" holds NaN at index 1'],
    [pair('F64', Float64Array.of(1e300, 1)), '"x" holds Infinity at index 0'],
  ];
  for (const [bytes, problem] of files) {
    const message = `loadSafetensors: bytes must be a safetensors file, and ${problem}…`;
    throws(() => nn.loadSafetensors(bytes), RangeError, message);
  }
  throws(
    () => nn.readMetadata(file({ __metadata__: { format: 1 } })),
    RangeError,
    'readMetadata: bytes must be a safetensors file, and its metadata is not a map of strings',
  );
  same(nn.bytesInUse(), before, 'bytes');
});

test('loadStateDict: names and shapes are checked before anything is written', () =>
  nn.tidy(() => {
    const norm = new nn.BatchNorm(2);
    same([...norm.stateDict().keys()], ['weight', 'bias', 'runningMean', 'runningVar']);
    const two = (): nn.Tensor => nn.tensor([3, 4]);
    const state = new Map([
      ['weight', two()],
      ['bias', two()],
      ['runningMean', two()],
    ]);
    throws(() => norm.loadStateDict(state), RangeError, 'loadStateDict: state lacks runningVar');
    norm.loadStateDict(state, { strict: false });
    same(Array.from(norm.weight?.data ?? []), [3, 4]);
    state.set('runningVar', nn.tensor([1])).set('weight', nn.tensor([8, 8]));
    throws(
      () => norm.loadStateDict(state),
      RangeError,
      'loadStateDict: runningVar must be of shape (2), got "(1)"',
    );
    same(Array.from(norm.weight?.data ?? []), [3, 4], 'weight after what was refused');
    state.set('runningVar', 5 as never);
    throws(
      () => norm.loadStateDict(state),
      TypeError,
      'loadStateDict: runningVar must be a tensor, got 5',
    );
    norm.dispose();
  }));

test('optimizers: groups without names keep moments of their own, and states go on', () => {
  const run = (stop: boolean): Float32Array[] => {
    const parameters = [nn.parameter([1, 2]), nn.parameter([1, 2])] as const;
    const [a, b] = parameters;
    const make = (): nn.AdamW =>
      new nn.AdamW([
        { params: [a], weightDecay: 0.5 },
        { params: [b], lrScale: 0.5 },
      ]);
    let optimizer = make();
    for (let step = 0; step < 6; step++) {
      optimizer.zeroGrad();
      nn.tidy(() => nn.sum(nn.mul(nn.add(nn.mul(a, a), nn.mul(b, -3)), step + 1)).backward());
      optimizer.step();
      if (stop && step === 2) {
        const next = make();
        next.loadStateDict(optimizer.stateDict());
        optimizer.dispose();
        optimizer = next;
      }
    }
    optimizer.loadStateDict(optimizer.stateDict());
    optimizer.dispose();
    const numbers = parameters.map((parameter) => parameter.toArray());
    for (const parameter of parameters) parameter.dispose();
    return numbers;
  };
  const [whole, stopped] = [run(false), run(true)];
  whole.forEach((numbers, i) => {
    sameBits(stopped[i] as Float32Array, numbers);
  });
});

test('optimizers refuse what they can not train', () => {
  const a = nn.parameter([1]);
  const twice = 'AdamW: params 1 must be in one group…';
  throws(() => new nn.AdamW([a, a]), RangeError, twice);
  throws(() => new nn.AdamW([{ params: [a] }, { params: [a] }]), RangeError, twice);
  throws(() => new nn.AdamW([nn.tensor([1])]), RangeError, 'AdamW: params 0 must be a parameter…');
  throws(() => new nn.Sgd([]), RangeError, 'Sgd: params must be at least one parameter…');
  throws(
    () => new nn.Sgd([a], { learningRate: null as never }),
    TypeError,
    'Sgd: learningRate must be a number, got null',
  );
  throws(
    () => new nn.Sgd([a], { nesterov: true }),
    RangeError,
    'Sgd: momentum must be above 0 with nesterov, got 0',
  );
  throws(
    () => new nn.AdamW([{ params: [a], weight_decay: 0 } as never]),
    TypeError,
    'AdamW: unknown option "weight_decay"…',
  );
  a.dispose();
});

/** The message of what a call throws. */
function said(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return `${error}`;
  }
  return 'nothing';
}

test('a tensor that was disposed of says so', () => {
  const x = nn.tensor([1, 2]);
  x.dispose();
  x.dispose();
  same(
    said(() => nn.exp(x)),
    'Error: exp: x was disposed of',
  );
  same(
    said(() => x.data),
    "Error: tensor (2) was disposed of and can't be used any more",
  );
  let escaped: nn.Tensor | undefined;
  nn.tidy(() => {
    escaped = nn.tensor([1]);
  });
  check(escaped?.disposed === true, 'what tidy does not return is there still');
  const outer = nn.tidy(() => ({ kept: nn.tidy(() => [nn.tensor([3])]) }));
  same(outer.kept[0]?.item(), 3, 'what nested calls of tidy return');
  outer.kept[0]?.dispose();
  check(
    said(() => nn.tidy(async () => {})).startsWith('TypeError: tidy: body must be sync'),
    'async',
  );
});

test('debug names the first operation that made a number that is none', () => {
  nn.debug(true);
  try {
    nn.tidy(() => {
      const x = nn.tensor([1, 0]);
      same(
        said(() => nn.exp(nn.log(x))),
        'Error: log made -Infinity at index 1 of (2)',
      );
      const p = nn.parameter([0]);
      same(
        said(() => nn.sum(nn.sqrt(p)).backward()),
        'Error: the backward of sqrt made Infinity at index 0 of (1)',
      );
      p.dispose();
    });
  } finally {
    nn.debug(false);
  }
});

test('gradients of several inputs never share memory', () =>
  nn.tidy(() => {
    const weights = nn.tensor([0.5, -1, 2, 0.25]);
    /** Gradient of the sum of f(x), each number times its weight. */
    const gradOf = (f: (x: nn.Tensor) => nn.Tensor, factor = 1): Float32Array => {
      const x = nn.parameter([-2, -0.5, 0.25, 3]);
      nn.sum(nn.mul(f(x), nn.mul(weights, factor))).backward();
      const grad = x.grad?.toArray() as Float32Array;
      x.dispose();
      return grad;
    };
    for (const f of [nn.gelu, nn.tanh, (x: nn.Tensor) => nn.add(x, 1)]) {
      const twice = gradOf((x) => f(x), 2);
      sameBits(
        gradOf((x) => nn.add(f(x), f(x))),
        twice,
      );
      sameBits(
        gradOf((x) => nn.add(f(x), nn.reshape(f(x), [4]))),
        twice,
      );
      sameBits(
        gradOf((x) => nn.sub(nn.mul(f(x), 4), nn.mul(f(x), 2))),
        twice,
      );
      const row = (x: nn.Tensor): nn.Tensor => nn.add(nn.reshape(f(x), [1, 4]), f(x));
      sameBits(
        gradOf((x) => nn.reshape(row(x), [4])),
        twice,
      );
      sameBits(
        gradOf((x) => nn.reshape(f(nn.reshape(x, [2, 2])), [4])),
        gradOf(f),
      );
    }
  }));

test('noGrad and detach end the past, and gradients add up until zeroGrad', () =>
  nn.tidy(() => {
    const x = nn.parameter([3]);
    check(!nn.noGrad(() => nn.mul(x, x)).requiresGrad, 'noGrad records');
    check(!nn.mul(x.detach(), 2).requiresGrad, 'detach keeps the past');
    for (let part = 0; part < 2; part++) nn.mul(x, x).backward();
    same(x.grad?.item(), 12, 'two gradients');
    same(
      said(() => nn.mul(x.detach(), 2).backward()).slice(0, 38),
      'Error: backward: the loss depends on n',
    );
    x.set([4]);
    same(x.item(), 4);
    x.dispose();
  }));
