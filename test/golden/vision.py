#!/usr/bin/python3
"""Writes fixtures/nn/vision.json: operations on images and their gradients in float64 PyTorch.

    /usr/bin/python3 test/golden/vision.py [--check]

A case has a function's name, its tensors (float32), what comes after them, a gradient of the
result, and what is expected: the result and the gradient of each tensor, rounded to float32.
"""

import json
import os
import sys

sys.dont_write_bytecode = True
os.environ.update(ATEN_CPU_CAPABILITY='default', OMP_NUM_THREADS='1', OPENBLAS_NUM_THREADS='1')

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from rows import base64_of, seeded

FILE = Path(__file__).resolve().parent / 'fixtures/nn/vision.json'


def packed(array):
    array = np.asarray(array)
    return {'shape': list(array.shape), 'f32': base64_of(array, '<f4')}


def case(name, function, shapes, compute, arguments=(), tensors_first=1, given=None):
    """`arguments` stand after the first `tensors_first` tensors, the other tensors after them.

    `given` are the numbers of the tensors where they are not random.
    """
    random = seeded('vision', name)
    given = [
        random.standard_normal(shape).astype(np.float32)
        if given is None
        else np.asarray(given[i], dtype=np.float32).reshape(shape)
        for i, shape in enumerate(shapes)
    ]
    inputs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in given]
    y = compute(*inputs)
    dy = random.standard_normal(y.shape).astype(np.float32)
    y.backward(torch.tensor(dy, dtype=torch.float64))
    return {
        'name': name,
        'function': function,
        'inputs': [packed(x) for x in given],
        'arguments': list(arguments),
        'tensorsFirst': tensors_first,
        'dy': packed(dy),
        'y': packed(y.detach().numpy()),
        'gradients': [packed(x.grad.numpy()) for x in inputs],
    }


def convolutions():
    for x, w, stride, padding in [
        ((2, 3, 5, 7), (5, 3, 3, 3), 1, 1),
        ((1, 1, 1, 1), (1, 1, 1, 1), 1, 0),
        ((2, 4, 3, 6), (8, 4, 1, 1), 1, 0),
        ((2, 6, 5, 7), (9, 6, 1, 1), 2, 0),
        ((1, 3, 7, 8), (5, 3, 3, 5), 2, 2),
        ((1, 2, 9, 10), (3, 2, 4, 4), 3, 0),
        ((1, 30, 2, 3), (2, 30, 3, 3), 1, 1),
        ((1, 1, 2, 130), (1, 1, 3, 3), 1, 1),
    ]:
        yield case(
            f'conv2d {x} by {w}, stride {stride}, padding {padding}',
            'conv2d',
            [x, w, (w[0],)],
            lambda x, w, b: F.conv2d(x, w, b, stride=stride, padding=padding),
            [{'stride': stride, 'padding': padding}],
            tensors_first=3,
        )


def pools():
    for size, stride, padding in [(2, 2, 0), (3, 2, 1), (2, 3, 1)]:
        options = {'stride': stride, 'padding': padding}
        what = f'{size} {stride} {padding}'
        shapes = [(1, 2, 7, 6)]
        yield case(
            f'maxPool2d {what}', 'maxPool2d', shapes,
            lambda x: F.max_pool2d(x, size, stride, padding), [size, options],
        )
        yield case(
            f'avgPool2d {what}', 'avgPool2d', shapes,
            lambda x: F.avg_pool2d(x, size, stride, padding), [size, options],
        )
    yield case('globalAveragePool', 'globalAveragePool', [(2, 3, 5, 7)], lambda x: x.mean((2, 3)))


