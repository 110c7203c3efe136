"""How a fixture row is written: tagged arguments, expected values, and how near is near enough.

Inputs are float32 bytes, expected values float64 bytes, both little-endian in base64. A tolerance
is absolute and stored next to its value (`within`: one number, or one for each row), so the reader
needs no rules of its own. README.md in this folder has the schema.
"""

import base64
import json
import zlib

import numpy as np

SEED = 20240607

# Relative to the size of the value that is compared, see `loss_value` and `gradient`.
RELATIVE = 2e-6
ABSOLUTE = 1e-6
# The gradient of a row of zeros must be exactly zero: as near to that as a tolerance gets.
ZERO = 1e-36


def seeded(*names):
    """A generator of its own for each case, so that adding one leaves the others as they are."""
    return np.random.default_rng([SEED, zlib.crc32('/'.join(map(str, names)).encode())])


def base64_of(array, kind):
    return base64.b64encode(np.ascontiguousarray(array, dtype=kind).tobytes()).decode()


def short(value):
    """Two digits are enough for a tolerance."""
    return float(f'{float(value):.1e}')


# Arguments


def matrix(array):
    array = np.asarray(array)
    assert array.dtype == np.float32 and array.ndim == 2 and np.isfinite(array).all()
    return {'matrix': list(array.shape), 'f32': base64_of(array, '<f4')}


def vector(array):
    array = np.asarray(array)
    assert array.dtype == np.float32 and array.ndim == 1 and np.isfinite(array).all()
    return {'f32': base64_of(array, '<f4')}


def int32(values):
    return {'int32': [int(v) for v in np.asarray(values).ravel()]}


# Expected values


def number(value, within):
    return {'number': float(value), 'within': short(within)}


def numbers(values, within):
    """A Float32Array."""
    return {'f64': base64_of(values, '<f8'), 'within': tolerance(within)}


def expected_matrix(values, within, all_rows=None):
    """`all_rows`: how many rows the result has, when only its first ones have one right answer."""
    values = np.asarray(values)
    out = {'matrix': [all_rows or values.shape[0], values.shape[1]]}
    return {**out, 'f64': base64_of(values, '<f8'), 'within': tolerance(within)}


def tolerance(within):
    """One number where that says nearly the same as one for each row."""
    each = np.ravel(within)
    if each.max() <= 4 * each.min():
        return short(each.max())
    return [short(w) for w in each]


def relative_to_largest(values, factor=RELATIVE, floor=1e-30):
    return max(factor * float(np.abs(values).max()), floor)


def sharpness(temperature):
    """A float32 error in a cosine is multiplied by 1 / temperature before the exponential."""
    return max(1.0, 0.05 / temperature)


def loss_value(value, temperature=1.0):
    """Not better than two ulp of a cosine over the temperature, however small the loss is."""
    return number(value, RELATIVE * abs(value) + max(ABSOLUTE, 1.2e-7 / temperature))


def gradient(grad, x, natural, temperature=1.0):
    """A gradient through normalized rows: each row's tolerance is in proportion to 1 / its length.

    The largest gradient of the matrix (on rows of length one) sets the scale. Where all of them
    nearly vanish, float32 can't do better than a fraction of `natural`, the size far from it.
    """
    lengths = np.sqrt((np.asarray(x, np.float64) ** 2).sum(1))
    zero = lengths == 0
    assert not grad[zero].any()
    scale = max(np.abs(grad * lengths[:, None]).max(), 0.1 * natural)
    within = RELATIVE * sharpness(temperature) * scale / np.where(zero, 1, lengths)
    return expected_matrix(grad, np.where(zero, ZERO, within))


# Rows and files


def row(name, function, args, expected, options=None, changed=None):
    """`expected`: one tagged value, or one for each field of the result, losses as `loss`."""
    out = {'name': name, 'function': function, 'args': args}
    if options:
        out['options'] = options
    out['expected'] = expected
    if changed:
        out['changed'] = changed  # what the first argument holds after the call
    return out


def file_text(rows, versions):
    """JSON with one line a row: small, and a change shows as the rows that changed."""
    head = json.dumps({'seed': SEED, **versions})[1:-1]
    body = ',\n'.join(json.dumps(r, separators=(',', ':'), allow_nan=False) for r in rows)
    return f'{{{head}, "rows": [\n{body}\n]}}\n'
