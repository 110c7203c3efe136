"""Writes fixtures/static-training/steps.json: some steps of PyTorch on a small static encoder, a loss of each kind of data.

    VENV/bin/python test/golden/static_training.py       the environment is that of sentence.py

The table is an `EmbeddingBag(mode='mean', sparse=True)` trained by `SparseAdam` in float64 with a learning rate that falls linearly to 0; a loss
is the mean of that of all columns and of the first ones. Each case is `{ "name", "data", "options", "losses", "table" }`, and all of them share
`"words"` and the first `"table"`.
"""

import json
import os
import random
import sys
from pathlib import Path

sys.dont_write_bytecode = True
os.environ.update(OMP_NUM_THREADS='1')

import torch
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(1)
random.seed(1)

WORDS = [f'w{i}' for i in range(30)]
WIDTH = 8
PREFIX = 4
STEPS = 6
LEARNING_RATE = 0.02
EPS = 1e-3
TABLE = torch.randn(len(WORDS), WIDTH).float()


def text():
    return ' '.join(random.choice(WORDS) for _ in range(random.randint(1, 6)))


def embed(table, texts):
    lists = [[WORDS.index(word) for word in each.split()] for each in texts]
    ids = torch.tensor([i for each in lists for i in each])
    offsets = torch.tensor([0] + [len(each) for each in lists[:-1]]).cumsum(0)
    return F.embedding_bag(ids, table, offsets, mode='mean', sparse=True)


def info_nce(a, b, ids, negatives=None, temperature=0.05):
    """Symmetric; equal ids are never negatives of each other."""
    a, b = F.normalize(a, dim=1), F.normalize(b, dim=1)
    scores = a @ b.T / temperature
    other = ~torch.eye(len(ids), dtype=torch.bool)
    scores = scores.masked_fill((ids[:, None] == ids[None]) & other, -torch.inf)
    rows = scores if negatives is None else torch.cat([scores, a @ F.normalize(negatives, dim=1).T / temperature], 1)
    target = torch.arange(len(ids))
    return (F.cross_entropy(rows, target) + F.cross_entropy(scores.T, target)) / 2


def sup_con(z, labels, temperature=0.1):
    z = F.normalize(z, dim=1)
    scores = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    log = scores.log_softmax(1)
    same = (labels[:, None] == labels[None]) & ~torch.eye(len(z), dtype=torch.bool)
    counts = same.sum(1)
    means = -torch.where(same, log, 0).sum(1) / counts.clamp(min=1)
    return means[counts > 0].mean()


def co_sent(a, b, scores, temperature=0.05):
    cosines = F.cosine_similarity(a, b) / temperature
    differences = cosines[:, None] - cosines[None]
    lower = scores[:, None] < scores[None]
    return torch.cat([torch.zeros(1, dtype=differences.dtype), differences[lower]]).logsumexp(0)


def run(name, data, options, loss):
    table = torch.nn.Parameter(TABLE.double().clone())
    optimizer = torch.optim.SparseAdam([table], lr=LEARNING_RATE)
    losses = []
    for step in range(STEPS):
        # SparseAdam adds eps before the bias correction, Adam after it.
        optimizer.param_groups[0].update(lr=LEARNING_RATE * (1 - step / STEPS), eps=EPS * (1 - 0.999 ** (step + 1)) ** 0.5)
        optimizer.zero_grad()
        value = (loss(lambda texts: embed(table, texts)) + loss(lambda texts: embed(table, texts)[:, :PREFIX])) / 2
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return {'name': name, 'data': data, 'options': options, 'losses': losses, 'table': table.tolist()}


n = 12
pairs = [[text(), text()] for _ in range(n)]
texts = [text() for _ in range(n)]
ids = [i if i != 5 else 2 for i in range(n)]
negatives = [f'{text()} w{i}' for i in range(n)]
labels = [i % 4 for i in range(n)]
scores = [(i * 7 % 5) / 4 for i in range(n)]
teacher = torch.randn(n, WIDTH)


def side(k):
    return [pair[k] for pair in pairs]


plain = torch.arange(n)
cases = [
    run('pairs', {'pairs': pairs}, {}, lambda f: info_nce(f(side(0)), f(side(1)), plain)),
    run('ids', {'pairs': pairs, 'ids': ids}, {}, lambda f: info_nce(f(side(0)), f(side(1)), torch.tensor(ids))),
    run('negatives', {'pairs': pairs, 'negatives': negatives}, {'temperature': 0.1}, lambda f: info_nce(f(side(0)), f(side(1)), plain, f(negatives), 0.1)),
    run('labels', {'texts': texts, 'labels': labels}, {}, lambda f: sup_con(f(texts), torch.tensor(labels))),
    run('scores', {'pairs': pairs, 'scores': scores}, {}, lambda f: co_sent(f(side(0)), f(side(1)), torch.tensor(scores))),
    run('embeddings', {'texts': texts, 'embeddings': teacher.tolist()}, {}, lambda f: info_nce(f(texts), teacher.double()[:, : f(texts).shape[1]], plain)),
]
result = {'words': WORDS, 'width': WIDTH, 'prefix': PREFIX, 'steps': STEPS, 'learningRate': LEARNING_RATE, 'eps': EPS, 'table': TABLE.tolist(), 'cases': cases}
path = Path(__file__).resolve().parent / 'fixtures' / 'static-training' / 'steps.json'
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(result, separators=(',', ':')) + '\n')
print(path, path.stat().st_size)
