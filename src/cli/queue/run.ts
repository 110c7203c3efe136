/**
 * `nearfar encode --nats`: the process that has the data writes the rows, and all of them encode
 * pieces. Of several with the same data and model, one writes, and another takes over if it is lost.
 */

import { InputError, Interrupted } from '../../terminal/errors.js';
import { prepareFile } from '../../terminal/files.js';
import type { Input } from '../command.js';
import { idsBytes, idsPath } from '../input/rows.js';
import type { RowEncoder } from '../models/model.js';
import type { JobNote } from './note.js';
import { makePieces } from './pieces.js';
import { pause, Queue } from './queue.js';
import { RowsFile } from './rows-file.js';
import { workFor } from './work.js';
import { JobWriter } from './write.js';

/** Inputs to encode, and the model that does. */
export interface EncodeJob {
  url: string;
  /** Name of --job; empty for none. */
  name: string;
  encoder: RowEncoder;
  /** Hash of the model and of what it is asked for. */
  model: string;
  /** Undefined for a process that has no data, and works for others. */
  data: { path: string; out: string } | undefined;
}

const short = (hash: string): string => hash.slice(0, 16);

/** Encodes together with other processes. */
export async function encodeTogether(job: EncodeJob, input: Input): Promise<void> {
  const { terminal, onInterrupt } = input;
  const queue = await Queue.connect(job.url, terminal);
  onInterrupt(() => {
    queue.stopped = true;
  });
  try {
    await (job.data === undefined ? workOnly(job, queue, input) : workWithData(job, queue, input));
    if (queue.stopped) throw new Interrupted('stopped: the same command goes on');
  } finally {
    await queue.close();
  }
}

/** Finds a job for a process without data. */
async function findJob({ name, model }: EncodeJob, queue: Queue): Promise<JobNote | undefined> {
  while (!queue.stopped) {
    const notes = queue.notes().filter((note) => note.name === name && note.state === 'open');
    const own = notes.find((note) => note.model === model);
    if (own !== undefined) return own;
    const [other] = notes;
    if (other !== undefined) {
      throw new InputError(
        `job ${short(other.job)} of ${other.host} is encoded by another model (${short(other.model)}), ` +
          `not by this one (${short(model)}): the folder, the options and the version of nearfar must be the same`,
      );
    }
    queue.say(`waiting for a job${name === '' ? '' : ` ${name}`} of this model (${short(model)})`);
    await pause(100);
  }
  return undefined;
}

async function workOnly(job: EncodeJob, queue: Queue, { terminal }: Input): Promise<void> {
  const total = { pieces: 0, rows: 0 };
  while (!queue.stopped) {
    const note = await findJob(job, queue);
    if (note === undefined) return;
    const { pieces, rows, state } = await workFor(queue, job.encoder, note, terminal);
    total.pieces += pieces;
    total.rows += rows;
    if (state === 'done') {
      terminal.event('done', { job: note.job, ...total, of: note.rows, dropped: queue.dropped });
      terminal.line(
        `${total.rows} of the ${note.rows} rows of job ${short(note.job)} are of this process`,
      );
      return;
    }
    if (!queue.stopped)
      queue.say(`job ${short(note.job)}: waiting for ${note.host}, which writes the rows`);
  }
}

async function workWithData(job: EncodeJob, queue: Queue, { terminal }: Input): Promise<void> {
  const { encoder, model, name } = job;
  const { path, out } = job.data as NonNullable<EncodeJob['data']>;
  prepareFile('--out', out);
  const inputs = await encoder.read(path);
  const [id] = inputs.ids;
  if (id === undefined) throw new InputError(`${path}: is empty`);
  const first = makePieces(
    { ...inputs, ids: [id] },
    { ...job, cols: 1, batch: 1, maxBytes: queue.maxBytes },
  );
  const { cols } = await encoder.encode(first.inputsOf(0));
  const { batch } = encoder;
  const pieces = makePieces(inputs, { model, name, cols, batch, maxBytes: queue.maxBytes });
  const rows = inputs.ids.length;
  const own = { job: pieces.job, name, model, writer: queue.id, host: queue.host, rows };
  for (let again = true; !queue.stopped; again = false) {
    const claimed = await queue.persist(async () => ({
      other: await queue.claim({ ...own, done: 0, state: 'open' }, again),
    }));
    if (claimed === undefined) return;
    const { other } = claimed;
    if (other === undefined) {
      const options = { out, job: pieces.job, rows, cols, pieces: pieces.ranges };
      if (await write(options)) return;
      continue;
    }
    const end =
      other.state === 'done' ? 'done' : (await workFor(queue, encoder, other, terminal)).state;
    if (end !== 'done') continue;
    terminal.event('done', { job: other.job, rows, width: cols, writer: other.host });
    terminal.line(`job ${short(other.job)}: ${other.host} has written the ${rows} rows`);
    return;
  }

  /** Writes the rows; false if another process has taken the job over. */
  async function write(options: ConstructorParameters<typeof RowsFile>[0]): Promise<boolean> {
    queue.say(`job ${short(pieces.job)}: ${rows} rows in ${pieces.ranges.length} pieces`);
    const file = new RowsFile(options);
    if (file.rows > 0) terminal.note(`${file.rows} of ${rows} rows are there already`);
    const writer = new JobWriter(queue, encoder, pieces, file, own);
    const leave = async (): Promise<void> => {
      await queue.claim(writer.note('left')).catch(() => undefined);
    };
    try {
      const { byOthers, repeated, lostTo } = await writer.run(terminal);
      if (lostTo !== undefined) {
        queue.say(`job ${short(pieces.job)}: ${lostTo.host} has taken it over`);
        return false;
      }
      if (queue.stopped) {
        await leave();
        return true;
      }
      const names = idsPath(out);
      file.finish({ path: names, bytes: idsBytes(inputs.ids) });
      await queue.persist(() => queue.claim(writer.note('done')));
      await queue.remove(pieces.job);
      for (const note of inputs.notes ?? []) terminal.note(note);
      const facts = { pieces: pieces.ranges.length, byOthers, repeated, dropped: queue.dropped };
      terminal.event('done', { rows, width: cols, out, ids: names, job: pieces.job, ...facts });
      terminal.line(`${out}: ${rows} rows of ${cols} numbers; ${names}: which input each row is`);
      terminal.line(
        `${byOthers} of ${pieces.ranges.length} pieces were encoded by other processes`,
      );
      return true;
    } catch (error) {
      await leave();
      throw error;
    }
  }
}
