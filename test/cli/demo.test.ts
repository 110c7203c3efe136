/**
 * The demo: NumPy's numbers through the public API, and the whole command as an installed
 * package runs it, with no other package near.
 */

import { cpSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  evaluateRankings,
  knnClassify,
  linearProbe,
  ntXent,
  pca,
  toMatrix,
  topK,
  tripletUpdate,
} from 'nearfar';
import { loadEnglish } from 'nearfar/english';
import { train } from 'nearfar/models';
import { labelPropagation } from '../../bench/studies/few-images/propagate.js';
import { METHODS } from '../../bench/studies/few-labels/study.js';
import recorded from '../../src/cli/demo/experiment.json' with { type: 'json' };
import { verdict } from '../../src/cli/demo/few-labels-verdict.js';
import { loadPairs, PROGRAM } from '../../src/cli/demo/pairs.js';
import { check, close, same, suite } from '../harness.js';
import { events, folder, run } from './program.js';

const test = suite('cli demo');

const sample = (path: string): Buffer => readFileSync(`dist/samples/${path}`);

const { learningRate, margin, temperature, triplets } = recorded;

function start() {
  return { data: Float32Array.from(recorded.initial), rows: 24, cols: 32 };
}

test('losses and embeddings are NumPy’s', () => {
  const embeddings = start();
  const losses = tripletUpdate(embeddings, triplets, { rule: 'anchor', learningRate, margin });
  close(losses, recorded.losses, { atol: 1e-5, what: 'losses' });
  close(embeddings.data, recorded.final, { atol: 1e-5, what: 'final embeddings' });
});

test('NT-Xent before and after is NumPy’s', () => {
  const embeddings = start();
  close(ntXent(embeddings, { temperature }), recorded.ntXentInitial, {
    atol: 1e-6,
    what: 'before',
  });
  tripletUpdate(embeddings, triplets, { learningRate, margin });
  close(ntXent(embeddings, { temperature }), recorded.ntXentFinal, { atol: 1e-6, what: 'after' });
});

test('PCA is NumPy’s up to signs', () => {
  const embeddings = start();
  tripletUpdate(embeddings, triplets, { learningRate, margin });
  const { projected, explainedVariance } = pca(embeddings, { components: 2 });
  const { singularValues } = recorded;
  close(
    explainedVariance,
    singularValues.slice(0, 2).map((value) => (value * value) / 23),
    { rtol: 1e-5, what: 'variances' },
  );
  for (const axis of [0, 1]) {
    const along = (values: ArrayLike<number>): number[] =>
      Array.from({ length: 24 }, (_, row) => values[2 * row + axis] as number);
    const expected = along(recorded.pca);
    const got = along(projected.data);
    const agreement = expected.reduce((sum, value, row) => sum + value * (got[row] as number), 0);
    const sign = agreement < 0 ? -1 : 1;
    close(
      got,
      expected.map((value) => sign * value),
      { atol: 1e-4, what: `direction ${axis + 1}` },
    );
  }
});

/** Metrics of a section, by name. */
type Metrics = Record<string, number>;

type Done = Record<
  'bert' | 'gpt' | 'experiment' | 'simclr' | 'clip' | 'mae' | 'few-labels' | 'sentences',
  Metrics
> & { report: string };

/** Sections that train a network step by step, and the least number of steps. */
const TRAINED = { simclr: 100, clip: 20 };
/** All sections but the experiment. */
const OTHERS = ['bert', 'gpt', 'simclr', 'clip', 'mae', 'few-labels', 'sentences'];

/** Names and times of all files below a folder. */
function snapshot(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((file) => `${file} ${statSync(join(path, file)).mtimeMs}`);
}

