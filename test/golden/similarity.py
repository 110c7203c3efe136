"""Rows for products, normalization, similarities, search and the row-wise exponentials."""

import numpy as np
import torch

import reference as ref
from inputs import across_scales, f32, gaussian, whole, with_duplicates, with_zero_row
from rows import (
    ABSOLUTE,
    RELATIVE,
    expected_matrix,
    int32,
    matrix,
    number,
    numbers,
    relative_to_largest,
    row,
    seeded,
    vector,
)


def matmul():
    shapes = [(1, 1, 1), (2, 3, 5), (7, 8, 9), (13, 16, 17), (1, 300, 1), (5, 1, 13)]
    wide = [(31, 33, 2), (64, 7, 2), (3, 257, 2), (7, 130, 3), (9, 65, 8)]
    for i, (m, k, n) in enumerate(shapes + wide):
        for j, (ta, tb) in enumerate([(False, False), (True, False), (False, True), (True, True)]):
            if (m, k, n) in wide and i % 4 != j:
                continue
            rng = seeded('matmul', m, k, n, ta, tb)
            a = gaussian(rng, *((k, m) if ta else (m, k)))
            b = gaussian(rng, *((n, k) if tb else (k, n)))
            left, right = ref.tensor(a), ref.tensor(b)
            out = ((left.T if ta else left) @ (right.T if tb else right)).numpy()
            options = {'transposeA': ta, 'transposeB': tb} if ta or tb or m % 2 else None
            turns = [('A transposed', ta), ('B transposed', tb)]
            turned = ', '.join(word for word, flag in turns if flag)
            name = f'{m}x{k} times {k}x{n}, {turned or "as they are"}'
            expected = expected_matrix(out, relative_to_largest(out))
            yield row(name, 'matmul', [matrix(a), matrix(b)], expected, options)


def odd_rows():
    """(name, rows) of the shapes and scales that every row-wise function must survive."""
    for rows, cols in [(1, 1), (3, 1), (1, 300), (2, 257), (5, 3), (9, 16), (13, 33), (65, 3)]:
        yield f'{rows}x{cols}', gaussian(seeded('rows', rows, cols), rows, cols)
    rng = seeded('rows', 'odd')
    yield 'rows of 1e-20 to 1e20', across_scales(rng, gaussian(rng, 16, 9))
    yield 'all rows at 1e-20', f32(1e-20 * gaussian(rng, 7, 8))
    yield 'all rows at 1e20', f32(1e20 * gaussian(rng, 7, 8))
    yield 'a zero row', with_zero_row(gaussian(rng, 8, 5), 3)
    yield 'only zeros', np.zeros((2, 3), np.float32)
    yield 'duplicate rows', with_duplicates(gaussian(rng, 13, 5))


def normalize():
    for name, x in odd_rows():
        out = ref.unit_rows(ref.tensor(x)).numpy()
        within = np.where((x == 0).all(1), 1e-36, 3e-7)
        yield row(name, 'normalize', [matrix(x)], expected_matrix(out, within))


def cosine_similarity():
    def case(name, a, b):
        out = ref.cosine_matrix(ref.tensor(a[None]), ref.tensor(b[None])).item()
        return row(name, 'cosineSimilarity', [vector(a), vector(b)], number(out, 5e-7))

    for width in [1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 31, 33, 64, 65, 130, 257, 300]:
        a, b = gaussian(seeded('cosine', width), 2, width)
        yield case(f'width {width}', a, b)
    a, b = gaussian(seeded('cosine', 'odd'), 2, 31)
    yield case('of a vector with itself', a, a)
    yield case('of a vector with its opposite', a, -a)
    yield case('scales 1e-20 and 1e20', f32(1e-20 * a), f32(1e20 * b))
    yield case('both at 1e-20', f32(1e-20 * a), f32(1e-20 * b))
    yield case('both at 1e20', f32(1e20 * a), f32(1e20 * b))
    yield case('with a zero vector', a, 0 * b)
    yield case('of two zero vectors', 0 * a, 0 * b)


