/** Frames and notes: what is sent arrives, and anything else is dropped. */

import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import type { Head } from '../../src/distributed/nats/frame.js';
import type { Member } from '../../src/distributed/nats/members.js';
import { check, same, suite } from '../harness.js';
import { importInternals } from './internals.js';

const test = suite('distributed messages');
const { crc32, plainCrc32, readFrame, readNote, writeFrame, writeNote, ...others } =
  await importInternals<typeof import('./messages.js')>('messages.ts');

const { joinBytes, splitBytes, plainHmac, Seal, Mailbox, RoundTrip, readValues, writeValues } =
  others;

const LIMITS = {
  group: [0x1234, 0xffffffff] as const,
  ranks: 5,
  rank: 2,
  chunkBytes: 64,
  maxBytes: 640,
};

const frames = fc
  .record({
    total: fc.nat(640),
    from: fc.constantFrom(0, 1, 3, 4),
    to: fc.constantFrom(2, 0xffff),
    exchange: fc.nat(2 ** 31),
    pick: fc.nat(100),
    seed: fc.nat(255),
  })
  .map(({ total, from, to, exchange, pick, seed }): [Head, Uint8Array] => {
    const chunks = Math.max(1, Math.ceil(total / 64));
    const chunk = pick % chunks;
    const payload = new Uint8Array(Math.min(64, total - 64 * chunk)).fill(seed);
    return [{ kind: 1, group: LIMITS.group, from, to, exchange, chunk, chunks, total }, payload];
  });

test('a frame arrives as it was sent', () => {
  fc.assert(
    fc.property(frames, ([head, payload]) => {
      const found = readFrame(writeFrame(head, payload), LIMITS);
      check(found !== undefined, 'dropped');
      const { payload: bytes, ...others } = found;
      same(others, { ...head });
      same([...bytes], [...payload]);
    }),
  );
});

test('a frame with one bit changed, cut or longer is dropped', () => {
  fc.assert(
    fc.property(frames, fc.nat(), fc.nat(7), ([head, payload], position, bit) => {
      const frame = writeFrame(head, payload);
      const changed = frame.slice();
      const at = position % frame.length;
      changed[at] = (changed[at] as number) ^ (1 << bit);
      same(readFrame(changed, LIMITS), undefined, 'changed');
      same(readFrame(frame.slice(0, at), LIMITS), undefined, 'cut');
      same(readFrame(Uint8Array.of(...frame, 0), LIMITS), undefined, 'longer');
    }),
  );
});

test('frames of other groups, of this rank, for others, and too large ones are dropped', () => {
  const head = { kind: 1, group: LIMITS.group, from: 1, to: 2, exchange: 0, chunk: 0, chunks: 1 };
  const payload = new Uint8Array(5);
  const read = (changes: Partial<Head>, bytes = payload) =>
    readFrame(writeFrame({ ...head, total: bytes.length, ...changes }, bytes), LIMITS);
  check(read({}) !== undefined, 'a valid one');
  for (const changes of [
    { kind: 0 },
    { kind: 4 },
    { group: [1, 2] as const },
    { from: 2 },
    { from: 5 },
    { to: 1 },
    { chunk: 1 },
    { chunks: 2 },
    { chunks: 0 },
    { total: 6 },
    { total: 641, chunks: 11 },
    { total: 2 ** 32 - 1, chunks: 2 ** 26 },
  ]) {
    same(read(changes), undefined, JSON.stringify(changes));
  }
  same(read({}, new Uint8Array(65)), undefined, 'a chunk that is too long');
});

test('any bytes are no frame and no note', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      same(readFrame(bytes, LIMITS), undefined);
      same(readNote(bytes), undefined);
    }),
  );
});

const id = '0123456789abcdef0123456789abcdef';
const member: Member = {
  ...{ id, name: 'host:1', ranks: 4, rank: -1, state: 'waiting', group: '', step: 3 },
  ...{ exchange: 0, gap: 0, joined: 17 },
};

