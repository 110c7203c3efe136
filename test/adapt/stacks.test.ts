/** The recipes of the documentation for other libraries, run against the real packages. */

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { toMatrix } from 'nearfar';
import { Adapter, fitAdapter } from 'nearfar/adapt';
import { close, same, suite } from '../harness.js';

const test = suite('stacks');

const FOLDER = new URL('./stacks/', import.meta.url);
const PAGE = new URL('../../src/docs/guides/adapters.md', import.meta.url);

/** Imports a named block of the page, in the folder in which the packages are installed. */
async function recipe(name: string): Promise<Record<string, unknown>> {
  const code = new RegExp(`\`\`\`js \\[${name}\\]\n([\\s\\S]*?)\`\`\``).exec(
    readFileSync(PAGE, 'utf8'),
  )?.[1];
  const file = new URL(`recipe-${name}`, FOLDER);
  writeFileSync(file, code ?? '');
  try {
    return await import(file.href);
  } finally {
    rmSync(file);
  }
}

/** An adapter of one row's width that changes queries alone. */
async function trained(): Promise<Adapter> {
  const adapter = new Adapter({ inputWidth: 3, side: 'query' });
  const queries = [
    [1, 0.2, 0],
    [0, 1, 0.3],
    [0.1, 0, 1],
  ];
  const data = {
    queries,
    documents: [...queries].reverse(),
    pairs: [
      [0, 0],
      [1, 1],
      [2, 2],
    ] as [number, number][],
  };
  for await (const { loss } of fitAdapter(adapter, data, { steps: 5, validation: 0 })) void loss;
  return adapter;
}

const rowOf = (text: string): number[] => [text.length, text.charCodeAt(0) / 100, 1];

if (!existsSync(new URL('node_modules', FOLDER)) && process.env.CI !== 'true') {
  test.skip('recipes for other libraries', 'npm ci --prefix test/adapt/stacks installs them');
} else {
  test('AI SDK: wrapEmbeddingModel', async () => {
    const adapter = await trained();
    const { adaptModel } = await recipe('ai-sdk.js');
    const { embed, embedMany } = await import(
      new URL('node_modules/ai/dist/index.mjs', FOLDER).href
    );
    const model = {
      ...{ specificationVersion: 'v3', provider: 'test', modelId: 'test' },
      ...{ maxEmbeddingsPerCall: 10, supportsParallelCalls: false },
      doEmbed: async ({ values }: { values: string[] }) => ({
        embeddings: values.map(rowOf),
        warnings: [],
      }),
    };
    const wrap = adaptModel as (model: object, adapter: Adapter, side?: string) => object;
    const { embedding } = await embed({ model: wrap(model, adapter), value: 'near' });
    close(embedding, adapter.apply(rowOf('near')).data);
    const { embeddings } = await embedMany({
      model: wrap(model, adapter, 'document'),
      values: ['a', 'b'],
    });
    same(embeddings.length, 2, 'documents');
    close(embeddings[1], Float32Array.from(rowOf('b')));
  });

  test('LangChain: Embeddings', async () => {
    const adapter = await trained();
    const { AdaptedEmbeddings } = await recipe('langchain.js');
    const base = {
      embedQuery: async (text: string) => rowOf(text),
      embedDocuments: async (texts: string[]) => texts.map(rowOf),
    };
    const made = new (AdaptedEmbeddings as new (...args: unknown[]) => typeof base)(base, adapter);
    close(await made.embedQuery('near'), adapter.apply(rowOf('near')).data);
    const documents = await made.embedDocuments(['far', 'away']);
    close(documents[1] as number[], Float32Array.from(rowOf('away')));
  });

  test('OpenAI and Ollama: what their clients return, as numbers and as base64', async () => {
    const adapter = await trained();
    const load = (path: string) => import(new URL(`node_modules/${path}`, FOLDER).href);
    const answer = (body: object) => async () =>
      new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } });
    const rows = ['near', 'far'].map(rowOf);
    const expected = adapter.apply(rows).data;
    const { default: OpenAI } = await load('openai/index.mjs');
    const base64 = (row: number[]): string =>
      Buffer.from(new Uint8Array(Float32Array.from(row).buffer)).toString('base64');
    for (const embeddingOf of [(row: number[]) => row, base64]) {
      // In another order than that of the inputs: `index` says which is which.
      const data = rows.map((row, index) => ({
        ...{ object: 'embedding', index },
        embedding: embeddingOf(row),
      }));
      const body = { object: 'list', model: 'test', data: data.reverse(), usage: {} };
      const client = new OpenAI({ apiKey: 'none', fetch: answer(body) });
      const request = { model: 'test', input: ['near', 'far'] };
      const format = embeddingOf === base64 ? {} : { encoding_format: 'float' };
      const response = await client.embeddings.create({ ...request, ...format });
      close(adapter.apply(toMatrix(response)).data, expected);
    }
    const { Ollama } = await load('ollama/dist/index.mjs');
    const ollama = new Ollama({ fetch: answer({ model: 'test', embeddings: rows }) });
    const response = await ollama.embed({ model: 'test', input: ['near', 'far'] });
    close(adapter.apply(toMatrix(response)).data, expected);
  });
}
