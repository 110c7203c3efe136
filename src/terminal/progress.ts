/**
 * Output of a command while it works and when it is done. To a person: a progress bar on standard
 * error (a plain line every few seconds if that is not a terminal) and tables on standard output.
 * With `--json`, to a program: one object per line on standard output and nothing else.
 */

import { SingleBar } from 'cli-progress';
import { Interrupted } from './errors.js';
import { formatTable } from './table.js';
import { breakWords, columnsOf, fitText, printable, widthOf, wrap } from './text.js';

const SHOW_CURSOR = '\u001B[?25h';
const CLEAR_LINE = '\r\u001B[K';
/** Shortest time between plain lines, in milliseconds. */
const PAUSE = 4000;
/** Widest bar, in characters. */
const BAR_SIZE = 24;

/** Reports the steps of some work. */
export interface Progress {
  /**
   * Reports that a step is done, and gives the event loop a turn.
   *
   * @param loss undefined for work that has none
   * @throws {Interrupted} if the terminal was told to stop
   */
  step(step: number, loss?: number, fields?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Ends the bar. */
  end(): void;
}

/** Unit that a step consists of, for the rate: tokens, images, or the step itself. */
export interface Unit {
  name: string;
  /** Number of them in one step. */
  perStep: number;
}

/** Follows the steps of some work. */
export interface ProgressOptions {
  /** @default steps */
  unit?: Unit;
  /** Part of the whole work that these steps are, as fractions of it. @default [0, 1] */
  range?: readonly [number, number];
}

const STEPS: Unit = { name: 'steps', perStep: 1 };

/** A bar, and what it shows. */
interface ShownBar {
  readonly bar: SingleBar;
  readonly total: number;
  value: number;
  status: { loss: string; speed: string };
}

function startBar({ bar, total, value, status }: ShownBar): void {
  bar.start(total, value, status);
}

type Show = (step: number, loss?: number, fields?: Readonly<Record<string, unknown>>) => void;

/** One of several parts of a command's work. */
export interface Part {
  number: number;
  of: number;
  /** Begin and end of the part, as fractions of the whole work. */
  range: readonly [number, number];
}

/** Where a command writes what it has to say. */
export class Terminal {
  readonly #json: boolean;
  readonly #silent: boolean;
  readonly #started = performance.now();
  /** Bars, the one that is shown last: work within a step replaces the bar of steps. */
  readonly #bars: ShownBar[] = [];
  #part: Part | undefined;
  #transient = false;
  #stopped = false;

  /**
   * @param json write objects for a program instead of lines for a person
   * @param silent write nothing at all
   */
  constructor(json: boolean, silent = false) {
    this.#json = json || silent;
    this.#silent = silent;
  }

