/** A small GPT on Moby-Dick: trained, validated and compared with bigram counts. */

import { CharacterTokenizer } from '../../data/text/characters.js';
import { GPT, train } from '../../models/index.js';
import { log, manualSeed, mul, noGrad, slice, softmax, sum, tensor, tidy } from '../../nn/index.js';
import { readSample } from '../../terminal/package-files.js';
import type { SectionContext } from './section.js';

/** The network: nanoGPT's for a CPU with `full`, else one that learns as much as fits in a moment. */
const SMALL = { layers: 2, heads: 4, width: 64, context: 64 };
const FULL = { layers: 4, heads: 4, width: 128, context: 64 };
const QUICK = { steps: 800, learningRate: 3e-3 };
const LONG = { steps: 5000, learningRate: 2e-3 };
/** Steps after which a sample is written, besides the last. */
const EARLY = [0, 100];
/** Points of the validation curve, and characters that each is computed on. */
const VALIDATIONS = 20;
const VALIDATION_LENGTH = 8192;

/** Beginning of the generated texts. */
export const PROMPT = 'The ';

/** A text, split into two parts. */
export interface Book {
  text: string;
  training: string;
  /** The last tenth. */
  validation: string;
}

/** Loads the book that comes with the package. */
export function loadBook(): Book {
  const text = new TextDecoder().decode(readSample('moby-dick/moby-dick.txt'));
  const cut = Math.floor(text.length * 0.9);
  return { text, training: text.slice(0, cut), validation: text.slice(cut) };
}

/** Results of a run: losses by step, and generated texts. */
export interface Run {
  gpt: GPT;
  losses: number[];
  validation: [step: number, loss: number][];
  written: { step: number; text: string }[];
  seconds: number;
}

/** Trains on the book, validates and generates on the way. */
export async function trainGpt(book: Book, { full, seed, terminal }: SectionContext): Promise<Run> {
  manualSeed(seed);
  const gpt = new GPT(book.text, full ? FULL : SMALL);
  const { steps, learningRate } = full ? LONG : QUICK;
  const part = book.validation.slice(0, VALIDATION_LENGTH);
  const losses: number[] = [];
  const validation: Run['validation'] = [];
  const written: Run['written'] = [];
  const look = (step: number): void => {
    if (step % Math.floor(steps / VALIDATIONS) === 0) validation.push([step, gpt.evaluate(part)]);
    if (EARLY.includes(step)) written.push({ step, text: write(gpt, 120) });
    gpt.train();
  };
  const { batchSize: batch } = gpt.defaults;
  const unit = { name: 'characters', perStep: batch * gpt.config.context };
  const progress = terminal.progress('gpt', steps, { unit });
  const started = performance.now();
  look(0);
  for await (const { step, loss } of train(gpt, book.training, { steps, learningRate, seed })) {
    losses.push(loss);
    look(step);
    await progress.step(step, loss);
  }
  progress.end();
  const seconds = (performance.now() - started) / 1000;
  written.push({ step: steps, text: write(gpt, 400) });
  return { gpt, losses, validation, written, seconds };
}

function write(gpt: GPT, length: number): string {
  return PROMPT + gpt.generate(PROMPT, { maxNewTokens: length, temperature: 0.8, seed: 1 });
}

/** Returns the most probable next characters after a prompt, with their probabilities. */
export function nextCharacters(gpt: GPT, prompt: string, count: number): [string, number][] {
  const ids = gpt.tokenizer.encode(prompt);
  const probabilities = tidy(() =>
    noGrad(() => softmax(slice(gpt.forward(ids), 1, ids.length - 1)).toArray()),
  );
  const ranked = Array.from(probabilities, (p, id) => [gpt.tokenizer.decode([id]), p] as const);
  ranked.sort((a, b) => b[1] - a[1]);
  return ranked.slice(0, count).map(([character, p]) => [character, p]);
}

/**
 * Computes the loss in nats per character of bigram counts: each character's probability after the one before it, as
 * often as the training text has the pair, and once more.
 */
export function bigramLoss({ text, training, validation }: Book): number {
  const tokenizer = CharacterTokenizer.fromText(text);
  const { size } = tokenizer;
  const pairs = (part: string, start: number): Float32Array => {
    const counts = new Float32Array(size * size).fill(start);
    const ids = tokenizer.encode(part);
    for (let i = 1; i < ids.length; i++) {
      const pair = (ids[i - 1] as number) * size + (ids[i] as number);
      counts[pair] = (counts[pair] as number) + 1;
    }
    return counts;
  };
  const seen = pairs(training, 1);
  for (let row = 0; row < size; row++) {
    const ofRow = seen.subarray(row * size, (row + 1) * size);
    const total = ofRow.reduce((all, value) => all + value, 0);
    ofRow.forEach((value, i) => {
      ofRow[i] = value / total;
    });
  }
  const held = pairs(validation, 0);
  const nats = tidy(() => sum(mul(log(tensor(seen)), tensor(held))).item());
  return -nats / held.reduce((all, value) => all + value, 0);
}
