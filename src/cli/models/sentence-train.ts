/** Sentence encoders on the command line: training on pairs, scores, labels, texts or a teacher. */

import { createHash } from 'node:crypto';
import { loadEnglish } from '../../english.js';
import type { Matrix } from '../../index.js';
import {
  type Files,
  loadSentenceEncoder,
  type SentenceData,
  SentenceEncoder,
  type SentenceTrainOptions,
  saveSentenceEncoder,
  selectRows,
  type TrainOptions,
  type TrainStep,
} from '../../models/index.js';
import { sentenceLoss, sentenceTrainDefaults } from '../../models/sentence/training/trainer.js';
import { InputError } from '../../terminal/errors.js';
import type { Terminal } from '../../terminal/progress.js';
import { readEncoderFolder } from '../input/encoder-folder.js';
import type { ColumnNames } from '../input/example-columns.js';
import { type Examples, type ReadExamples, readExamples } from '../input/examples.js';
import { rangeOf } from '../input/scores.js';
import { type Curves, sentenceReport } from '../output/sentence-report.js';
import type { Metrics, ModelDeclaration, OpenedModel, TrainingSetup, TrainLoop } from './model.js';
import { type Settings, TRAINING } from './options.js';
import {
  Evaluation,
  evaluationTask,
  FIGURES,
  gainOf,
  MAX_DOCUMENTS,
  outcomeOf,
  type Score,
  sizeOf,
  type TaskRows,
  teacherTask,
} from './sentence-evaluation.js';
import { SENTENCE_OPTIONS } from './sentence-options.js';
import { encodeTexts, KnownRows } from './sentence-rows.js';
import { selectExamples, splitExamples } from './sentence-split.js';
import { EncoderState, LORA_ALPHA } from './sentence-state.js';
import { checkWidth, readTeacher } from './sentence-teacher.js';

/** Examples of a run. */
interface SentenceInput extends ReadExamples {
  path: string;
  teacher: Matrix | undefined;
}

/** Losses by the kind of data. */
const LOSSES = { pairs: 'info-nce', scores: 'cosent', labels: 'supcon', texts: 'parts' } as const;

type Dtype = 'float32' | 'float16' | 'int8';

/** Takes the examples as the loss wants them, and says what that leaves out. */
function forLoss(
  examples: Examples,
  loss: string | undefined,
  path: string,
): { examples: Examples; note?: string } {
  const own = LOSSES[examples.kind];
  if (loss === undefined || loss === own) return { examples };
  if (loss === 'info-nce' && examples.kind === 'scores') {
    const [low, high] = rangeOf(examples.scores);
    const kept = examples.pairs.filter((_, i) => (examples.scores[i] as number) > (low + high) / 2);
    return {
      examples: { kind: 'pairs', pairs: kept, negatives: kept.map(() => []) },
      note: `--loss info-nce: ${kept.length} pairs with scores above ${(low + high) / 2} belong together, the others are left out`,
    };
  }
  if (loss === 'parts' && examples.kind === 'labels')
    return {
      examples: { kind: 'texts', texts: examples.texts },
      note: '--loss parts: labels are left out',
    };
  throw new InputError(`--loss ${loss}: ${path} holds ${examples.kind}, whose loss is ${own}`);
}

function read(path: string, settings: Settings): SentenceInput {
  const { anchor, positive, negative, score, text, label, loss, teacher: file } = settings;
  const names = { anchor, positive, negative, score, text, label } as Record<string, string>;
  const found = readExamples(path, names);
  const { examples, note } = forLoss(found.examples, loss as string | undefined, path);
  const notes = note === undefined ? found.notes : [...found.notes, note];
  if (file === undefined) return { ...found, notes, path, examples, teacher: undefined };
  if (!('texts' in examples)) {
    throw new InputError(`--teacher is for a file of texts, and ${path} holds ${examples.kind}`);
  }
  if (loss !== undefined) {
    throw new InputError(
      `--loss ${loss}: with --teacher its rows are learned, by a loss of their own`,
    );
  }
  const taught = readTeacher(file as string, path, found, examples.texts);
  return { ...found, ...taught, path };
}

