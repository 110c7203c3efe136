/** Processes that encode together, which are killed and started again. */

import { writeFileSync } from 'node:fs';
import type { NatsServer } from '../../bench/nats-server.js';
import { Random } from '../../src/core/random.js';
import { pause, RankProcess } from './job.js';

const WORDS = ['anchor', 'positive', 'view', 'batch', 'token', '猫', '"', '\\', '\ud800'];

/** Writes texts of many words, so that a piece takes a moment; some are long, some hold half a character. */
export function writeTexts(path: string, count: number): void {
  const random = new Random(3);
  const lines = Array.from({ length: count }, (_, i) => {
    const length = i % 500 === 7 ? 4000 : 40 + random.integer(400);
    const text = Array.from({ length }, () => WORDS[random.integer(WORDS.length)]).join(' ');
    return JSON.stringify({ id: `t${i}`, text });
  });
  writeFileSync(path, `${lines.join('\n')}\n`);
}

/** Milliseconds after the last kill within which the work ends, on a slow machine too. */
const END_MS = 300_000;

/** Kills of each kind. */
export type EncodingKills = Record<'worker' | 'writer' | 'server', number>;

/**
 * Encodes, and kills workers, the process that writes, and the server. What was killed is started
 * again; if the work is done before there were enough kills, it begins once more.
 *
 * @param commands of the process with the data, and of a worker
 * @param options again: called before the work begins once more
 * @returns kills that there were
 */
export async function disturbEncoding(
  server: NatsServer,
  commands: { writer: string[]; worker: string[] },
  options: { kills: number; everyMs: number; random: Random; again(): void },
): Promise<EncodingKills> {
  const { kills, everyMs, random, again } = options;
  const done: EncodingKills = { worker: 0, writer: 0, server: 0 };
  const total = (): number => done.worker + done.writer + done.server;
  const workers: RankProcess[] = [];
  let [killed, last] = [0, Date.now()];
  try {
    for (;;) {
      let writer = new RankProcess(commands.writer);
      while (writer.isRunning) {
        if (total() > killed) [killed, last] = [total(), Date.now()];
        if (Date.now() - last > END_MS) throw new Error(`${writer.output}${writer.errors}`);
        for (const i of [0, 1]) {
          if (workers[i]?.isRunning !== true) workers[i] = new RankProcess(commands.worker);
        }
        // So that it has begun, on a slow machine too.
        await Promise.race([writer.until('"waiting"').catch(() => undefined), writer.ended]);
        await pause(random.uniform(0.3, 1.7) * everyMs);
        if (total() >= kills) {
          await pause(50);
          continue;
        }
        const kind = random.integer(10);
        if (kind < 6) {
          const chosen = workers[random.integer(2)] as RankProcess;
          chosen.kill();
          if ((await chosen.ended) === null) done.worker++;
        } else if (kind < 8) {
          writer.kill();
          if ((await writer.ended) !== null) break;
          done.writer++;
          writer = new RankProcess(commands.writer);
        } else {
          await server.kill();
          done.server++;
          await pause(random.uniform(0, 200));
          await server.start();
        }
      }
      const status = await writer.ended;
      if (status !== 0) throw new Error(`ended with ${status}: ${writer.errors}`);
      if (total() >= kills) return done;
      again();
    }
  } finally {
    for (const worker of workers) worker.kill();
  }
}
