#!/usr/bin/python3
"""Writes fixtures/nn/*.json but vision.json: nearfar/nn in float64 PyTorch.

    /usr/bin/python3 test/golden/nn.py [--check]

operations.json, elementwise.json and axes.json have cases as vision.py writes them. training.json has layers (their state, an input,
the result and all gradients for a gradient of the result) and networks: their state, the loss and
all gradients of the first step, and losses, lengths of the gradient and state after five steps.
"""

import json
import math
import os
import sys

sys.dont_write_bytecode = True
os.environ.update(
    ATEN_CPU_CAPABILITY='default',
    OPENBLAS_CORETYPE='Haswell',
    OMP_NUM_THREADS='1',
    OPENBLAS_NUM_THREADS='1',
)

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from rows import seeded
from vision import case, packed

FOLDER = Path(__file__).resolve().parent / 'fixtures/nn'
LARGEST = 100_000


def wide(x):
    return torch.tensor(x, dtype=torch.float64)


# Operations


def operations():
    pairs = {
        'add': torch.add,
        'sub': torch.sub,
        'mul': torch.mul,
        'maximum': torch.maximum,
        'div': lambda a, b: a / b,
    }
    shapes = [((3, 5), (3, 5)), ((2, 3, 5), (5,)), ((4, 1, 3), (7, 1)), ((), (2, 3))]
    for name, compute in pairs.items():
        for a, b in shapes:
            yield case(f'{name} {a} and {b}', name, [a, b], compute, tensors_first=2)
    for name, compute in {
        'exp': torch.exp,
        'tanh': torch.tanh,
        'relu': torch.relu,
        'gelu': F.gelu,
        'softmax': lambda x: F.softmax(x, -1),
        'logSoftmax': lambda x: F.log_softmax(x, -1),
        'logSumExp': lambda x: torch.logsumexp(x, -1, keepdim=True),
        'normalize': lambda x: F.normalize(x, dim=-1),
    }.items():
        for shape in [(1, 1), (3, 5), (2, 3, 17)]:
            if name == 'normalize' and shape == (1, 1):
                continue  # The gradient of a sign is 0, and of nothing else.
            yield case(f'{name} {shape}', name, [shape], compute)
    tanh = lambda x: F.gelu(x, approximate='tanh')
    yield case('gelu by tanh', 'gelu', [(3, 7)], tanh, [{'approximate': True}])
    for a, b, options in [
        ((3, 5), (5, 4), {}),
        ((2, 3, 5), (2, 5, 4), {}),
        ((2, 3, 5), (5, 4), {}),
        ((2, 1, 3, 5), (4, 5, 2), {}),
        ((2, 5, 3), (2, 4, 5), {'transposeA': True, 'transposeB': True}),
    ]:

        def product(x, y, options=options):
            x = x.transpose(-1, -2) if 'transposeA' in options else x
            return x @ (y.transpose(-1, -2) if 'transposeB' in options else y)

        name = f'matmul {a} and {b}'
        yield {**case(name, 'matmul', [a, b], product, tensors_first=2), 'arguments': [options]}
    yield case(
        'linear', 'linear', [(2, 3, 5), (4, 5), (4,)], lambda x, w, b: F.linear(x, w, b),
        tensors_first=3,
    )
    yield case('reshape', 'reshape', [(2, 6)], lambda x: x.reshape(3, 4), [[3, -1]])
    permuted = lambda x: x.permute(2, 0, 1)
    yield case('transpose', 'transpose', [(2, 3, 5)], permuted, [[2, 0, 1]])
    yield case('slice', 'slice', [(2, 5, 3)], lambda x: x[:, 1:-1], [1, 1, -1])
    yield case('gather', 'gather', [(4, 3)], lambda x: x[[0, 3, 3, 1]], [[0, 3, 3, 1]])
    for name in ['sum', 'mean']:
        reduce = getattr(torch, name)
        yield case(f'{name} of all', name, [(2, 3, 5)], reduce)
        yield case(
            f'{name} of an axis', name, [(2, 3, 5)], lambda x: reduce(x, 1), [{'axis': 1}]
        )
        yield case(
            f'{name} of the last axis, kept', name, [(2, 3, 5)],
            lambda x: reduce(x, -1, keepdim=True), [{'axis': -1, 'keepDims': True}],
        )
    for shape in [(3, 5), (1, 1), (2, 3, 8)]:
        yield case(
            f'layerNorm {shape}', 'layerNorm', [shape, shape[-1:], shape[-1:]],
            lambda x, g, b: F.layer_norm(x, x.shape[-1:], g, b), tensors_first=3,
        )
    yield case('mse', 'mse', [(3, 4), (3, 4)], F.mse_loss, tensors_first=2)
    targets = torch.tensor([1, -100, 0])
    yield case(
        'crossEntropy', 'crossEntropy', [(3, 5)], lambda x: F.cross_entropy(x, targets),
        [targets.tolist()],
    )
    for steps, heads, width, causal, lengths in [
        (1, 1, 1, True, None),
        (5, 2, 3, False, None),
        (7, 2, 4, True, None),
        (6, 3, 2, False, [2, 6]),
        (6, 1, 5, True, [6, 3]),
    ]:
        options = {'heads': heads, 'causal': causal, **({'lengths': lengths} if lengths else {})}
        yield case(
            f'attention of {steps} steps, {heads} heads, causal {causal}, lengths {lengths}',
            'attention', [(2, steps, 3 * heads * width)],
            lambda x: attention(x, heads, causal, lengths), [options],
        )