/** All texts of examples. */
function textsOf(examples: Examples): string[] {
  if (!('pairs' in examples)) return examples.texts;
  const negatives = examples.kind === 'pairs' ? examples.negatives.flat() : [];
  return [...examples.pairs.flat(), ...negatives];
}

/** Value of `--from` for the encoder in the package. */
const ENGLISH = 'english';

/** Folder of the encoder to begin with, or `ENGLISH`; undefined for a new one. */
function startOf({ teacher }: SentenceInput, settings: Settings): string | undefined {
  const { from, kind, width } = settings as { from?: string; kind?: string; width?: number };
  if (from !== undefined) return from;
  const isNew = kind !== undefined || width !== undefined || teacher !== undefined;
  return isNew ? undefined : ENGLISH;
}

/** Hash of the files of the encoder that a run begins with; undefined for the one in the package. */
function hashFolder(from: string): string | undefined {
  if (from === ENGLISH) return undefined;
  const hash = createHash('sha256');
  for (const [path, bytes] of readEncoderFolder(from)) hash.update(path).update(bytes);
  return hash.digest('hex');
}

async function makeEncoder(
  training: Examples,
  input: SentenceInput,
  settings: Settings,
): Promise<SentenceEncoder> {
  const { kind, width, seed } = settings;
  const from = startOf(input, settings);
  if (from !== undefined) {
    const encoder =
      from === ENGLISH ? await loadEnglish() : loadSentenceEncoder(readEncoderFolder(from));
    if (kind !== undefined && kind !== encoder.kind) {
      throw new InputError(`--kind ${kind}: the encoder in ${from} is ${encoder.kind}`);
    }
    if (width !== undefined && width !== encoder.width) {
      throw new InputError(`--width ${width}: the rows of ${from} have ${encoder.width} columns`);
    }
    return encoder;
  }
  const columns = (width as number | undefined) ?? input.teacher?.cols;
  return new SentenceEncoder(textsOf(training), {
    ...(kind !== undefined && { kind: kind as 'static' | 'bert' }),
    ...(columns !== undefined && { width: columns }),
    ...(seed !== undefined && { seed: seed as number }),
  });
}

function dataOf(examples: Examples, teacher: Matrix | undefined): SentenceData {
  if (teacher !== undefined && 'texts' in examples) {
    return { texts: examples.texts, embeddings: teacher };
  }
  switch (examples.kind) {
    case 'pairs': {
      const { pairs, negatives } = examples;
      return negatives.some((list) => list.length > 0) ? { pairs, negatives } : { pairs };
    }
    case 'scores':
      return { pairs: examples.pairs, scores: examples.scores };
    case 'labels':
      return { texts: examples.texts, labels: examples.labels };
    default:
      return { texts: examples.texts };
  }
}

const capital = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

/** Texts that are encoded to measure an encoder: a transformer takes a second for some tens of them. */
const LIMITS = {
  static: {
    validation: Number.POSITIVE_INFINITY,
    test: Number.POSITIVE_INFINITY,
    validationDocuments: MAX_DOCUMENTS,
    testDocuments: MAX_DOCUMENTS,
  },
  bert: { validation: 200, test: 500, validationDocuments: 200, testDocuments: 1000 },
} as const;

/** Takes at most so many of a list, evenly. */
function spread(list: readonly number[], max: number): readonly number[] {
  if (list.length <= max) return list;
  return Array.from({ length: max }, (_, i) => list[Math.floor((i * list.length) / max)] as number);
}