test('notes arrive as they were sent; those with anything else are dropped', () => {
  same(readNote(writeNote({ member })), { member });
  const proposal = { group: id, members: [id], steps: [3] };
  same(readNote(writeNote({ proposal })), { proposal });
  const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(member)), fc.jsonValue(), (key, value) => {
      const note = readNote(encode({ member: { ...member, [key]: value } }));
      // What is still valid has the value, nothing crashes.
      if (note !== undefined)
        same((note as { member: object }).member, { ...member, [key]: value });
    }),
  );
  for (const wrong of [
    { member: { ...member, id: 'x' } },
    { member: { ...member, name: 'a\nb' } },
    { member: { ...member, rank: 4 } },
    { member: { ...member, state: 'odd' } },
    { proposal: { ...proposal, members: [id, id], steps: [1, 1] } },
    { proposal: { ...proposal, steps: [] } },
    {},
    null,
    7,
  ]) {
    same(readNote(encode(wrong)), undefined, JSON.stringify(wrong));
  }
  same(readNote(new Uint8Array(2 ** 18).fill(32)), undefined, 'a long one');
});

test('the checksum is that of zlib', () => {
  same(plainCrc32(new TextEncoder().encode('123456789')), 0xcbf43926);
  fc.assert(fc.property(fc.uint8Array(), (bytes) => same(crc32(bytes), plainCrc32(bytes))));
});

test('lists of bytes come out as they went in, damaged ones are refused', () => {
  const lists = fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 6 });
  fc.assert(
    fc.property(lists, (parts) => {
      const found = splitBytes(joinBytes(parts), parts.length);
      same(
        found.map((part) => [...part]),
        parts.map((part) => [...part]),
      );
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(5), (bytes, count) => {
      try {
        same(splitBytes(bytes, count).length, count);
      } catch (error) {
        check(error instanceof RangeError, `${error}`);
      }
    }),
  );
});

test('a seal is that of RFC 2104, with and without the runtime', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 150 }), fc.uint8Array({ maxLength: 300 }), (key, x) => {
      same(Array.from(plainHmac(key, x)), [...createHmac('sha256', key).update(x).digest()]);
    }),
  );
});

test('a sealed message opens with its secret, and as it was closed', () => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array({ maxLength: 99 }), fc.nat(), (secret, x, n) => {
      const closed = new Seal(secret).close(x.subarray(0, 7), x.subarray(7));
      same(new Seal(secret).open(closed), x);
      same(new Seal(`${secret}.`).open(closed), undefined, 'another secret');
      const bit = n % (8 * closed.length);
      closed[bit >> 3] = (closed[bit >> 3] as number) ^ (1 << (bit & 7));
      same(new Seal(secret).open(closed), undefined, 'one bit');
      same(new Seal(secret).open(closed.subarray(0, n % 16)), undefined, 'too short');
    }),
  );
});

test('the time-out of a rank follows its round trips, and doubles when it was in vain', () => {
  const near = new RoundTrip();
  same(
    [0, 1, 2, 9].map((times) => near.timeout(times)),
    [500, 1000, 2000, 8000],
    'unknown',
  );
  for (let i = 0; i < 40; i++) near.add(3);
  same(near.timeout(0), 500, 'a fast one');
  const far = new RoundTrip();
  far.add(900);
  same(far.timeout(0), 900 + 4 * 450, 'the first round trip');
  for (let i = 0; i < 60; i++) far.add(900);
  check(Math.abs(far.timeout(0) - 900) < 1, `steady: ${far.timeout(0)}`);
  far.add(2500);
  check(far.timeout(0) > 900 + 1600, `after a late one: ${far.timeout(0)}`);
});

