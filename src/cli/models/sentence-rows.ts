/** Rows of texts by a sentence encoder on the command line: with progress, and each text once. */

import type { Matrix } from '../../index.js';
import { type SentenceEncoder, selectRows } from '../../models/index.js';
import type { Terminal } from '../../terminal/progress.js';

/** Texts between two turns of the event loop: a second's work or less. */
export const BATCH = { bert: 32, static: 2048 } as const;

/** Options of encoding, and a name for the progress bar. */
export interface EncodeRequest {
  /** Name of the work, for the progress bar. */
  name: string;
  promptName: string | undefined;
  dimensions: number | undefined;
}

/** Encodes texts, with a progress bar where they are many. */
export async function encodeTexts(
  encoder: SentenceEncoder,
  texts: readonly string[],
  { name, ...options }: EncodeRequest,
  terminal: Terminal,
): Promise<Matrix> {
  if (texts.length <= BATCH[encoder.kind]) return encoder.encode(texts, options);
  const progress = terminal.progress(name, texts.length, { unit: { name: 'texts', perStep: 1 } });
  try {
    return await encodeInTurns(encoder, texts, options, (rows) => progress.step(rows));
  } finally {
    progress.end();
  }
}

/** Encodes texts, and gives the event loop a turn between batches. */
export async function encodeInTurns(
  encoder: SentenceEncoder,
  texts: readonly string[],
  options: Omit<EncodeRequest, 'name'>,
  onRows: (rows: number) => Promise<void>,
): Promise<Matrix> {
  const cols = options.dimensions ?? encoder.width;
  const data = new Float32Array(texts.length * cols);
  const batchSize = BATCH[encoder.kind];
  for await (const { start, rows } of encoder.encodeStream(texts, { ...options, batchSize })) {
    data.set(rows.data, start * cols);
    await onRows(start + rows.rows);
  }
  return { data, rows: texts.length, cols };
}

/** An encoder that knows the rows of some texts and has none to encode again. */
export class KnownRows {
  readonly #encoder: SentenceEncoder;
  readonly #rows: Matrix;
  readonly #indices: ReadonlyMap<string, number>;

  constructor(encoder: SentenceEncoder, texts: readonly string[], rows: Matrix) {
    this.#encoder = encoder;
    this.#rows = rows;
    this.#indices = new Map(texts.map((text, i) => [text, i]));
  }

  get kind(): SentenceEncoder['kind'] {
    return this.#encoder.kind;
  }

  get width(): number {
    return this.#encoder.width;
  }

  encode(texts: readonly string[]): Matrix {
    const indices = texts.flatMap((text) => this.#indices.get(text) ?? []);
    // Parts of texts are drawn by the batch.
    return indices.length < texts.length
      ? this.#encoder.encode(texts)
      : selectRows(this.#rows, indices);
  }
}