test('the whole demo from a copy of the package alone', async () => {
  const home = folder();
  const installed = join(home, 'package');
  const cwd = join(home, 'elsewhere');
  mkdirSync(installed);
  mkdirSync(cwd);
  cpSync('dist', join(installed, 'dist'), { recursive: true });
  cpSync('package.json', join(installed, 'package.json'));
  const before = snapshot(installed);
  const program = join(installed, 'dist/cli.js');
  const { status, stdout, stderr } = await run(cwd, ['demo', '--json', '--out', 'made/here'], {
    program,
  });
  same([status, stderr], [0, '']);
  same(snapshot(installed), before, 'files of the package');

  const lines = events(stdout);
  for (const [name, least] of Object.entries(TRAINED)) {
    const losses = lines
      .filter(({ event, section }) => event === 'step' && section === name)
      .map(({ loss }) => loss as number);
    check(losses.length >= least, `${name}: ${losses.length} steps`);
    const [first, last] = [losses[0] as number, losses.at(-1) as number];
    check(last < 0.9 * first, `${name}: loss ${first} to ${last}`);
  }
  const done = lines.at(-1) as unknown as Done & { event: string };
  const { event, bert, gpt, experiment, sentences, simclr, clip, mae, report } = done;
  const labels = done['few-labels'];
  same(event, 'done');
  const named = (bert.maskedAccuracy as number) - (bert.mostFrequentAccuracy as number);
  check(named > 0, `BERT: ${named} better than the most frequent token`);
  const better = (gpt.bigramLoss as number) - (gpt.valLoss as number);
  check(better > 0.2, `GPT: only ${better} nats better than counting pairs`);
  // By triplets, one of the 24 points may still be nearest to another class.
  check((experiment.tripletNeighbors as number) > 22.5 / 24, `${experiment.tripletNeighbors}`);
  same(experiment.ntXentNeighbors, 1, 'classes by NT-Xent');
  check((experiment.anchorRuleNeighbors as number) < 0.5, 'the anchor rule separates, too');
  const { gainLow = 0, languagesMrrAt10 = 0, languagesBm25MrrAt10 = 1 } = sentences;
  check(gainLow > 0, `training on pairs: the interval of the gain begins at ${gainLow}`);
  check(languagesMrrAt10 > 3 * languagesBm25MrrAt10, `languages: ${languagesMrrAt10}`);
  const { probeAccuracyFewLabels: few = 0, probeAccuracyFewLabelsPixels: pixels = 1 } = simclr;
  check(few > pixels + 0.08, `few labels: ${few}, pixels ${pixels}`);
  same(simclr.collapsed, 0, 'collapsed');
  const { reconstructionLoss: made = 1, interpolationLoss: between = 0, meanFillLoss: mean } = mae;
  check(
    made < 0.8 * between && between < (mean as number),
    `made up ${made}, interpolated ${between}`,
  );
  const { probeAccuracyFewLabels: probe = 0, probeAccuracyFewLabelsUntrained: fresh = 1 } = mae;
  check(probe > fresh + 0.1, `MAE with few labels: ${fresh} to ${probe}`);

  check((gpt.valLoss as number) < 1.85, `GPT: ${gpt.valLoss} nats per character`);
  const { recallAt1 = 0, fineTunedRecallAt1Before: drawn = 1, fineTunedRecallAt1 = 0 } = clip;
  check(recallAt1 > 0.3, `names of images: ${recallAt1}`);
  check(fineTunedRecallAt1 > drawn, `after fine-tuning: ${drawn} to ${fineTunedRecallAt1}`);
  const { fineTuned = 0, fromScratch = 1, bagOfWords = 1 } = labels;
  const baseline = Math.max(fromScratch, bagOfWords);
  check(fineTuned > baseline, `few labels: ${fineTuned}, ${fromScratch}, ${bagOfWords}`);

  same(report, join(cwd, 'made/here/index.html'));
  checkReport(readFileSync(report, 'utf8'));
});

test('sections that run at once, on a thread each, give what they give one after the other', async () => {
  const metrics = async (threads: string): Promise<unknown> => {
    const args = ['demo', 'experiment', 'gpt', '--json', '--threads', threads, '--out', 'made'];
    const { status, stdout, stderr } = await run(folder(), args);
    same([status, stderr], [0, '']);
    const lines = events(stdout);
    const { experiment, gpt } = lines.at(-1) as unknown as Done;
    const evaluated = lines.filter(({ event }) => event === 'eval').map(({ section }) => section);
    return { experiment, gpt, evaluated: evaluated.sort() };
  };
  same(await metrics('2'), await metrics('1'));
});

test('the section on few labels compares the classifiers at each number of labels', () => {
  const means = [
    [0.88, 0.9, 0.61, 0.86],
    [0.92, 0.91, 0.53, 0.92],
  ];
  const counts = [8, 32];
  const results = METHODS.flatMap((method, m) =>
    counts.map((perClass, i) => {
      const mean = means[i]?.[m] as number;
      return { method, perClass, mean, std: 0, accuracies: [mean] };
    }),
  );
  const text = verdict({ results, counts, heldOut: 220 }).replaceAll('\u00A0', ' ');
  check(/With 8 labels .* frozen, .* reaches 90\.0 %/.test(text), text);
  check(/4\.0 points better than counted words \(86\.0 %\)\. With 32/.test(text), text);
  check(
    /With 32 labels .* fine-tuned, reaches 92\.0 %: .* as good as counted words/.test(text),
    text,
  );
});