async function create(
  input: SentenceInput,
  settings: Settings,
  terminal: Terminal,
): Promise<TrainingSetup> {
  const { examples, teacher } = input;
  const split = splitExamples(examples);
  if (split === undefined) {
    throw new InputError(
      `${input.path}: has too few examples without common texts to hold a part out`,
    );
  }
  const training = selectExamples(examples, split.training);
  const encoder = await makeEncoder(training, input, settings);
  const { from } = settings as { from?: string };
  const teacherRows = (rows: readonly number[]) => teacher && selectRows(teacher, rows);
  const data = dataOf(training, teacherRows(split.training));
  const kind = teacher === undefined ? examples.kind : 'embeddings';
  checkWidth(settings.teacher, teacher, encoder);
  const rank = settings.lora as number | undefined;
  if (rank !== undefined && encoder.kind === 'static') {
    throw new InputError('--lora is for BERT-like encoders, and this one is static');
  }
  const { network } = encoder.parts;
  const widest = network.kind === 'bert' ? network.encoder.config.width : 0;
  if (rank !== undefined && rank > widest) {
    throw new InputError(`--lora must be at most ${widest}, the width of the encoder, got ${rank}`);
  }
  if (settings.batchSize === 1) {
    throw new InputError(
      '--batch-size must be at least 2, as the examples of a batch are compared',
    );
  }
  const lora = rank === undefined ? undefined : { rank, alpha: LORA_ALPHA };
  const defaults = sentenceTrainDefaults(encoder, kind, split.training.length, lora);
  const state = new EncoderState(encoder, defaults, rank);
  const limits = LIMITS[encoder.kind];
  const chosen = spread(split.validation, limits.validation);
  const measured = spread(split.test, limits.test);
  const validationData = dataOf(selectExamples(examples, chosen), teacherRows(chosen));
  const { temperature } = settings as { temperature?: number };
  const taskOf = (own: readonly number[], maxDocuments: number): Evaluation =>
    new Evaluation(
      teacher !== undefined && 'texts' in examples
        ? teacherTask(examples.texts, own, teacher)
        : evaluationTask(examples, own, split.training, maxDocuments),
    );
  const validation = taskOf(chosen, limits.validationDocuments);
  const test = taskOf(measured, limits.testDocuments);
  const encode = (name: string, by: SentenceEncoder, texts: readonly string[]) =>
    encodeTexts(by, texts, { name, promptName: undefined, dimensions: undefined }, terminal);
  const validationTexts = textsOf(selectExamples(examples, chosen));
  /** Encodes the texts of the validation's loss and others, each once. */
  const encodeValidation = async (by: SentenceEncoder, others: readonly string[]) => {
    const texts = [...new Set([...others, ...validationTexts])];
    return new KnownRows(by, texts, await encode('validate', by, texts));
  };
  /** Loss on the validation part, where there is anything to compare. */
  const validationLoss = (known: KnownRows): { valLoss?: number } => {
    const valLoss = sentenceLoss(known, validationData, { temperature });
    return valLoss === undefined ? {} : { valLoss };
  };
  const figure = FIGURES[test.task.kind];
  const rowsBefore = test.taskRows(encoder, await encode('test', encoder, test.texts));
  const start = test.measure(rowsBefore);
  const words = test.measureWords();
  /** The best model and its rows, for metrics and summary. */
  let best: { files: Files; rows: TaskRows; loss: { valLoss?: number } } | undefined;
  const measureBest = async (files: Files) => {
    if (best?.files === files) return best;
    const by = loadSentenceEncoder(files);
    const rows = test.taskRows(by, await encode('test', by, test.texts));
    best = { files, rows, loss: validationLoss(await encodeValidation(by, [])) };
    by.dispose();
    return best;
  };
  const curves: Curves = { losses: [], figures: [], figure };
  let step = 0;
  let shown = '';
  const notes = [
    ...input.notes,
    `${split.training.length} of the examples are trained on, ${chosen.length} choose the best step, ` +
      `${measured.length} measure it`,
    ...(split.note === undefined ? [] : [split.note]),
  ];
  return {
    model: state,
    ...(from !== undefined && { base: hashFolder(from) }),
    training: data,
    samples: split.training.length,
    notes,
    unit: { name: 'examples', perStep: (batchSize) => batchSize },
    async *run(options: TrainOptions, loop: TrainLoop): AsyncGenerator<TrainStep, void, void> {
      const all: SentenceTrainOptions = {
        ...state.defaults,
        ...(lora !== undefined && { lora }),
        ...(temperature !== undefined && { temperature }),
        ...options,
      };
      for await (const done of loop(state.encoder, data, all)) {
        step = done.step;
        curves.losses.push([step, done.loss]);
        yield done;
      }
    },
    async evaluate() {
      const by = state.encoder;
      const known = await encodeValidation(by, validation.texts);
      const rows = validation.taskRows(by, known.encode(validation.texts));
      const value = validation.measure(rows).value;
      curves.figures.push([step, value]);
      shown = validation.sample(rows);
      return { ...validationLoss(known), [figure]: value };
    },
    criterion: figure,
    sample: () => shown,
    files() {
      const merged = saveSentenceEncoder(state.encoder, dtypeOf(settings));
      if (lora === undefined) return merged;
      const adapter = saveSentenceEncoder(state.encoder, { adapter: true });
      return new Map([
        ...merged,
        ...[...adapter].map(([path, bytes]) => [`adapter/${path}`, bytes] as const),
      ]);
    },
    async metricsOf(files) {
      const { rows, loss } = await measureBest(files);
      return { ...loss, ...metricsOf(test, rows, start, words) };
    },
    async summarize(files) {
      const { rows } = await measureBest(files);
      const begin = startOf(input, settings);
      const summary = summarize({ test, rows, start, words, begin });
      const html = sentenceReport({
        ...{ evaluation: test, before: rowsBefore, after: rows, curves },
        ...{ table: summary.table, notes, outcome: summary.lines },
      });
      return { ...summary, files: new Map([['report.html', new TextEncoder().encode(html)]]) };
    },
  };
}

