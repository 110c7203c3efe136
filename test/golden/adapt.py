"""Writes fixtures/adapt/: steps of PyTorch on adapters of embeddings, and hard negatives of sentence-transformers.

    VENV/bin/python test/golden/adapt.py       the environment is that of sentence.py

steps.json: `{ "steps", "learningRate", "cases": [{ "name", "shape", "weights", "data", "options", "grads", "losses", "after" }] }`. `torch.optim.Adam`
in float64 over batches of all samples, its learning rate rising over 10 steps; `grads` are those of the first step, `after` the weights at the end.

hard-negatives.json: what `mine_hard_negatives` gives for rows of a stub of a model, `{ "queries", "corpus", "positives", "cases": [{ "options", "negatives" }] }`.
"""

import json
import os
import random
import sys
import types
from pathlib import Path

sys.dont_write_bytecode = True
os.environ.update(OMP_NUM_THREADS='1')

import torch
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(1)
STEPS = 5
LEARNING_RATE = 0.02
FOLDER = Path(__file__).resolve().parent / 'fixtures' / 'adapt'


def rows(n, d):
    return torch.randn(n, d).float()


def forward(w, x):
    base = x @ w['weight'] if 'weight' in w else x @ w['projection'] if 'projection' in w else x
    if 'down' in w:
        base = base + x @ w['down'] @ w['up']
    if 'hidden.weight' in w:
        base = base + torch.relu(x @ w['hidden.weight'] + w['hidden.bias']) @ w['output.weight']
    return base + w['bias'] if 'bias' in w else base


def info_nce(a, b, negatives=None, temperature=0.05, symmetric=True):
    a, b = F.normalize(a, dim=1), F.normalize(b, dim=1)
    scores = a @ b.T / temperature
    wide = scores if negatives is None else torch.cat([scores, a @ F.normalize(negatives, dim=1).T / temperature], 1)
    target = torch.arange(len(a))
    loss = F.cross_entropy(wide, target)
    return (loss + F.cross_entropy(scores.T, target)) / 2 if symmetric else loss


def sup_con(z, labels, temperature=0.05):
    z = F.normalize(z, dim=1)
    log = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf).log_softmax(1)
    same = (labels[:, None] == labels[None]) & ~torch.eye(len(z), dtype=torch.bool)
    return (-torch.where(same, log, 0).sum(1) / same.sum(1)).mean()


def co_sent(a, b, scores, temperature=0.05):
    cosines = F.cosine_similarity(a, b) / temperature
    lower = scores[:, None] < scores[None]
    return torch.cat([torch.zeros(1).double(), (cosines[:, None] - cosines[None])[lower]]).logsumexp(0)


def triplet(a, p, n, margin=0.2):
    return F.relu(margin + F.cosine_similarity(a, n) - F.cosine_similarity(a, p)).mean()


