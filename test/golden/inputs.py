"""Seeded float32 inputs: ordinary rows, and the rows that break careless kernels."""

import numpy as np


def f32(x):
    return np.asarray(x, dtype=np.float32)


def gaussian(rng, rows, cols):
    return f32(rng.standard_normal((rows, cols)))


def near(rng, x, noise=0.3):
    """A second view of each row."""
    return f32(x + noise * rng.standard_normal(x.shape))


def whole(rng, rows, cols, largest=2):
    """Small whole numbers: products and squares are exact in float32, so equal scores are equal."""
    return f32(rng.integers(-largest, largest + 1, (rows, cols)))


def across_scales(rng, x, exponent=20):
    """Each row at its own scale, 10^-exponent to 10^exponent, both ends present."""
    powers = rng.uniform(-exponent, exponent, x.shape[0])
    powers[0], powers[-1] = -exponent, exponent
    return f32(x * 10.0 ** powers[:, None])


def with_zero_row(x, index):
    out = x.copy()
    out[index] = 0
    return out


def with_duplicates(x):
    """Every third row repeats the row before it."""
    out = x.copy()
    out[2::3] = out[1::3][: len(out[2::3])]
    return out


def two_views(rng, rows, cols, kind='views'):
    """z: (2N, d) as NT-Xent takes it."""
    if kind == 'random':
        return gaussian(rng, rows, cols)
    if kind == 'identical':
        return f32(np.tile(rng.standard_normal(cols), (rows, 1)))
    if kind == 'collapsed':
        return f32(rng.standard_normal(cols) + 1e-3 * rng.standard_normal((rows, cols)))
    first = gaussian(rng, rows // 2, cols)
    noise = {'views': 0.3, 'near': 0.02, 'far': 1.0}[kind]
    return np.concatenate([first, near(rng, first, noise)])


def probabilities(rng, rows, cols, sharpness=1.0):
    logits = sharpness * rng.standard_normal((rows, cols))
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return f32(weights / weights.sum(1, keepdims=True))