def norms():
    for shape in [(7, 3), (4, 3, 5), (2, 3, 5, 3)]:
        yield case(
            f'batchNorm {shape}', 'batchNorm', [shape, (3,), (3,)],
            lambda x, g, b: F.batch_norm(x, None, None, g, b, True), tensors_first=3,
        )
        yield case(
            f'batchNorm {shape} without gain and bias', 'batchNorm', [shape],
            lambda x: F.batch_norm(x, None, None, None, None, True),
        )
    for shape, groups in [((5, 6), 2), ((2, 6, 5), 3), ((2, 6, 3, 5), 6), ((3, 6, 4, 4), 1)]:
        yield case(
            f'groupNorm {shape} in {groups}', 'groupNorm', [shape, (6,), (6,)],
            lambda x, g, b: F.group_norm(x, groups, g, b), [groups],
        )


def layer(name, shape, steps):
    """A BatchNorm layer: some batches in training, then one in evaluation."""
    random = seeded('vision', name)
    module = torch.nn.BatchNorm1d(shape[1]).double()
    batches = [random.normal(2, 3, shape).astype(np.float32) for _ in range(steps + 1)]
    gain, bias = (random.standard_normal(shape[1]).astype(np.float32) for _ in range(2))
    module.load_state_dict({'weight': torch.tensor(gain), 'bias': torch.tensor(bias)}, strict=False)
    for x in batches[:-1]:
        module(torch.tensor(x, dtype=torch.float64))
    module.eval()
    x = torch.tensor(batches[-1], dtype=torch.float64, requires_grad=True)
    y = module(x)
    dy = random.standard_normal(y.shape).astype(np.float32)
    y.backward(torch.tensor(dy, dtype=torch.float64))
    return {
        'name': name,
        'batches': [packed(x) for x in batches],
        'gain': packed(gain),
        'bias': packed(bias),
        'dy': packed(dy),
        'runningMean': packed(module.running_mean.numpy()),
        'runningVar': packed(module.running_var.numpy()),
        'y': packed(y.detach().numpy()),
        'gradients': {
            'x': packed(x.grad.numpy()),
            'weight': packed(module.weight.grad.numpy()),
            'bias': packed(module.bias.grad.numpy()),
        },
    }


def patches(shape, patch):
    """MAE's order of numbers: patch row, patch column; then row, column, channel."""
    _, channels, height, width = shape
    rows, columns = height // patch, width // patch

    def compute(x):
        cut = x.reshape(-1, channels, rows, patch, columns, patch)
        return torch.einsum('nchpwq->nhwpqc', cut).reshape(-1, rows * columns, patch**2 * channels)

    return case(f'patchify {shape} by {patch}', 'patchify', [shape], compute, [patch])


def positions_of(width, grid):
    """MAE's fixed positions: sines and cosines of the column, then those of the row."""
    rates = 1 / 10000 ** (np.arange(width // 4) / (width / 4))
    row, column = (p.reshape(-1, 1) for p in np.meshgrid(*map(np.arange, grid), indexing='ij'))
    return np.concatenate([f(index * rates) for index in (column, row) for f in (np.sin, np.cos)], 1)


def positions(width, grid):
    return {'width': width, 'grid': list(grid), 'vectors': packed(positions_of(width, grid))}


def text():
    cases = [*convolutions(), *pools(), *norms(), patches((2, 3, 6, 4), 2), patches((1, 1, 6, 9), 3)]
    layers = [layer('rows', (6, 3), 3), layer('sequences', (4, 3, 2), 2)]
    grids = [positions(8, (1, 1)), positions(24, (3, 5)), positions(4, (50, 2))]
    lists = {'cases': cases, 'layers': layers, 'positions': grids}
    lines = [
        f'"{key}": [\n' + ',\n'.join(json.dumps(r, separators=(',', ':')) for r in rows) + '\n]'
        for key, rows in lists.items()
    ]
    return '{' + ',\n'.join(lines) + '}\n'


def main(arguments):
    if arguments not in ([], ['--check']):
        sys.exit('usage: vision.py [--check]')
    torch.set_num_threads(1)
    written = text()
    assert len(written) <= 100_000, len(written)
    print(f'nn/{FILE.name}: {len(written):,} bytes')
    if not arguments:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(written)
    elif not FILE.exists() or FILE.read_text() != written:
        sys.exit(f'nn/{FILE.name} differs')


if __name__ == '__main__':
    main(sys.argv[1:])