function dtypeOf({ dtype }: Settings): { dtype?: Dtype } {
  return dtype === undefined ? {} : { dtype: dtype as Dtype };
}

function metricsOf(
  test: Evaluation,
  rows: TaskRows,
  start: Score,
  words: Score | undefined,
): Record<string, number> {
  const figure = FIGURES[test.task.kind];
  const hybrid = test.measureHybrid(rows)?.value;
  return {
    [figure]: test.measure(rows).value,
    [`start${capital(figure)}`]: start.value,
    ...(words !== undefined && { [`bm25${capital(figure)}`]: words.value }),
    ...(hybrid !== undefined && { [`hybrid${capital(figure)}`]: hybrid }),
    ...test.further(rows),
    samples: sizeOf(test.task),
  };
}

/** A trained encoder, and the scores that it is compared with. */
interface Outcome {
  test: Evaluation;
  /** Rows of the trained encoder. */
  rows: TaskRows;
  start: Score;
  words: Score | undefined;
  /** Encoder that the run began with, if it was not a new one. */
  begin: string | undefined;
}

/** Names of the figures for people. */
const TITLES = {
  search: 'MRR@10',
  scores: 'Spearman',
  labels: 'accuracy (k-NN)',
  teacher: 'MRR@10',
};

const titleOfStart = (begin: string): string =>
  begin === ENGLISH ? 'the English encoder' : `${begin} as it is`;

function summarize({ test, rows: encoded, start, words, begin }: Outcome) {
  const title = TITLES[test.task.kind];
  const trained = test.measure(encoded);
  const hybrid = test.measureHybrid(encoded);
  const baselines: [string, Score][] = [
    ...(words === undefined ? [] : [['BM25', words] as [string, Score]]),
    [begin === undefined ? 'untrained' : titleOfStart(begin), start],
  ];
  const [name, strongest] = baselines.reduce((a, b) => (b[1].value > a[1].value ? b : a));
  const gain = gainOf(strongest, trained);
  const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
  const row = (label: string, score: Score): string[] => {
    const { difference, interval } = gainOf(score, trained);
    const isTrained = score === trained;
    return [
      label,
      score.value.toFixed(3),
      isTrained ? '' : signed(difference),
      isTrained ? '' : `${signed(interval[0])} to ${signed(interval[1])}`,
    ];
  };
  const rows = [
    ...baselines.map(([label, score]) => row(label, score)),
    row('trained', trained),
    ...(hybrid === undefined ? [] : [row('trained, with BM25', hybrid)]),
  ];
  const count = `${sizeOf(test.task)} held-out ${test.task.kind === 'search' ? 'queries' : 'examples'}`;
  const range = `${signed(gain.difference)} (${signed(gain.interval[0])} to ${signed(gain.interval[1])})`;
  // Training does not make the encoder worse where BM25 finds more than it did before, too.
  const said =
    strongest === words && gain.verdict === 'no gain' && gain.interval[1] < 0
      ? 'BM25 alone is better'
      : outcomeOf(gain, 'training');
  const outcome = `${said}: ${title} ${range} against ${name} on ${count}`;
  const useHybrid =
    hybrid !== undefined && hybrid.value > Math.max(trained.value, strongest.value)
      ? ['together with BM25 (nearfar search --hybrid) it finds more than alone']
      : [];
  return {
    verdict: gain.verdict,
    facts: {
      ...{ verdict: gain.verdict, against: name, gain: gain.difference },
      ...{ low: gain.interval[0], high: gain.interval[1] },
    },
    table: { head: ['', title, 'trained − this', '95 % interval'], rows },
    lines: [outcome, ...useHybrid] as const,
  };
}

