"""Rows for principal components, by way of float64 singular values."""

import numpy as np

import reference as ref
from inputs import f32, gaussian, with_duplicates
from rows import expected_matrix, matrix, numbers, relative_to_largest, row, seeded, vector

# An error of one ulp in the covariance turns a component by that ulp times variance / gap.
PRECISION = 3e-6


def spectrum(rng, rows, cols, decay=0.7, rank=None):
    """Rows whose variances fall by a constant factor, in a random orientation."""
    width = rank or min(rows, cols)
    axes, _ = np.linalg.qr(rng.standard_normal((cols, cols)))
    scales = decay ** np.arange(width)
    return f32((rng.standard_normal((rows, width)) * scales) @ axes[:width])


def pca():
    def case(name, make, components=None, offset=0.0):
        for attempt in range(200):
            x = f32(make(seeded('pca', name, attempt)) + offset)
            count = min(2, *x.shape) if components is None else components
            fitted = ref.pca(x, count)
            conditions = conditioning(fitted, count)
            if conditions is not None:
                break
        else:
            raise AssertionError(f'pca {name}: no seed gives components that float32 tells apart')
        variances = fitted['explainedVariance']
        shift = 1 + np.abs(fitted['mean']).max() / np.sqrt(variances[0])
        within = PRECISION * shift
        centered = np.sqrt(((x - fitted['mean']) ** 2).sum(1))
        turn = within * (1 + conditions)
        expected = {
            'projected': expected_matrix(fitted['projected'], turn.max() * centered + 1e-12),
            # Without variance a direction is anybody's choice: only those with some are compared.
            'components': expected_matrix(fitted['components'][: len(turn)], turn, count),
            'mean': numbers(fitted['mean'], relative_to_largest(x, 5e-7)),
            'explainedVariance': numbers(variances, 2 * within * variances[0]),
            'explainedVarianceRatio': numbers(fitted['explainedVarianceRatio'], 2 * within),
        }
        options = None if components is None else {'components': components}
        return row(name, 'pca', [matrix(x)], expected, options)

    tall = [(2, 1, 1), (33, 5, 2), (65, 3, 3), (130, 2, 2), (64, 5, 4), (17, 16, 5)]
    wide = [(2, 300, 1), (3, 257, 2), (5, 33, 4), (8, 65, 3), (5, 130, 3), (7, 8, 5)]
    for rows, cols, count in tall + wide:
        yield case(f'{rows}x{cols}, {count} components', sized(rows, cols), count)
    yield case('default components', sized(13, 7))
    yield case('default components, one column', sized(9, 1))
    yield case('default components, two rows', sized(2, 5))
    yield case('unstructured rows', lambda rng: gaussian(rng, 33, 8), 3)
    yield case('far from the origin', sized(31, 7), 3, 100.0)
    yield case('rank 3 of 8', lambda rng: spectrum(rng, 17, 8, rank=3), 6)
    yield case('rank 2 of 9, more columns than rows', lambda rng: spectrum(rng, 9, 31, rank=2), 5)
    yield case('as many components as rows', sized(5, 13), 5)
    yield case('duplicate rows', lambda rng: with_duplicates(spectrum(rng, 9, 9)), 7)
    yield case('two equal columns', lambda rng: equal_columns(spectrum(rng, 16, 5)), 6)
    yield case('a column of zeros', lambda rng: np.pad(spectrum(rng, 16, 4), [(0, 0), (0, 1)]), 5)
    yield case('rows at 1e-3', lambda rng: 1e-3 * spectrum(rng, 17, 7), 3)
    yield case('rows at 1e6', lambda rng: 1e6 * spectrum(rng, 17, 7), 3)


def sized(rows, cols):
    return lambda rng: spectrum(rng, rows, cols)


def equal_columns(x):
    return np.hstack([x, x[:, :1]])


def conditioning(fitted, count):
    """Variance / gap of each component that has a variance; None if one is lost, or its sign is."""
    variances = fitted['allVariances']
    some = variances > 1e-10 * variances[0]
    if some.any() and variances[some][:count].min() < 1e-3 * variances[0]:
        return None
    rank = int(some.sum())
    after = np.append(variances[:rank], 0.0)
    gaps = after[:-1] - after[1:]
    if rank == fitted['components'].shape[1]:
        gaps[-1] = np.inf  # no direction remains that it could be mixed up with
    gaps = np.minimum(gaps, np.append(np.inf, gaps[:-1]))[:count]
    conditions = variances[0] / gaps
    loadings = np.sort(np.abs(fitted['components'][: len(gaps)]), axis=1)
    if loadings.shape[1] > 1 and (loadings[:, -1] - loadings[:, -2]).min() < 1e-3:
        return None
    return conditions if conditions.max() < 300 else None


def pca_transform():
    def case(name, x, rows, count):
        """The fitted parts are rounded to float32 first: they are inputs here."""
        fitted = ref.pca(rows, count)
        mean, components = f32(fitted['mean']), f32(fitted['components'])
        out = ((ref.tensor(x) - ref.tensor(mean)) @ ref.tensor(components).T).numpy()
        parts = {
            'projected': matrix(f32(fitted['projected'])),
            'components': matrix(components),
            'mean': vector(mean),
            'explainedVariance': vector(f32(fitted['explainedVariance'])),
            'explainedVarianceRatio': vector(f32(fitted['explainedVarianceRatio'])),
        }
        size = max(np.abs(x).max(), np.abs(out).max())
        args = [matrix(x), {'object': parts}]
        return row(name, 'pcaTransform', args, expected_matrix(out, 2e-6 * size))

    plan = [(1, 3, 9, 2), (5, 17, 1, 1), (7, 33, 8, 3)]
    plan += [(65, 5, 7, 4), (3, 8, 130, 7), (130, 9, 2, 2)]
    for count_new, rows, cols, count in plan:
        rng = seeded('pcaTransform', count_new, rows, cols)
        fitted_on, new = spectrum(rng, rows, cols), gaussian(rng, count_new, cols)
        name = f'{count_new} new rows, fitted on {rows}x{cols}, {count} components'
        yield case(name, new, f32(fitted_on + 0.5), count)
    rng = seeded('pcaTransform', 'same')
    x = f32(spectrum(rng, 16, 13) + 3)
    yield case('the rows it was fitted on', x, x, 5)


FUNCTIONS = {'pca': pca, 'pcaTransform': pca_transform}