def elementwise():
    ties = [-3, -1, -0.5, 0, 0, 0.5, 1, 2, 2, 20, -20, 90]
    positive = [0.001, 0.5, 1, 1.5, 2, 3, 7, 10, 0.25, 4, 100, 1e-3]
    for name, compute in {
        'sigmoid': torch.sigmoid,
        'silu': F.silu,
        'neg': torch.neg,
        'abs': torch.abs,
        'square': torch.square,
    }.items():
        yield case(f'{name} at ties and ends', name, [(12,)], compute, given=[ties])
        for shape in [(), (1, 1), (3, 5), (2, 3, 17)]:
            yield case(f'{name} {shape}', name, [shape], compute)
    for low, high in [(-1, 2), (None, 0.5), (0, None), (2, -1)]:
        options = {k: v for k, v in {'min': low, 'max': high}.items() if v is not None}
        yield case(
            f'clamp {low} {high}', 'clamp', [(12,)], lambda x: x.clamp(low, high), [options],
            given=[ties],
        )
    for exponent in [0, 1, 2, 3, -1, -2, 0.5, -0.5, 2.5, 64, 65, -70, 1 / 3]:
        whole = float(exponent).is_integer()
        numbers = positive if not whole or exponent < 0 else ties
        numbers = [x for x in numbers if abs(exponent) < 10 or 0.2 < abs(x) < 3]
        yield case(
            f'pow {exponent}', 'pow', [(len(numbers),)], lambda x: x**exponent, [exponent],
            given=[numbers],
        )
    yield case('pow 0 at 0', 'pow', [(2,)], lambda x: x**0, [0], given=[[0, -0.0]])
    yield case('pow 1 at 0', 'pow', [(2,)], lambda x: x**1, [1], given=[[0, -2]])
    yield case('pow 2.5 at 0', 'pow', [(2,)], lambda x: x**2.5, [2.5], given=[[0, 2]])
    yield case(
        'mse added up', 'mse', [(3, 4), (3, 4)], lambda x, t: F.mse_loss(x, t, reduction='sum'),
        [{'reduction': 'sum'}], tensors_first=2,
    )


