/**
 * What a command says while it works and when it is done. To a person: a progress bar on standard
 * error (now and then a plain line if that is no terminal) and tables on standard output. With
 * `--json`, to a program: one object a line on standard output and nothing else.
 */

import { SingleBar } from 'cli-progress';
import CliTable from 'cli-table3';

const SHOW_CURSOR = '\u001B[?25h';
const CLEAR_LINE = '\r\u001B[K';
/** Plain lines come at most this often, in milliseconds. */
const PAUSE = 4000;

export interface Progress {
  /** Tells that a step is done, and gives the event loop a turn. */
  step(step: number, loss: number, fields?: Readonly<Record<string, unknown>>): Promise<void>;
  end(): void;
}

/** What a step consists of, for the rate: tokens, pictures, or the step itself. */
export interface Unit {
  name: string;
  perStep: number;
}

const STEPS: Unit = { name: 'steps', perStep: 1 };

type Show = (step: number, loss: number, fields?: Readonly<Record<string, unknown>>) => void;

export class Terminal {
  readonly #json: boolean;
  #bar: SingleBar | undefined;
  #part = '';
  #passing = false;

  constructor(json: boolean) {
    this.#json = json;
  }

  /** One JSON line, only with `--json`. */
  event(event: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#json) process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
  }

  /** A line for people. */
  line(text: string): void {
    if (this.#json) return;
    // The bar is drawn again below it.
    if (this.#bar !== undefined || this.#passing) process.stderr.write(CLEAR_LINE);
    this.#passing = false;
    process.stdout.write(`${text}\n`);
  }

  /** Something that goes otherwise than asked for: a line, or an event of its own. */
  note(text: string): void {
    this.line(text);
    this.event('note', { text });
  }

  /** What is being done, on a terminal until the next line is written. */
  passing(text: string): void {
    if (this.#json || !process.stderr.isTTY) return;
    process.stderr.write(`${CLEAR_LINE}${text}\r`);
    this.#passing = true;
  }

  /** Text for people that is not a line yet. */
  write(text: string): void {
    if (!this.#json) process.stdout.write(text);
  }

  /** A table for people. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void {
    if (this.#json) return;
    const table = new CliTable({
      head: [...head],
      colAligns: head.map((_, column) => (column === 0 ? 'left' : 'right')),
      style: { head: [], border: [] },
    });
    // All rows as lines of one, so that the only rule is the one below the head.
    table.push(head.map((_, column) => rows.map((row) => row[column] ?? '').join('\n')));
    this.line(table.toString());
  }

  /** What is followed from here on is one of several parts of the work. */
  part(number: number, of: number): void {
    this.#part = of > 1 ? `${number} of ${of} · ` : '';
  }

  /** Follows work of so many steps. With `--json`, each step is an event. */
  progress(name: string, total: number, unit = STEPS): Progress {
    const show: Show = this.#json
      ? (step, loss, fields) => this.event('step', { section: name, step, loss, ...fields })
      : process.stderr.isTTY
        ? this.#startBar(this.#part + name, total, unit)
        : plainLines(this.#part + name, total, unit);
    return {
      step: async (step, loss, fields) => {
        show(step, loss, fields);
        // A turn for the rest of the process: an interrupt is seen, the bar is drawn.
        await new Promise((resolve) => setImmediate(resolve));
      },
      end: () => this.close(),
    };
  }

  #startBar(name: string, total: number, unit: Unit): Show {
    const speed = meter(total, unit);
    const bar = new SingleBar({
      stream: process.stderr,
      format: `${name} {bar} {percentage} % · loss {loss} · {speed}`,
      barsize: 24,
      barCompleteChar: '━',
      barIncompleteChar: '─',
      hideCursor: true,
      clearOnComplete: true,
      // The bar fits any terminal, and an interrupt is handled in one place: index.ts.
      linewrap: false,
      gracefulExit: false,
    });
    bar.start(total, 0, { loss: '–', speed: '–' });
    this.#bar = bar;
    return (step, loss) => bar.update(step, { loss: loss.toFixed(3), speed: speed(step) });
  }

  /** Ends a bar that is still there and gives the cursor back. */
  close(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    if (process.stderr.isTTY) process.stderr.write(SHOW_CURSOR);
  }
}

/** Rate and time left at a step, measured from the first step that is asked for. */
function meter(total: number, { name, perStep }: Unit): (step: number) => string {
  const started = performance.now();
  let before: number | undefined;
  return (step) => {
    before ??= step - 1;
    const pace = ((step - before) * 1000) / (performance.now() - started);
    const rate = pace * perStep;
    return `${rate.toFixed(rate < 10 ? 1 : 0)} ${name}/s · ${Math.ceil((total - step) / pace)} s left`;
  };
}

function plainLines(name: string, total: number, unit: Unit): Show {
  const speed = meter(total, unit);
  let last = performance.now();
  return (step, loss) => {
    const now = performance.now();
    if (now - last < PAUSE && step < total) return;
    last = now;
    const at = `${name}: step ${step} of ${total}`;
    process.stderr.write(`${at} · loss ${loss.toFixed(3)} · ${speed(step)}\n`);
  };
}