def case(name, shape, data, options, loss, prefixes=()):
    """`loss(parts)` of the adapted rows; `data['parts']` says which rows they are, and whether they are adapted."""
    i, o = shape['inputWidth'], shape['outputWidth']
    sizes = {}
    if 'rank' in shape:
        sizes = {'down': (i, shape['rank']), 'up': (shape['rank'], o)}
    elif 'hidden' in shape:
        sizes = {'hidden.weight': (i, shape['hidden']), 'hidden.bias': (shape['hidden'],), 'output.weight': (shape['hidden'], o)}
    else:
        sizes = {'weight': (i, o)}
    if shape.get('bias'):
        sizes['bias'] = (o,)
    start = {key: torch.randn(*size).float() / 2 for key, size in sizes.items()}
    fixed = {}
    if i != o and 'weight' not in sizes:
        fixed = {'projection': torch.randn(i, o).float() / 2}
    w = {key: torch.nn.Parameter(value.double()) for key, value in start.items()}
    optimizer = torch.optim.Adam(w.values(), lr=LEARNING_RATE)
    both = shape.get('side', 'both') == 'both'
    parts = data.pop('parts')
    losses, grads = [], None
    for step in range(STEPS):
        optimizer.param_groups[0]['lr'] = LEARNING_RATE * (step + 1) / 10
        optimizer.zero_grad()
        everything = {**w, **{key: value.double() for key, value in fixed.items()}}
        adapted = [forward(everything, x.double()) if k == 0 or both else x.double() for k, x in enumerate(parts)]
        widths = [*prefixes, o]
        value = sum(loss([x[:, :width] for x in adapted]) for width in widths) / len(widths)
        value.backward()
        if grads is None:
            grads = {key: p.grad.flatten().tolist() for key, p in w.items()}
        optimizer.step()
        losses.append(value.item())
    after = {key: p.detach().flatten().tolist() for key, p in w.items()}
    shapes = {key: list(value.shape) for key, value in {**start, **fixed}.items()}
    weights = {key: value.flatten().tolist() for key, value in {**start, **fixed}.items()}
    return {'name': name, 'shape': shape, 'shapes': shapes, 'weights': weights, 'data': data, 'options': options, 'grads': grads, 'losses': losses, 'after': after}


n, d = 7, 6
queries, documents = rows(n, d), rows(n + 3, d)
order = [3, 0, 9, 1, 5, 8, 2]


def pairs(**more):
    return {'queries': queries.tolist(), 'documents': documents.tolist(), 'pairs': [[i, order[i]] for i in range(n)], 'parts': [queries, documents[order]], **more}


z = rows(8, d)
labels = [0, 1, 2, 0, 1, 2, 2, 2]
triplets = [[0, 3, 1], [1, 4, 0], [2, 5, 3], [6, 7, 4]]
turned = list(zip(*triplets))
scores = [0.5, 0.1, 0.9, 0.5, 0.0, 0.3, 0.7]


def labeled():
    return {'embeddings': z.tolist(), 'labels': labels, 'parts': [z]}


def threes():
    return {'embeddings': z.tolist(), 'triplets': triplets, 'parts': [z[list(each)] for each in turned]}


def size(o=d, **more):
    return {'inputWidth': d, 'outputWidth': o, **more}


tensor_labels = torch.tensor(labels)
tensor_scores = torch.tensor(scores).double()
cases = [
    case('pairs', size(), pairs(), {}, lambda p: info_nce(*p)),
    case('queries only', size(side='query', bias=True), pairs(), {'temperature': 0.1, 'symmetric': False}, lambda p: info_nce(*p, temperature=0.1, symmetric=False)),
    case('narrow', size(4), pairs(), {}, lambda p: info_nce(*p)),
    case('low rank', size(rank=2), pairs(), {}, lambda p: info_nce(*p)),
    case('narrow low rank', size(5, rank=3, bias=True), pairs(), {}, lambda p: info_nce(*p)),
    case('hidden units', size(hidden=5, bias=True), pairs(), {}, lambda p: info_nce(*p)),
    case('narrow hidden units, queries and documents', size(3, hidden=9), pairs(), {}, lambda p: info_nce(*p)),
    case('matryoshka', size(), pairs(), {'matryoshka': [2, 3]}, lambda p: info_nce(*p), (2, 3)),
    case('matryoshka, queries only', size(side='query'), pairs(), {'matryoshka': [4]}, lambda p: info_nce(*p), (4,)),
    case('scores', size(), pairs(scores=scores), {}, lambda p: co_sent(*p, tensor_scores)),
    case('labels', size(), labeled(), {'temperature': 0.1}, lambda p: sup_con(p[0], tensor_labels, 0.1)),
    case('labels, low rank', size(rank=3), labeled(), {}, lambda p: sup_con(p[0], tensor_labels)),
    case('triplets', size(), threes(), {'margin': 0.9}, lambda p: triplet(*p, margin=0.9)),
    case('triplets with infoNce', size(side='query', hidden=4), threes(), {'loss': 'infoNce'}, lambda p: info_nce(*p)),
]
FOLDER.mkdir(exist_ok=True)
(FOLDER / 'steps.json').write_text(json.dumps({'steps': STEPS, 'learningRate': LEARNING_RATE, 'cases': cases}, separators=(',', ':')) + '\n')