  /** Writes a JSON line, only with `--json`. */
  event(event: string, fields: Readonly<Record<string, unknown>>): void {
    if (!this.#json || this.#silent) return;
    const line = JSON.stringify({ event, ...fields }).replace(
      /[\u007F-\u009F]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    process.stdout.write(`${line}\n`);
  }

  /** Writes a line for people, broken at the width of the terminal. */
  line(text: string): void {
    if (this.#json) return;
    const clean = printable(text);
    const columns = columnsOf(process.stdout);
    this.#writeLine(process.stdout.isTTY ? breakWords(wrap(clean, columns), columns) : clean);
  }

  /** Writes a note about something that differs from what was asked for. */
  note(text: string): void {
    this.line(text);
    this.event('note', { text });
  }

  /** Shows what is being done, on a terminal, until the next line is written. */
  transient(text: string): void {
    if (this.#json || !process.stderr.isTTY) return;
    const fitting = fitText(printable(text), columnsOf(process.stderr) - 1);
    process.stderr.write(`${CLEAR_LINE}${fitting}\r`);
    this.#transient = true;
  }

  /** Writes text for people that is not a line yet. */
  write(text: string): void {
    if (!this.#json) process.stdout.write(printable(text));
  }

  /** Writes a table for people, its first `left` columns aligned to the left. */
  table(head: readonly string[], rows: readonly (readonly string[])[], left = 1): void {
    if (this.#json) return;
    const clean = rows.map((row) => row.map(printable));
    this.#writeLine(formatTable(head, clean, columnsOf(process.stdout), left));
  }

  #writeLine(text: string): void {
    // The bar is drawn again below the line.
    if (this.#bars.length > 0 || this.#transient) process.stderr.write(CLEAR_LINE);
    this.#transient = false;
    process.stdout.write(`${text}\n`);
  }

  /** Begins one of several parts of the work: progress says which, and the time left for all. */
  part(part: Part): void {
    this.#part = part.of > 1 ? part : undefined;
  }

  /** Makes the next step of any progress throw Interrupted. */
  stop(): void {
    this.#stopped = true;
  }

  /** Follows work of so many steps. With `--json`, each step is an event. */
  progress(name: string, total: number, { unit = STEPS, range }: ProgressOptions = {}): Progress {
    const part = this.#part;
    const meter = new Meter(total, unit);
    const title = part === undefined ? name : `${part.number} of ${part.of} · ${name}`;
    /** Rate and time left, of these steps and of all parts. */
    const speed = (step: number): string => {
      const [begin, end] = range ?? [0, 1];
      const { rate, left: own } = meter.read(step);
      if (part === undefined) return `${rate} · ${duration(own)} left`;
      const within = begin + ((end - begin) * step) / total;
      const done = part.range[0] + (part.range[1] - part.range[0]) * within;
      const all = ((performance.now() - this.#started) * (1 - done)) / (1000 * done);
      // Two estimates: all of it takes at least as long as a part of it.
      return `${rate} · ${duration(own)} left of this, ${duration(Math.max(own, all))} of all`;
    };
    const show: Show = this.#json
      ? (step, loss, fields) => this.event('step', { section: name, step, loss, ...fields })
      : process.stderr.isTTY
        ? this.#startBar(title, total, speed)
        : plainLines(title, total, speed);
    return {
      step: async (step, loss, fields) => {
        meter.see(step);
        show(step, loss, fields);
        // A turn for everything else in the process: an interrupt is seen, the bar is drawn.
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#stopped) throw new Interrupted('interrupted');
      },
      end: () => this.#endBar(),
    };
  }

  #startBar(name: string, total: number, speed: (step: number) => string): Show {
    const bar = new SingleBar({
      stream: process.stderr,
      format: (_, { progress }, { loss, speed: rate }) =>
        fitLine(
          name,
          progress,
          [...(loss === '' ? [] : [`loss ${loss}`]), rate].join(' · '),
          columnsOf(process.stderr),
        ),
      hideCursor: true,
      clearOnComplete: true,
      linewrap: false,
      // An interrupt is handled in one place, in src/cli/index.ts.
      gracefulExit: false,
    });
    const shown: ShownBar = { bar, total, value: 0, status: { loss: '', speed: '–' } };
    this.#bars.at(-1)?.bar.stop();
    this.#bars.push(shown);
    startBar(shown);
    return (step, loss) => {
      shown.value = step;
      shown.status = { loss: loss?.toFixed(3) ?? '', speed: speed(step) };
      bar.update(step, shown.status);
    };
  }

  /** Ends the bar that is shown, and shows the one before it or the cursor. */
  #endBar(): void {
    this.#bars.pop()?.bar.stop();
    const outer = this.#bars.at(-1);
    if (outer === undefined) this.close();
    else startBar(outer);
  }

  /** Ends bars that are still there and shows the cursor again. */
  close(): void {
    this.#bars.pop()?.bar.stop();
    this.#bars.length = 0;
    if (process.stderr.isTTY && !this.#silent) process.stderr.write(SHOW_CURSOR);
  }
}

/** Composes the line of a progress bar: what does not fit the window is left out. */
function fitLine(name: string, fraction: number, status: string, columns: number): string {
  const tail = ` ${Math.floor(100 * fraction)} % · ${status}`;
  const room = columns - 1 - widthOf(name) - tail.length - 1;
  const size = Math.max(0, Math.min(BAR_SIZE, room));
  const full = Math.round(fraction * size);
  const bar = size < 4 ? '' : ` ${'━'.repeat(full)}${'─'.repeat(size - full)}`;
  const line = `${name}${bar}${tail}`;
  return widthOf(line) < columns ? line : fitText(line, columns - 1);
}

/** Measures the rate of steps and the time left, from the first step that it sees. */
class Meter {
  readonly #total: number;
  readonly #unit: Unit;
  readonly #started = performance.now();
  #before: number | undefined;

  constructor(total: number, unit: Unit) {
    this.#total = total;
    this.#unit = unit;
  }

  see(step: number): void {
    this.#before ??= step - 1;
  }

  /** Returns the rate so far, and the seconds that the remaining steps take at it. */
  read(step: number): { rate: string; left: number } {
    const { name, perStep } = this.#unit;
    const before = this.#before ?? step - 1;
    const pace = ((step - before) * 1000) / (performance.now() - this.#started);
    const rate = pace * perStep;
    return {
      rate: `${rate.toFixed(rate < 10 ? 1 : 0)} ${name}/s`,
      left: (this.#total - step) / pace,
    };
  }
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 100 ? `${whole} s` : `${Math.ceil(seconds / 60)} min`;
}

function plainLines(name: string, total: number, speed: (step: number) => string): Show {
  let last = performance.now();
  return (step, loss) => {
    const now = performance.now();
    if (now - last < PAUSE && step < total) return;
    last = now;
    const at = loss === undefined ? `${name}: ${step}` : `${name}: step ${step}`;
    const shown = loss === undefined ? '' : ` · loss ${loss.toFixed(3)}`;
    process.stderr.write(`${at} of ${total}${shown} · ${speed(step)}\n`);
  };
}