def axes():
    ties = [2, 1, 2, 0, 0, 0, -1, 2, -1, 3, 3, 3]
    for name in ['max', 'min']:
        reduce = {'max': torch.amax, 'min': torch.amin}[name]
        for axis in [None, 0, 1, -1, [0, 2]]:
            dim = tuple(range(3)) if axis is None else axis if isinstance(axis, int) else tuple(axis)
            options = {} if axis is None else {'axis': axis}
            yield case(
                f'{name} over {axis}', name, [(2, 2, 3)], lambda x: reduce(x, dim), [options],
                given=[ties],
            )
        yield case(
            f'{name} kept', name, [(3, 1, 5)], lambda x: reduce(x, 2, keepdim=True),
            [{'axis': 2, 'keepDims': True}],
        )
        yield case(f'{name} of a scalar', name, [()], lambda x: reduce(x, ()))
    for name in ['sum', 'mean']:
        reduce = getattr(torch, name)
        for axis in [[0, 1], [0, 2], [-1, 0], [1, 3], [0, 1, 2, 3]]:
            for keep in [False, True]:
                yield case(
                    f'{name} over {axis}, kept {keep}', name, [(2, 3, 1, 5)],
                    lambda x: reduce(x, axis, keepdim=keep), [{'axis': axis, 'keepDims': keep}],
                )
        yield case(f'{name} of a scalar', name, [()], reduce)
    for name, reduce in {'variance': torch.var, 'std': torch.std}.items():
        for axis in [None, 0, 1, -1, [0, 2]]:
            for correction in [1, 0, 2]:
                if axis == 0 and correction == 2:
                    continue  # Two numbers alone.
                options = {'correction': correction, **({} if axis is None else {'axis': axis})}
                yield case(
                    f'{name} over {axis}, correction {correction}', name, [(2, 3, 5)],
                    lambda x: reduce(x, axis, correction=correction), [options],
                )
        yield case(
            f'{name} kept, by default', name, [(2, 4, 1)],
            lambda x: reduce(x, 1, keepdim=True), [{'axis': 1, 'keepDims': True}],
        )
    yield case('variance of equal numbers', 'variance', [(3,)], torch.var, given=[[2, 2, 2]])
    yield case('std of some equal numbers', 'std', [(2, 3)], lambda x: x.std(1), [{'axis': 1}],
               given=[[2, 2, 2, 1, 2, 3]])
    for name, compute in {
        'softmax': F.softmax,
        'logSoftmax': F.log_softmax,
        'logSumExp': lambda x, dim: torch.logsumexp(x, dim, keepdim=True),
        'normalize': lambda x, dim: F.normalize(x, dim=dim),
    }.items():
        for axis in [0, 1, -2, -1]:
            yield case(
                f'{name} along {axis}', name, [(3, 2, 5)], lambda x: compute(x, axis),
                [{'axis': axis}],
            )
    yield case('squeeze all', 'squeeze', [(1, 3, 1, 2)], torch.squeeze)
    yield case('squeeze one', 'squeeze', [(1, 3, 1)], lambda x: x.squeeze(-1), [-1])
    yield case('squeeze what is longer', 'squeeze', [(1, 3)], lambda x: x.squeeze(1), [1])
    for axis in [0, 1, -1, -3]:
        yield case(f'unsqueeze {axis}', 'unsqueeze', [(2, 3)], lambda x: x.unsqueeze(axis), [axis])
    for axis in [0, 1, -1]:
        yield {
            **case(
                f'stack {axis}', 'stack', [(2, 3)] * 3, lambda *x: torch.stack(x, axis),
                [{'axis': axis}], tensors_first=3,
            ),
            'list': True,
        }
    ids, offsets = [3, 0, 0, 1, 2, 3], [0, 0, 2, 5]
    for mode in ['mean', 'sum', 'max']:
        for shape in [(4, 1), (4, 7)]:
            yield case(
                f'embeddingBag {mode} {shape}', 'embeddingBag', [shape],
                lambda x: F.embedding_bag(
                    torch.tensor(ids), x, torch.tensor(offsets), mode=mode
                ),
                [ids, offsets, {'mode': mode}],
            )
    yield {
        **case(
            'embeddingBag with weights', 'embeddingBag', [(4, 5), (6,)],
            lambda x, w: F.embedding_bag(
                torch.tensor(ids), x, torch.tensor(offsets), mode='sum', per_sample_weights=w
            ),
            [ids, offsets, {'mode': 'sum'}],
        ),
        'option': 'weights',
    }
    for name, shape, causal, lengths in [
        ('by keys', (5,), False, None),
        ('by queries and keys', (5, 5), False, None),
        ('by heads', (2, 5, 5), True, None),
        ('by samples', (2, 1, 5, 5), False, [5, 2]),
        ('by samples and queries', (2, 2, 5, 1), False, None),
        ('that hides all', (5, 1), True, None),
    ]:
        mask = seeded('nn', 'mask', name).integers(0, 2, shape) > 0
        if name == 'that hides all':
            mask = np.zeros(shape, bool)
        options = {
            'heads': 2, 'causal': causal, 'mask': mask.tolist(),
            **({'lengths': lengths} if lengths else {}),
        }
        yield case(
            f'attention with a mask {name}', 'attention', [(2, 5, 18)],
            lambda x: attention(x, 2, causal, lengths, torch.tensor(mask)), [options],
        )


