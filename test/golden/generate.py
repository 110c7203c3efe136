#!/usr/bin/python3
"""Writes fixtures/: expected values from float64 PyTorch.

    /usr/bin/python3 test/golden/generate.py            write them
    /usr/bin/python3 test/golden/generate.py --check    compare with them, exit 1 on drift

Needs Debian's python3-torch and python3-numpy; the tests only read what is committed. The same
versions write the same bytes: one seed, one thread, kernels that don't depend on the processor.
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

import platform
from pathlib import Path

import numpy as np
import torch

import components
import evaluation
import losses
import pairs
import selfcheck
import sigmoids
import similarity
import triplets
from rows import file_text

FOLDER = Path(__file__).resolve().parent / 'fixtures'
LARGEST = 100_000


def files():
    versions = {
        'python': platform.python_version(),
        'numpy': np.__version__,
        'torch': torch.__version__,
    }
    for module in (similarity, losses, triplets, components, evaluation, sigmoids, pairs):
        for function, cases in module.FUNCTIONS.items():
            rows = list(cases())
            names = [r['name'] for r in rows]
            assert len(set(names)) == len(names), f'{function}: two rows of one name'
            text = file_text(rows, versions)
            assert len(text) <= LARGEST, f'{function}.json: {len(text)} bytes, more than {LARGEST}'
            yield FOLDER / f'{function}.json', text, len(rows)


def main(arguments):
    if arguments not in ([], ['--check']):
        sys.exit('usage: generate.py [--check]')
    torch.set_num_threads(1)
    selfcheck.run()
    drift = False
    total = 0
    expected = set()
    FOLDER.mkdir(exist_ok=True)
    for path, text, rows in list(files()):
        expected.add(path.name)
        total += len(text)
        if not arguments:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            drift = True
            print(f'{path.name} differs{where(path, text)}')
        print(f'{path.name:32} {rows:3} rows {len(text):7,} bytes')
    for path in sorted(FOLDER.glob('*.json')):
        if path.name not in expected:
            drift = True
            print(f'{path.name} is written by nothing here')
    print(f'{len(expected)} files, {total:,} bytes')
    if drift:
        sys.exit(1)


def where(path, text):
    if not path.exists():
        return ': it is missing'
    for i, (old, new) in enumerate(zip(path.read_text().split('\n'), text.split('\n')), 1):
        if old != new:
            return f', first in line {i}'
    return ' in length'


if __name__ == '__main__':
    main(sys.argv[1:])