/** Two mailboxes whose frames take some time, by a clock of their own. */
function connectMailboxes(delayMs: number, chunks: number) {
  const limits = { group: LIMITS.group, ranks: 2, chunkBytes: 64, maxBytes: 64 * chunks };
  const frames: { at: number; to: number; kind?: number | undefined; frame: Uint8Array }[] = [];
  const waiting: (() => void)[] = [];
  const counts = { data: 0, resend: 0 };
  let now = 0;
  const boxes = [0, 1].map(
    (rank) =>
      new Mailbox(
        { ...limits, rank },
        {
          send(_, frame) {
            const kind = readFrame(frame, { ...limits, rank: 1 - rank })?.kind;
            if (kind === 1) counts.data++;
            if (kind === 3) counts.resend++;
            frames.push({ at: now + delayMs, to: 1 - rank, kind, frame });
          },
          check: () => undefined,
          now: () => now,
          wait: () => new Promise<void>((done) => waiting.push(done)),
        },
      ),
  );
  /** Exchanges messages of so many chunks; one of the first rank may be lost. */
  const exchange = async (isLost = false): Promise<void> => {
    let isOver = false;
    const message = new Uint8Array(64 * chunks);
    const runs = boxes.map((box) => box.run(message, () => false));
    const all = Promise.all(runs).then(() => {
      isOver = true;
    });
    for (let ticks = 0; !isOver && ticks < 5000; ticks++) {
      now += 10;
      for (const sent of frames.splice(0)) {
        if (sent.at > now) frames.push(sent);
        else if (isLost && sent.to === 1 && sent.kind === 1) isLost = false;
        else boxes[sent.to]?.take(sent.frame);
      }
      for (const wake of waiting.splice(0)) wake();
      await new Promise((done) => setImmediate(done));
    }
    check(isOver, 'the messages did not arrive');
    await all;
  };
  return { exchange, counts };
}

test('a slow way is learned: chunks are asked for once and not again and again', async () => {
  const slow = connectMailboxes(900, 8);
  for (let i = 0; i < 4; i++) await slow.exchange();
  const before = { ...slow.counts };
  for (let i = 0; i < 5; i++) await slow.exchange();
  same(slow.counts.resend - before.resend, 0, 'asked');
  same(slow.counts.data - before.data, 5 * 2 * 8, 'chunks');
});

test('a chunk that is lost is asked for, and comes', async () => {
  const fast = connectMailboxes(10, 8);
  await fast.exchange();
  same(fast.counts.resend, 0, 'nothing is lost');
  await fast.exchange(true);
  check(fast.counts.resend >= 1, 'asked');
  same(fast.counts.data, 2 * 2 * 8 + 1, 'one chunk more');
});

/** The f32 of some bits. */
const fromBits = (bits: number): number =>
  new Float32Array(Uint32Array.of(bits).buffer)[0] as number;

test('bf16 is the nearest one, to even at halfway', () => {
  const round = (bits: number): number => {
    const bytes = writeValues(Float32Array.of(fromBits(bits)), 'bf16');
    same(bytes.length, 2);
    return (readValues(bytes, 1, 'bf16') as Float32Array)[0] as number;
  };
  const check16 = (bits: number): void => {
    const [x, found] = [fromBits(bits), round(bits)];
    if (Number.isNaN(x)) {
      check(Number.isNaN(found), `${bits}`);
      return;
    }
    const [near, far] = [(bits >>> 16) << 16, ((bits >>> 16) + 1) << 16].map((own) =>
      fromBits(own >>> 0),
    ) as [number, number];
    // Past the largest one is infinity, which counts as the next power of two.
    const distance = (to: number): number =>
      Math.abs((Number.isFinite(to) ? to : Math.sign(x) * 2 ** 128) - x);
    const isEven = ((bits >>> 16) & 1) === 0;
    const nearest =
      distance(near) === distance(far)
        ? isEven
          ? near
          : far
        : distance(near) < distance(far)
          ? near
          : far;
    check(
      Object.is(found, Number.isFinite(x) ? nearest : x),
      `${bits.toString(16)}: ${x} to ${found}`,
    );
  };
  const edges = [0, 0x80000000, 1, 0x8000, 0x18000, 0x7f7fffff, 0xff7f8000, 0x7f800000, 0x7fffffff];
  for (const bits of [...edges, 0xff800000, 0x7f800001, 0x3f808000, 0x3f818000, 0x3f807fff]) {
    check16(bits);
  }
  fc.assert(fc.property(fc.nat(0xffffffff), check16));
  same(readValues(new Uint8Array(3), 1, 'bf16'), undefined, 'another length');
});
