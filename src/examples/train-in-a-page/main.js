/** The page: pairs in, a training that does not freeze it, and the search before and after. */

import { Bm25, compareRankings, evaluateRankings, topK } from 'nearfar';
import { loadEnglish } from 'nearfar/english';
import { saveSentenceEncoder } from 'nearfar/models';
import { parsePairs, splitPairs, trainOnPairs } from './train.js';
import { zip } from './zip.js';

const K = 10;
/** Queries from which on a difference says something. */
const MIN_QUERIES = 30;
const element = (id) => document.getElementById(id);
const state = element('state');

/** Lets the page draw and answer between two pieces of work. */
const turn = () => new Promise((resolve) => setTimeout(resolve));

/** Encodes texts, with turns for the page in between. */
async function encode(encoder, texts) {
  const cols = encoder.width;
  const data = new Float32Array(texts.length * cols);
  for await (const { start, rows } of encoder.encodeStream(texts, { batchSize: 128 })) {
    data.set(rows.data, start * cols);
  }
  return { data, rows: texts.length, cols };
}

/** The search by an encoder: the texts nearest to a query, best first. */
async function searchBy(encoder, documents) {
  const corpus = await encode(encoder, documents);
  return async (queries) => topK(await encode(encoder, queries), corpus, K).indices;
}

/** Reciprocal rank of the first right document of each held-out query. */
async function reciprocalRanks(search, queries, relevant) {
  const indices = await search(queries);
  const width = indices.length / queries.length;
  const rankings = queries.map((_, q) => indices.subarray(q * width, (q + 1) * width));
  return evaluateRankings(rankings, relevant, { ks: [K], perQuery: true }).perQuery.mrrAt[K];
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const signed = (value) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;

function showScores(searches) {
  const trained = searches.at(-1).scores;
  element('scores').replaceChildren(
    ...searches.map(({ name, scores }) => {
      const row = document.createElement('tr');
      const { difference, interval } = compareRankings(scores, trained);
      const text =
        scores === trained
          ? ''
          : `${signed(difference)} (${signed(interval[0])} to ${signed(interval[1])})`;
      for (const cell of [name, mean(scores).toFixed(3), text]) {
        row.appendChild(document.createElement('td')).textContent = cell;
      }
      return row;
    }),
  );
  const [best] = searches.slice(0, -1).sort((a, b) => mean(b.scores) - mean(a.scores));
  const { interval } = compareRankings(best.scores, trained);
  element('verdict').textContent =
    trained.length < MIN_QUERIES
      ? `${trained.length} held-out queries are too few to tell whether training helps.`
      : interval[0] > 0
        ? `Training helps: better than ${best.name} on ${trained.length} held-out queries, whose texts were not trained on.`
        : `Training does not help on these ${trained.length} held-out queries: ${best.name} is as good.`;
}

/** Draws the loss of each step, from 0 at the bottom to the largest at the top. */
function drawLosses(losses) {
  const largest = Math.max(...losses);
  const points = losses.map((loss, i) => {
    const [x, y] = [(300 * i) / Math.max(1, losses.length - 1), 100 - (100 * loss) / largest];
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  element('losses').setAttribute('points', points.join(' '));
  element('caption').textContent =
    `Loss of ${losses.length} steps, from ${losses[0].toFixed(2)} to ${losses.at(-1).toFixed(2)}`;
}

/** Shows what each search finds. */
async function showFound(searches, documents, query) {
  const lists = await Promise.all(
    searches.map(async ({ name, search }) => {
      const column = document.createElement('div');
      column.appendChild(document.createElement('strong')).textContent = name;
      const list = column.appendChild(document.createElement('ol'));
      for (const index of (await search([query])).slice(0, 5)) {
        // No word of the query in any further document.
        if (index >= 0)
          list.appendChild(document.createElement('li')).textContent = documents[index];
      }
      return column;
    }),
  );
  element('found').replaceChildren(...lists);
}

function download(blob) {
  const link = document.createElement('a');
  link.download = 'encoder.zip';
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function run() {
  const pairs = parsePairs(element('pairs').value);
  if (pairs.length < 20) throw new Error(`at least 20 pairs are needed, these are ${pairs.length}`);
  const { training, heldOut } = splitPairs(pairs);
  if (training.length < 2) throw new Error('the pairs share their texts: none is left to train on');
  const documents = [...new Set(pairs.map(([, text]) => text))];
  const queries = [...new Set(heldOut.map(([query]) => query))];
  const relevant = queries.map((query) =>
    pairs.filter((pair) => pair[0] === query).map((pair) => documents.indexOf(pair[1])),
  );
  state.value = 'loading the English encoder';
  await turn();
  const before = await loadEnglish();
  await turn();
  const encoder = await loadEnglish();
  await turn();
  const words = new Bm25(documents);
  await turn();
  const losses = [];
  const started = performance.now();
  await trainOnPairs(encoder, training, (step, steps, loss) => {
    losses.push(loss);
    element('progress').value = step / steps;
    state.value = `step ${step} of ${steps}, loss ${loss.toFixed(3)}`;
  });
  const seconds = (performance.now() - started) / 1000;
  state.value = 'measuring the search';
  const searches = [
    { name: 'BM25', search: async (texts) => words.topK(texts, K).indices },
    { name: 'the English encoder', search: await searchBy(before, documents) },
    { name: 'trained on pairs', search: await searchBy(encoder, documents) },
  ];
  for (const each of searches) each.scores = await reciprocalRanks(each.search, queries, relevant);
  showScores(searches);
  drawLosses(losses);
  const query = element('query');
  query.oninput = () => query.value.trim() !== '' && showFound(searches, documents, query.value);
  query.value = queries[0];
  await showFound(searches, documents, query.value);
  element('download').onclick = () => download(zip(saveSentenceEncoder(encoder), 'encoder'));
  element('results').hidden = false;
  state.value = `trained on ${training.length} pairs in ${seconds.toFixed(1)} s`;
}

element('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  element('train').disabled = true;
  try {
    await run();
  } catch (error) {
    state.value = `${error.message ?? error}`;
  } finally {
    element('train').disabled = false;
  }
});

/** Operations of GitHub's API with their documentation, and messages of TypeScript in two languages. */
element('example').addEventListener('click', async () => {
  const files = ['github', 'typescript'].map((name) => `../../samples/sentences/${name}.jsonl`);
  const texts = await Promise.all(files.map(async (file) => (await fetch(file)).text()));
  const lines = texts
    .join('')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  element('pairs').value = lines
    .slice(0, 2000)
    .map(({ query, document: text }) => `${query}\t${text}`)
    .join('\n');
});