def cosine_matrix():
    return matrices('cosineSimilarityMatrix', ref.cosine_matrix, True, lambda out: 5e-7)


def dot_matrix():
    return matrices('dotMatrix', lambda a, b: a @ b.T, False, relative_to_largest)


def euclidean_matrix():
    """By row: the distance of a row to itself is zero, not the root of a rounding error."""

    def within(out):
        return np.maximum(RELATIVE * out.max(1), 1e-12)

    yield from matrices('euclideanDistanceMatrix', ref.euclidean_matrix, False, within)
    rng = seeded('euclidean', 'cluster')
    cluster = f32(10 + 1e-3 * rng.standard_normal((9, 8)))
    out = ref.euclidean_matrix(ref.tensor(cluster), ref.tensor(cluster)).numpy()
    name = 'a tight cluster far from the origin'
    expected = expected_matrix(out, within(out))
    yield row(name, 'euclideanDistanceMatrix', [matrix(cluster)], expected)


def matrices(function, definition, any_scale, within):
    """One argument: against itself; two: every row against every row."""
    for name, x in odd_rows():
        if not any_scale and '1e' in name or x.shape[0] > 33:
            continue
        out = definition(ref.tensor(x), ref.tensor(x)).numpy()
        yield row(name, function, [matrix(x)], expected_matrix(out, within(out)))
    for m, n, cols in [(1, 1, 1), (1, 65, 3), (2, 5, 130), (7, 9, 31), (31, 13, 2), (130, 1, 8)]:
        rng = seeded(function, m, n, cols)
        a, b = gaussian(rng, m, cols), gaussian(rng, n, cols)
        out = definition(ref.tensor(a), ref.tensor(b)).numpy()
        name = f'{m} rows against {n}, width {cols}'
        expected = expected_matrix(out, within(out))
        yield row(name, function, [matrix(a), matrix(b)], expected)


def ranking(queries, corpus, k, metric):
    """Best k by score, ties to the lower index; None where float32 can't tell scores apart."""
    scores = ref.scores(ref.tensor(queries), ref.tensor(corpus), metric).numpy()
    # Equal rows (or rows that differ by a power of two, for the cosine) tie exactly; the last bits
    # of float64 must not decide between them.
    scores = np.round(scores, 12)
    order = np.argsort(-scores, axis=1, kind='stable')
    best = np.take_along_axis(scores, order[:, : k + 1], 1)
    gaps = best[:, :-1] - best[:, 1:]
    if ((gaps > 0) & (gaps < 2e-5 * max(1.0, np.abs(scores).max()))).any():
        return None
    indices = order[:, :k]
    return indices, np.take_along_axis(scores, indices, 1)