/** Metrics of an encoder on the examples of a file. */
async function evaluateFile(
  encoder: SentenceEncoder,
  path: string,
  terminal: Terminal,
  columns: ColumnNames | undefined,
): Promise<Metrics> {
  const { examples, notes } = readExamples(path, columns);
  for (const note of notes) terminal.note(note);
  const all = (
    examples.kind === 'pairs' || examples.kind === 'scores' ? examples.pairs : examples.texts
  ).map((_, i) => i);
  // Labels of even rows are known, those of odd ones are to be found.
  const isLabels = examples.kind === 'labels';
  const own = isLabels ? all.filter((i) => i % 2 === 1) : all;
  const known = isLabels ? all.filter((i) => i % 2 === 0) : all;
  const test = new Evaluation(evaluationTask(examples, own, known, MAX_DOCUMENTS));
  const words = test.measureWords();
  const figure = FIGURES[test.task.kind];
  const request = { name: 'encode', promptName: undefined, dimensions: undefined };
  const rows = test.taskRows(encoder, await encodeTexts(encoder, test.texts, request, terminal));
  const hybrid = test.measureHybrid(rows)?.value;
  return {
    [figure]: test.measure(rows).value,
    ...(words !== undefined && { [`bm25${capital(figure)}`]: words.value }),
    ...(hybrid !== undefined && { [`hybrid${capital(figure)}`]: hybrid }),
    ...test.further(rows),
    samples: sizeOf(test.task),
  };
}

/** Opens the folder of a sentence encoder for `eval`. */
export function openSentence(files: Files): OpenedModel {
  const encoder = loadSentenceEncoder(files);
  return {
    evaluate: (path, terminal, columns) => evaluateFile(encoder, path, terminal, columns),
  };
}

/** The sentence encoder. */
export const sentence: ModelDeclaration<SentenceInput> = {
  name: 'sentence',
  modelTypes: [],
  summary: 'a sentence encoder: texts of one meaning get near rows, for search',
  data: '.jsonl, .csv, .tsv or .json with columns such as anchor and positive (and negative), query and document, text1, text2 and score, text and label, or text alone',
  examples: [
    'nearfar train sentence --data faq.csv --out encoder',
    'nearfar train sentence --data pairs.jsonl --out encoder --kind static',
    'nearfar train sentence --data pairs.tsv --out encoder --anchor title --positive body',
    'nearfar train sentence --data pairs.csv --out encoder --from all-MiniLM-L6-v2 --lora 8',
    'nearfar train sentence --data texts.jsonl --out encoder --teacher rows.npy',
  ],
  options: [...TRAINING, ...SENTENCE_OPTIONS],
  defaults: () => ({
    seed: 0,
    steps: 'by the data',
    batchSize: '256 for a static encoder, more for many pairs; 32 for others',
    learningRate: 'by the encoder',
    loss: 'by the data',
    temperature: '0.05, or 0.1 for labels',
    width: '256, or 128 with --kind bert',
    dtype: 'float32',
  }),
  read,
  create,
  open: openSentence,
};
