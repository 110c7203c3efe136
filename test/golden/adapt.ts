/**
 * Writes adapters as Dense modules, and has sentence-transformers load them and compare the rows:
 *
 *   npx tsx test/golden/adapt.ts VENV/bin/python
 *
 * The environment is that of sentence.py.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Adapter, type AdapterOptions, fitAdapter } from 'nearfar/adapt';

const SHAPES: Record<string, AdapterOptions> = {
  full: { inputWidth: 16 },
  'queries only': { inputWidth: 16, side: 'query' },
  'low rank with a bias': { inputWidth: 16, rank: 3, bias: true },
  narrow: { inputWidth: 16, outputWidth: 5 },
  'narrow low rank': { inputWidth: 16, outputWidth: 7, rank: 2 },
};

/** Numbers that look random. */
function rows(n: number, seed: number): number[][] {
  let state = seed;
  const next = (): number => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647 - 0.5;
  };
  return Array.from({ length: n }, () => Array.from({ length: 16 }, next));
}

const PYTHON = `
import json, sys, torch
from pathlib import Path
from sentence_transformers.sentence_transformer.modules import Dense
worst = 0
for folder in sorted(Path(sys.argv[1]).iterdir()):
    golden = json.loads((folder / 'rows.json').read_text())
    dense = Dense.load(str(folder))
    with torch.no_grad():
        y = dense({'sentence_embedding': torch.tensor(golden['x'])})['sentence_embedding']
    error = (y - torch.tensor(golden['y'])).abs().max().item()
    worst = max(worst, error)
    print(folder.name, tuple(y.shape), error)
sys.exit(0 if worst < 1e-5 else 1)
`;

const [python = 'python3'] = process.argv.slice(2);
const root = mkdtempSync(join(tmpdir(), 'nearfar-dense-'));
try {
  for (const [name, shape] of Object.entries(SHAPES)) {
    const adapter = new Adapter(shape);
    const [queries, documents] = [rows(40, 1), rows(40, 2)];
    const pairs = queries.map((_, i): [number, number] => [i, i]);
    const options = { steps: 20, learningRate: 0.02, validation: 0 };
    for await (const { loss } of fitAdapter(adapter, { queries, documents, pairs }, options)) {
      void loss;
    }
    const x = rows(9, 3);
    const { data, cols } = adapter.apply(x);
    mkdirSync(join(root, name));
    for (const [path, bytes] of adapter.toSentenceTransformers()) {
      writeFileSync(join(root, name, path), bytes);
    }
    const y = x.map((_, r) => [...data.subarray(r * cols, (r + 1) * cols)]);
    writeFileSync(join(root, name, 'rows.json'), JSON.stringify({ x, y }));
  }
  process.exitCode = spawnSync(python, ['-c', PYTHON, root], { stdio: 'inherit' }).status ?? 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