test('propagated labels are those of the groups that rows form', () => {
  // Two rings of directions around opposite poles, and one label for each.
  const ring = (sign: number): number[][] =>
    Array.from({ length: 40 }, (_, i) => [sign, 0.2 * Math.cos(i), 0.2 * Math.sin(i)]);
  const train = toMatrix([...ring(1), ...ring(-1)]);
  const trainLabels = Array.from({ length: 80 }, (_, row) => Number(row >= 40));
  const data = { train, trainLabels, test: train, testLabels: trainLabels };
  const { probe, knn } = labelPropagation({ topK, linearProbe, knnClassify }, data);
  same([probe([3, 60]), knn([3, 60])], [1, 1]);
  // Labels the wrong way round spread the wrong way: nothing else is looked at.
  const wrong = { ...data, trainLabels: trainLabels.map((label) => 1 - label) };
  same(labelPropagation({ topK, linearProbe, knnClassify }, wrong).knn([3, 60]), 0);
});

test('held-out pairs of the sentences share no text with those to train on', () => {
  for (const name of ['github', 'typescript'] as const) {
    const { training, heldOut } = loadPairs(name, sample);
    const plain = (text: string): string => text.toLowerCase().replace(/\s+/g, ' ').trim();
    const seen = new Set(training.flat().map(plain));
    const shared = heldOut.flat().filter((text) => seen.has(plain(text)));
    same(shared, [], `${name}: texts on both sides`);
    const all = training.length + heldOut.length;
    check(heldOut.length > 0.15 * all && heldOut.length < 0.35 * all, `${name}: ${heldOut.length}`);
  }
});

test('the program that the section on sentences shows gives the numbers that it shows', async () => {
  const { training: pairs, heldOut } = loadPairs('github', sample);
  const queries = [...new Set(heldOut.map(([query]) => query))];
  const all = [...heldOut, ...pairs];
  const documents = [...new Set(all.map(([, document]) => document))];
  const relevant = queries.map((query) => [
    ...new Set(all.filter((pair) => pair[0] === query).map((pair) => documents.indexOf(pair[1]))),
  ]);
  const [imports = '', body = ''] = PROGRAM.split('\n\n');
  same(
    imports.match(/\{ \w+ \} from '[^']+'/g),
    [
      "{ topK } from 'nearfar'",
      "{ loadEnglish } from 'nearfar/english'",
      "{ train } from 'nearfar/models'",
    ],
    'imports',
  );
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  const names = ['topK', 'loadEnglish', 'train', 'pairs', 'queries', 'documents', 'console'];
  const program = AsyncFunction(...names, `${body}\nreturn indices;`);
  const lines: unknown[][] = [];
  const log = { log: (...values: unknown[]) => lines.push(values) };
  const indices: Int32Array = await program(
    ...[topK, loadEnglish, train, pairs, queries, documents, log],
  );
  const rankings = queries.map((_, q) => indices.subarray(10 * q, 10 * (q + 1)));
  const { mrrAt } = evaluateRankings(rankings, relevant, { ks: [10] });
  const { stdout } = await run(folder(), ['demo', 'sentences', '--json', '--out', 'made']);
  const { sentences } = events(stdout).at(-1) as unknown as Done;
  same(mrrAt[10], sentences.mrrAt10, 'MRR@10');
  same([lines.length, lines.at(-1)?.[0]], [5, queries[0]], 'what it prints');
});

/** A page that asks nothing of the network and says what its images show. */
function checkReport(html: string): void {
  for (const section of ['reading', 'experiment', ...OTHERS, 'about']) {
    check(html.includes(`<section id="${section}"`), `no section ${section}`);
  }
  const figures = html.match(/<figcaption>(?!<span class="origin)/g) ?? [];
  // Programs have no numbers.
  const programs = html.match(/<figure class="code">/g) ?? [];
  same(figures.length, programs.length, 'captions that do not say where numbers come from');
  check(
    !/<script|<link|@import|url\(|\b(?:src|href)="(?!data:|#)/.test(html),
    'not self-contained',
  );
  check(/prefers-color-scheme:dark/.test(html), 'no dark colors');
  // Images in base64 may spell anything.
  const words = html.replace(/data:image[^"]*/g, '');
  check(!/NaN|undefined|Infinity/.test(words), 'a number is missing');
  const images = html.match(/<(?:svg|img)\b[^>]*>/g) ?? [];
  check(images.length >= 10, `only ${images.length} images`);
  for (const image of images) {
    check(/ (?:alt|aria-label)="[^"]+"/.test(image), `no description: ${image.slice(0, 200)}`);
  }
}
