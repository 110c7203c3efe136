#!/usr/bin/python3
"""Evaluates the first column of the documentation's table of losses (src/docs/from/pytorch.md) and writes what it gives.

    /usr/bin/python3 test/golden/pytorch-table.py            write pytorch-table.json
    /usr/bin/python3 test/golden/pytorch-table.py --check    compare with it, exit 1 on drift

A row's first cell holds one Python expression between backticks, of PyTorch and of what other_libraries.py
restates. It runs in float64 on seeded float32 inputs, which stand in the file with the results;
../readme.test.ts evaluates the second column on them. Needs python3-torch and python3-numpy.
"""

import os
import sys

sys.dont_write_bytecode = True
# The vector instructions at hand must not decide the last bit of a sum. Read when torch loads.
os.environ.update(
    ATEN_CPU_CAPABILITY='default',
    OPENBLAS_CORETYPE='Haswell',
    OPENBLAS_NUM_THREADS='1',
    OMP_NUM_THREADS='1',
)

import importlib
import json
import platform
import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F

import other_libraries
from inputs import near, gaussian, probabilities
from rows import SEED, base64_of, seeded

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER.parent.parent / 'src/docs/from/pytorch.md'
RESULTS = FOLDER / 'pytorch-table.json'
HEADING = '## Losses, similarities and search'
FUNCTIONS = '## Which functions exist'

N, WIDTH, CLASSES = 12, 7, 5


def inputs():
    """By the names that the page gives them; float32 matrices and lists of whole numbers."""
    rng = seeded('pytorch-table')
    a = gaussian(rng, N, WIDTH)
    b = near(rng, a, 0.5)
    anchors = gaussian(rng, N, WIDTH)
    image = gaussian(rng, N, WIDTH)
    targets = rng.integers(0, CLASSES, N).tolist()
    targets[3] = -100
    return {
        'z': np.concatenate([a, b]),
        'labels': [i % 4 for i in range(N - 1)] + [4],
        'logits': gaussian(rng, N, CLASSES),
        'targets': targets,
        'p': probabilities(rng, N, CLASSES),
        'q': probabilities(rng, N, CLASSES),
        'anchors': anchors,
        'positives': near(rng, anchors, 0.8),
        'negatives': gaussian(rng, N, WIDTH),
        'image': image,
        'text': near(rng, image),
    }


def scope(given):
    """What an expression may name. The views a and b are rows of z, so that z takes gradients."""
    names = {
        name: torch.tensor(value)
        if isinstance(value, list)
        else torch.tensor(value, dtype=torch.float64).requires_grad_()
        for name, value in given.items()
    }
    names['a'], names['b'] = names['z'].chunk(2)
    return {
        **names,
        'torch': torch,
        'F': F,
        'add_contrastive_loss': other_libraries.add_contrastive_loss,
        'loss': SimpleNamespace(NTXentLoss=other_libraries.NTXentLoss),
        'losses': SimpleNamespace(
            NTXentLoss=other_libraries.PairLoss,
            SelfSupervisedLoss=other_libraries.SelfSupervisedLoss,
            SupConLoss=other_libraries.LabelLoss,
        ),
        'SupConLoss': other_libraries.SupConLoss,
        'ClipLoss': other_libraries.ClipLoss,
        'MultipleNegativesRankingLoss': other_libraries.MultipleNegativesRankingLoss,
    }


def expressions():
    text = PAGE.read_text().split(f'\n{HEADING}\n')[1].split('\n## ')[0]
    lines = [line for line in text.split('\n') if line.startswith('|')]
    # The first two lines are the head and the rule below it.
    return [re.findall(r'`([^`]+)`', line.split('|')[1])[0] for line in lines[2:]]


def check_functions():
    """Every function of PyTorch that the page lists exists, in a version that has them all."""
    if tuple(map(int, torch.__version__.split('.')[:2])) < (2, 4):
        return
    text = PAGE.read_text().split(f'\n{FUNCTIONS}\n')[1].split('\n## ')[0]
    for name in re.findall(r'^\| `(torch\.[\w.]+)`', text, re.M):
        value = torch
        for part in name.split('.')[1:]:
            # Submodules such as torch.func are there once they are imported.
            if not hasattr(value, part):
                importlib.import_module(f'{value.__name__}.{part}')
            value = getattr(value, part)


def evaluate(expression, given):
    # Randomized algorithms (pca_lowrank) draw from PyTorch's own generator.
    torch.manual_seed(SEED)
    with warnings.catch_warnings():
        # kl_div warns of the default reduction, which is what its row is about.
        warnings.simplefilter('ignore')
        value = eval(expression, scope(given))
    return value.detach().numpy()


def array(value, kind):
    bits = 'f64' if kind == '<f8' else 'f32'
    return {'shape': list(value.shape), bits: base64_of(value, kind)}


def file_text():
    check_functions()
    given = inputs()
    results = {e: evaluate(e, given) for e in expressions()}
    assert results, f'no rows under {HEADING}'
    content = {
        'seed': SEED,
        'python': platform.python_version(),
        'numpy': np.__version__,
        'torch': torch.__version__,
        'inputs': {k: v if isinstance(v, list) else array(v, '<f4') for k, v in given.items()},
        'theirs': {e: array(v, '<f8') if v.ndim else float(v) for e, v in results.items()},
    }
    # Lists of numbers on one line, as the project's formatter leaves them.
    lists = re.compile(r'\[[-\d\s,]+\]')
    text = lists.sub(lambda m: json.dumps(json.loads(m[0])), json.dumps(content, indent=2))
    return f'{text}\n', len(results)


def main(arguments):
    if arguments not in ([], ['--check']):
        sys.exit('usage: pytorch-table.py [--check]')
    torch.set_num_threads(1)
    text, rows = file_text()
    same = RESULTS.exists() and RESULTS.read_text() == text
    if not arguments:
        RESULTS.write_text(text)
    print(f'{RESULTS.name:32} {rows:3} rows {len(text):7,} bytes')
    if arguments and not same:
        sys.exit(f'{RESULTS.name} differs')


if __name__ == '__main__':
    main(sys.argv[1:])