def indices():
    numbers = [2, 1, 2, 0, 0, 0, -1, 2, -1, 3, 3, 3]
    x = np.array(numbers, np.float32).reshape(2, 2, 3)
    for axis in [None, 0, 1, 2, -1]:
        found = torch.argmax(wide(x), axis)
        yield {
            'name': f'argmax along {axis}',
            'function': 'argmax',
            'input': packed(x),
            'arguments': [] if axis is None else [{'axis': axis}],
            'indices': found.reshape(-1).tolist(),
        }


# Layers and networks, as functions of an input and a state with nearfar's names


def attention(qkv, heads, causal=False, lengths=None, mask=None):
    batch, steps, triple = qkv.shape
    q, k, v = (
        part.reshape(batch, steps, heads, -1).transpose(1, 2) for part in qkv.split(triple // 3, 2)
    )
    scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
    positions = torch.arange(steps)
    hidden = torch.zeros(batch, 1, steps, steps, dtype=torch.bool)
    if causal:
        hidden = hidden | (positions[None, :] > positions[:, None])
    if lengths is not None:
        hidden = hidden | (positions >= torch.tensor(lengths)[:, None, None, None])
    if mask is not None:
        hidden = hidden | ~mask.expand(batch, heads, steps, steps)
    # A query that may look nowhere gives zeros.
    blind = hidden.all(-1, keepdim=True)
    hidden = hidden & ~blind
    mixed = (F.softmax(scores.masked_fill(hidden, float('-inf')), -1) * ~blind) @ v
    return mixed.transpose(1, 2).reshape(batch, steps, -1)


def linear(x, state, path):
    return F.linear(x, state[f'{path}weight'], state.get(f'{path}bias'))


def norm(x, state, path):
    return F.layer_norm(x, x.shape[-1:], state[f'{path}weight'], state.get(f'{path}bias'))


def heads_of(x, state, path, heads, causal=False, lengths=None):
    mixed = attention(linear(x, state, f'{path}qkv.'), heads, causal, lengths)
    return linear(mixed, state, f'{path}output.')


def mlp(x, state, path, activation=F.gelu):
    return linear(activation(linear(x, state, f'{path}up.')), state, f'{path}down.')


def block(x, state, path, heads, causal=False, lengths=None, kind='pre'):
    attn = lambda y: heads_of(y, state, f'{path}attention.', heads, causal, lengths)
    mlp_of = lambda y: mlp(y, state, f'{path}mlp.')
    if kind == 'pre':
        x = x + attn(norm(x, state, f'{path}norm1.'))
        return x + mlp_of(norm(x, state, f'{path}norm2.'))
    x = norm(x + attn(x), state, f'{path}norm1.')
    return norm(x + mlp_of(x), state, f'{path}norm2.')


def gpt(ids, state, layers, heads):
    x = state['tokenEmbeddings'][ids] + state['positionEmbeddings'][: ids.shape[1]]
    for i in range(layers):
        x = block(x, state, f'blocks.{i}.', heads, causal=True)
    return norm(x, state, 'norm.') @ state['tokenEmbeddings'].T


def linear_shapes(path, inputs, outputs, bias=True):
    return {f'{path}weight': (outputs, inputs), **({f'{path}bias': (outputs,)} if bias else {})}


def norm_shapes(path, width, bias=True):
    return {f'{path}weight': (width,), **({f'{path}bias': (width,)} if bias else {})}


def block_shapes(path, width, bias=True):
    return {
        **norm_shapes(f'{path}norm1.', width, bias),
        **linear_shapes(f'{path}attention.qkv.', width, 3 * width, bias),
        **linear_shapes(f'{path}attention.output.', width, width, bias),
        **norm_shapes(f'{path}norm2.', width, bias),
        **linear_shapes(f'{path}mlp.up.', width, 4 * width, bias),
        **linear_shapes(f'{path}mlp.down.', 4 * width, width, bias),
    }


def drawn(random, shapes, scale=0.5):
    return {
        name: (scale * random.standard_normal(shape)).astype(np.float32)
        for name, shape in shapes.items()
    }


def packed_all(arrays):
    return {name: packed(x) for name, x in arrays.items()}


def leaves(state):
    return {name: wide(x).requires_grad_() for name, x in state.items()}


def grads(parameters):
    return packed_all({name: x.grad.numpy() for name, x in parameters.items()})


def layer(name, kind, arguments, shapes, x_shape, compute, lengths=None):
    random = seeded('nn', name)
    state = drawn(random, shapes)
    given = random.standard_normal(x_shape).astype(np.float32)
    x, parameters = wide(given).requires_grad_(), leaves(state)
    y = compute(x, parameters)
    dy = random.standard_normal(y.shape).astype(np.float32)
    y.backward(wide(dy))
    return {
        'name': name,
        'layer': kind,
        'arguments': arguments,
        'state': packed_all(state),
        'x': packed(given),
        'lengths': lengths,
        'dy': packed(dy),
        'y': packed(y.detach().numpy()),
        'dx': packed(x.grad.numpy()),
        'gradients': grads(parameters),
    }


def layers():
    yield layer(
        'Linear', 'Linear', [5, 3], linear_shapes('', 5, 3), (2, 3, 5),
        lambda x, s: linear(x, s, ''),
    )
    yield layer(
        'LayerNorm', 'LayerNorm', [6], norm_shapes('', 6), (3, 6), lambda x, s: norm(x, s, '')
    )
    shapes = {**linear_shapes('up.', 4, 7), **linear_shapes('down.', 7, 4)}
    for activation, compute in {
        'gelu': F.gelu,
        'gelu_new': lambda x: F.gelu(x, approximate='tanh'),
        'relu': torch.relu,
        'tanh': torch.tanh,
    }.items():
        yield layer(
            f'Mlp {activation}', 'Mlp', [4, 7, {'activation': activation}], shapes, (3, 4),
            lambda x, s: mlp(x, s, '', compute),
        )
    shapes = {**linear_shapes('qkv.', 6, 18), **linear_shapes('output.', 6, 6)}
    for causal, lengths in [(True, None), (False, [5, 2]), (True, [3, 5])]:
        yield layer(
            f'MultiHeadAttention, causal {causal}, lengths {lengths}', 'MultiHeadAttention',
            [6, 2, {'causal': causal}], shapes, (2, 5, 6),
            lambda x, s: heads_of(x, s, '', 2, causal, lengths), lengths,
        )
    for kind in ['pre', 'post']:
        for causal, lengths in [(True, None), (False, [5, 2])]:
            yield layer(
                f'TransformerBlock, {kind}-norm, causal {causal}, lengths {lengths}',
                'TransformerBlock', [6, 2, {'causal': causal, 'norm': kind}],
                block_shapes('', 6), (2, 5, 6),
                lambda x, s: block(x, s, '', 2, causal, lengths, kind), lengths,
            )


STEPS = 5


def train(state, loss_at, make, clip=None, rate=None):
    """Five steps. `make` gets the parameters in groups: two axes or more, and the others."""
    parameters = leaves(state)
    decayed = [x for x in parameters.values() if x.dim() > 1]
    optimizer = make(decayed, [x for x in parameters.values() if x.dim() <= 1])
    out = {'losses': [], 'lengths': []}
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_at(step, parameters)
        loss.backward()
        if step == 0:
            out['gradients'] = grads(parameters)
        out['losses'].append(float(loss))
        if clip is not None:
            length = torch.nn.utils.clip_grad_norm_(list(parameters.values()), clip)
            out['lengths'].append(float(length))
        if rate is not None:
            for group in optimizer.param_groups:
                group['lr'] = rate(step)
        optimizer.step()
    out['after'] = packed_all({name: x.detach().numpy() for name, x in parameters.items()})
    return out


def adamw(decay, lr=0.01, betas=(0.9, 0.99)):
    def make(decayed, free):
        groups = [{'params': decayed, 'weight_decay': decay}, {'params': free, 'weight_decay': 0}]
        return torch.optim.AdamW(groups, lr=lr, betas=betas, eps=1e-8)

    return make


def adam(**options):
    return lambda decayed, free: torch.optim.Adam(decayed + free, **options)


def sgd(**options):
    return lambda decayed, free: torch.optim.SGD(decayed + free, **options)


def small_networks():
    shapes = {**linear_shapes('up.', 4, 7), **linear_shapes('down.', 7, 3)}
    for name, optimizer, ours, clip in [
        (
            'Mlp by AdamW, decay on weights alone, clipped', adamw(0.1),
            {'kind': 'AdamW', 'decay': 0.1, 'options': {'learningRate': 0.01, 'betas': [0.9, 0.99]}},
            0.5,
        ),
        (
            'Mlp by Adam', adam(lr=0.01),
            {'kind': 'Adam', 'options': {'learningRate': 0.01}}, None,
        ),
        (
            'Mlp by Adam with decay in the gradient', adam(lr=0.01, weight_decay=0.1),
            {'kind': 'Adam', 'options': {'learningRate': 0.01, 'weightDecay': 0.1}}, None,
        ),
        (
            'Mlp by Sgd', sgd(lr=0.1),
            {'kind': 'Sgd', 'options': {'learningRate': 0.1}}, None,
        ),
        (
            'Mlp by Sgd with momentum and decay', sgd(lr=0.1, momentum=0.9, weight_decay=0.01),
            {'kind': 'Sgd', 'options': {'learningRate': 0.1, 'momentum': 0.9, 'weightDecay': 0.01}},
            None,
        ),
        (
            'Mlp by Sgd with Nesterov momentum', sgd(lr=0.1, momentum=0.9, nesterov=True),
            {'kind': 'Sgd', 'options': {'learningRate': 0.1, 'momentum': 0.9, 'nesterov': True}},
            None,
        ),
    ]:
        random = seeded('nn', name)
        state = drawn(random, shapes)
        inputs, targets = (random.standard_normal((STEPS, 6, n)).astype(np.float32) for n in (4, 3))
        loss = lambda step, s: F.mse_loss(mlp(wide(inputs[step]), s, ''), wide(targets[step]))
        yield {
            'name': name,
            'arguments': [4, 7, {'outputs': 3}],
            'optimizer': ours,
            'clip': clip,
            'state': packed_all(state),
            'inputs': [packed(x) for x in inputs],
            'targets': [packed(x) for x in targets],
            **train(state, loss, optimizer, clip),
        }


def language_models():
    config = {'layers': 2, 'heads': 2, 'width': 8, 'context': 6, 'bias': False}
    letters = 'abcdefg'
    width, bias = config['width'], config['bias']
    shapes = {
        'tokenEmbeddings': (len(letters), width),
        'positionEmbeddings': (config['context'], width),
        **block_shapes('blocks.0.', width, bias),
        **block_shapes('blocks.1.', width, bias),
        **norm_shapes('norm.', width, bias),
    }
    random = seeded('nn', 'GPT')
    state = drawn(random, shapes)
    ids = random.integers(0, len(letters), (STEPS, 3, config['context'] + 1))
    peak, warmup = 0.01, 2

    def rate(step):
        """nanoGPT's schedule, to a tenth."""
        if step < warmup:
            return peak * (step + 1) / (warmup + 1)
        fraction = (step - warmup) / (STEPS - warmup)
        return peak / 10 + 0.5 * (1 + math.cos(math.pi * fraction)) * (peak - peak / 10)

    def loss(step, s):
        batch = torch.tensor(ids[step])
        logits = gpt(batch[:, :-1], s, config['layers'], config['heads'])
        return F.cross_entropy(logits.reshape(-1, len(letters)), batch[:, 1:].reshape(-1))

    yield {
        'name': 'GPT of two layers by AdamW, clipped, warm-up and cosine',
        'letters': letters,
        'config': config,
        'optimizer': {
            'kind': 'AdamW', 'decay': 0.1,
            'options': {'learningRate': peak, 'betas': [0.9, 0.99]},
        },
        'schedule': {'peak': peak, 'steps': STEPS, 'warmup': warmup},
        'clip': 1,
        'state': packed_all(state),
        'ids': ids.tolist(),
        **train(state, loss, adamw(0.1, peak), 1, rate),
    }


def text(lists):
    lines = [
        f'"{key}": [\n' + ',\n'.join(json.dumps(r, separators=(',', ':')) for r in rows) + '\n]'
        for key, rows in lists.items()
    ]
    return '{' + ',\n'.join(lines) + '}\n'


def main(arguments):
    if arguments not in ([], ['--check']):
        sys.exit('usage: nn.py [--check]')
    torch.set_num_threads(1)
    for name, lists in {
        'operations': {'cases': operations()},
        'elementwise': {'cases': elementwise()},
        'axes': {'cases': axes(), 'indices': indices()},
        'layers': {'layers': layers()},
        'training': {'networks': small_networks(), 'languageModels': language_models()},
    }.items():
        path, written = FOLDER / f'{name}.json', text(lists)
        assert len(written) <= LARGEST, f'{name}: {len(written)}'
        print(f'nn/{path.name}: {len(written):,} bytes')
        if not arguments:
            path.write_text(written)
        elif not path.exists() or path.read_text() != written:
            sys.exit(f'nn/{path.name} differs')


if __name__ == '__main__':
    main(sys.argv[1:])