def top_k():
    def case(name, make, k, metric, default=False):
        for attempt in range(100):
            queries, corpus = make(seeded('topK', name, attempt))
            found = ranking(np.atleast_2d(queries), corpus, k, metric)
            if found:
                break
        else:
            raise AssertionError(f'topK {name}: no seed gives distinct scores')
        indices, scores = found
        within = ABSOLUTE if metric == 'cosine' else relative_to_largest(scores, 4e-6)
        first = vector(queries) if queries.ndim == 1 else matrix(queries)
        expected = {'indices': int32(indices), 'scores': numbers(scores, within)}
        options = None if default else {'metric': metric}
        return row(name, 'topK', [first, matrix(corpus), k], expected, options)

    def both(m, n, cols):
        return lambda rng: (gaussian(rng, m, cols), gaussian(rng, n, cols))

    shapes = [(1, 1, 3, 1), (2, 5, 2, 2), (3, 16, 13, 7), (3, 33, 5, 33), (17, 31, 2, 5)]
    large = {
        'cosine': [(2, 300, 3, 1), (9, 33, 16, 3), (2, 7, 64, 7)],
        'dot': [(1, 257, 9, 5), (65, 9, 5, 3), (1, 7, 65, 7)],
        'euclidean': [(3, 130, 5, 2), (1, 4, 257, 3), (33, 9, 8, 4)],
    }
    for metric in ['cosine', 'dot', 'euclidean']:
        for m, n, cols, k in shapes + large[metric]:
            name = f'{metric}, {m} queries, {n} rows, width {cols}, k {k}'
            yield case(name, both(m, n, cols), k, metric)
    yield case('cosine by default', both(3, 13, 9), 4, 'cosine', True)
    for metric in ['cosine', 'dot', 'euclidean']:

        def one(rng):
            return gaussian(rng, 1, 17)[0], gaussian(rng, 13, 17)

        def powers(rng):
            corpus = gaussian(rng, 9, 7)
            return gaussian(rng, 3, 7), np.concatenate([corpus, corpus[::-1], corpus])

        def zero(rng):
            return with_zero_row(gaussian(rng, 3, 5), 1), with_zero_row(gaussian(rng, 8, 5), 6)

        yield case(f'{metric}, one vector as the query', one, 5, metric)
        yield case(f'{metric}, every row three times', powers, 27, metric)
        yield case(f'{metric}, a zero row on both sides', zero, 8, metric)
    for metric in ['dot', 'euclidean']:

        def many_ties(rng):
            return whole(rng, 5, 3), whole(rng, 65, 3)

        def line(rng):
            return whole(rng, 3, 1, 9), whole(rng, 33, 1, 9)

        yield case(f'{metric}, whole numbers with many ties', many_ties, 31, metric)
        yield case(f'{metric}, whole numbers, width 1', line, 33, metric)

    def scaled_copies(rng):
        corpus = gaussian(rng, 8, 5)
        return gaussian(rng, 2, 5), np.concatenate([corpus, 2 * corpus, corpus / 4])

    def scales(rng):
        return across_scales(rng, gaussian(rng, 4, 9)), across_scales(rng, gaussian(rng, 17, 9))

    yield case('cosine, copies at twice and a quarter of the length', scaled_copies, 24, 'cosine')
    yield case('cosine, rows of 1e-20 to 1e20', scales, 8, 'cosine')


def logits():
    """(name, logits) at shapes and sizes where a naive exponential overflows or underflows."""
    shapes = [(1, 1), (3, 1), (2, 2), (1, 300), (2, 257), (17, 13), (64, 3), (5, 65), (7, 31)]
    for rows, cols in shapes:
        yield f'{rows}x{cols}', gaussian(seeded('logits', rows, cols), rows, cols)
    rng = seeded('logits', 'odd')
    yield 'logits of +-90', f32(90 * rng.uniform(-1, 1, (7, 9)))
    yield 'logits of +-1e4', f32(1e4 * rng.uniform(-1, 1, (5, 8)))
    yield 'logits of +-1e30', f32(1e30 * rng.uniform(-1, 1, (3, 5)))
    yield 'all near 1000', f32(1000 + rng.standard_normal((5, 17)))
    yield 'all near -1000', f32(-1000 + rng.standard_normal((5, 17)))
    yield 'equal logits', np.full((2, 33), 3.5, np.float32)
    yield 'tiny logits', f32(1e-30 * rng.standard_normal((2, 16)))


def log_sum_exp():
    for name, x in logits():
        out = torch.logsumexp(ref.tensor(x), 1).numpy()
        within = RELATIVE * np.abs(out).max() + ABSOLUTE
        yield row(name, 'logSumExp', [matrix(x)], numbers(out, within))


def softmax():
    for name, x in logits():
        out = torch.softmax(ref.tensor(x), 1).numpy()
        within = np.maximum(RELATIVE * out.max(1), 1e-7)
        yield row(name, 'softmax', [matrix(x)], expected_matrix(out, within))


FUNCTIONS = {
    'matmul': matmul,
    'normalize': normalize,
    'cosineSimilarity': cosine_similarity,
    'cosineSimilarityMatrix': cosine_matrix,
    'dotMatrix': dot_matrix,
    'euclideanDistanceMatrix': euclidean_matrix,
    'topK': top_k,
    'logSumExp': log_sum_exp,
    'softmax': softmax,
}