class Table:
    """As much of a table of `datasets` and pandas as `mine_hard_negatives` uses."""

    def __init__(self, columns):
        self.columns = columns
        self.column_names = list(columns)

    def __getitem__(self, key):
        return self.columns[key]

    __len__ = lambda self: len(self.columns['anchor'])
    from_dict = classmethod(lambda cls, columns: cls(columns))
    to_pandas = groupby = count = lambda self, *_: self

    def to_dict(self):
        anchors = self.columns['anchor']
        return {'positive': {anchor: anchors.count(anchor) for anchor in anchors}}


from sentence_transformers.util import hard_negatives as mining

# Asked for as late as this, so that nothing else finds it.
module = types.ModuleType('datasets')
module.Dataset = Table
sys.modules['datasets'] = module
mining.is_datasets_available = lambda: True
count, total, width = 9, 40, 5
corpus = rows(total, width)
asked = rows(count, width)
# Nearer to what belongs to them than chance would have it.
belong = [[3 * i] for i in range(count)]
for i, (row,) in enumerate(belong):
    asked[i] += corpus[row]
vectors = {f'q{i}': asked[i] for i in range(count)} | {f'd{i}': corpus[i] for i in range(total)}


class Model:
    device = 'cpu'
    encode = encode_query = encode_document = lambda self, texts, **_: F.normalize(torch.stack([vectors[text] for text in texts]), dim=1).numpy()
    similarity = lambda self, a, b: torch.as_tensor(a) @ torch.as_tensor(b).T
    similarity_pairwise = lambda self, a, b: (torch.as_tensor(a) * torch.as_tensor(b)).sum(1)


def mine(**options):
    table = Table({'anchor': [f'q{i}' for i in range(count)], 'positive': [f'd{row}' for (row,) in belong]})
    names = {'k': 'num_negatives', 'margin': 'absolute_margin', 'relativeMargin': 'relative_margin', 'minScore': 'min_score', 'maxScore': 'max_score', 'rangeMin': 'range_min', 'rangeMax': 'range_max'}
    given = {names[key]: value for key, value in options.items()}
    corpus_texts = [f'd{i}' for i in range(total)]
    found = mining.mine_hard_negatives(table, Model(), corpus=corpus_texts, output_format='triplet', verbose=False, **given)
    negatives = [[] for _ in range(count)]
    for anchor, negative in zip(found['anchor'], found['negative']):
        negatives[int(anchor[1:])].append(int(negative[1:]))
    return {'options': options, 'negatives': [each + [-1] * (options['k'] - len(each)) for each in negatives]}


mined = [
    mine(k=3),
    mine(k=5, rangeMin=2),
    mine(k=2, rangeMin=1, rangeMax=4),
    mine(k=4, margin=0.2),
    mine(k=4, margin=0.5, rangeMin=1),
    mine(k=4, relativeMargin=0.3),
    mine(k=4, relativeMargin=0.3, margin=0.1, maxScore=0.6),
    mine(k=6, minScore=0.4),
    mine(k=6, minScore=-0.2, maxScore=0.3, rangeMin=2, rangeMax=30),
    mine(k=30, margin=0.3, rangeMax=40),
]
golden = {'queries': asked.tolist(), 'corpus': corpus.tolist(), 'positives': belong, 'cases': mined}
(FOLDER / 'hard-negatives.json').write_text(json.dumps(golden, separators=(',', ':')) + '\n')
for file in sorted(FOLDER.iterdir()):
    print(file, file.stat().st_size)
