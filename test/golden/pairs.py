"""Rows for the losses of pairs of rows with a score each: CoSENT, AnglE, contrastive."""

import numpy as np

import reference as ref
from inputs import across_scales, f32, gaussian, near, with_duplicates, with_zero_row
from rows import gradient, int32, loss_value, matrix, row, seeded, vector


def drawn_pairs(rng, rows, cols):
    """Half of the pairs near each other, half of them not."""
    a = gaussian(rng, rows, cols)
    b = np.where(np.arange(rows)[:, None] % 2 == 0, near(rng, a, 0.7), gaussian(rng, rows, cols))
    return a, f32(b)


def ranking(function, similarities, widths):
    def case(name, a, b, scores, scale=None):
        value, grads = ref.with_gradients(
            lambda x, y: ref.co_sent(similarities(x, y), scores, scale or 20.0), [a, b]
        )
        expected = {'loss': loss_value(value, 1 / (scale or 20.0))}
        natural = scale or 20.0
        for field, grad, x in zip(['gradA', 'gradB'], grads, [a, b]):
            expected[field] = gradient(grad, x, natural, 1 / (scale or 20.0))
        options = {} if scale is None else {'scale': scale}
        return row(name, function, [matrix(a), matrix(b), vector(f32(scores))], expected, options)

    for (rows, cols), scale in zip(widths, [None, 5, None, 1, 50, None, 0.1, 200]):
        rng = seeded(function, rows, cols)
        a, b = drawn_pairs(rng, rows, cols)
        scores = f32(rng.integers(0, 6, rows) + (rows % 3 == 0) * 0.25)
        yield case(f'{rows}x{cols}, scale {scale or "default"}', a, b, scores, scale)
    rng = seeded(function, 'scores')
    a, b = drawn_pairs(rng, 12, 6)
    yield case('all scores different', a, b, f32(rng.standard_normal(12)))
    yield case('all scores equal', a, b, f32(np.full(12, 2.5)))
    yield case('scores of 0 and 1', a, b, f32(np.arange(12) % 2))
    yield case('a scale of 3000', a, b, f32(rng.permutation(12)), 3000)
    yield case('in the right order', a, b, f32(similarities(*map(ref.tensor, (a, b))).numpy()))
    yield case('in the wrong order', a, b, f32(-similarities(*map(ref.tensor, (a, b))).numpy()))
    scores = f32(rng.integers(0, 3, 12))
    yield case('zero rows', with_zero_row(a, 1), with_zero_row(b, 5), scores)
    yield case('duplicate rows', with_duplicates(a), with_duplicates(b), scores[: len(a)])
    yield case('rows of 1e-20 to 1e20', across_scales(rng, a), across_scales(rng, b), scores)


def co_sent():
    shapes = [(1, 1), (2, 3), (7, 5), (13, 17), (33, 4), (40, 9), (130, 2), (5, 66)]
    return ranking('coSentLoss', ref.pair_cosines, shapes)


def angle():
    shapes = [(1, 2), (2, 4), (7, 6), (13, 18), (33, 4), (40, 10), (130, 2), (5, 66)]
    return ranking('angleLoss', ref.pair_angles, shapes)


def contrastive():
    def case(name, a, b, similar, margin=None):
        value, grads = ref.with_gradients(
            lambda x, y: ref.contrastive(x, y, similar, 0.5 if margin is None else margin), [a, b]
        )
        expected = {'loss': loss_value(value)}
        for field, grad, x in zip(['gradA', 'gradB'], grads, [a, b]):
            expected[field] = gradient(grad, x, 1 / len(a))
        options = {} if margin is None else {'margin': margin}
        return row(name, 'contrastiveLoss', [matrix(a), matrix(b), int32(similar)], expected, options)

    shapes = [(1, 1), (2, 3), (7, 5), (16, 33), (33, 4), (130, 2), (9, 130)]
    for (rows, cols), margin in zip(shapes, [None, 0, None, 1.5, 2.5, 0.1, 1]):
        rng = seeded('contrastiveLoss', rows, cols)
        a, b = drawn_pairs(rng, rows, cols)
        name = f'{rows}x{cols}, margin {"default" if margin is None else margin}'
        yield case(name, a, b, rng.integers(0, 2, rows), margin)
    rng = seeded('contrastiveLoss', 'rows')
    a, b = drawn_pairs(rng, 12, 6)
    yield case('all similar', a, b, np.ones(12))
    yield case('none similar', a, b, np.zeros(12), 2)
    similar = np.arange(12) % 2
    yield case('zero rows', with_zero_row(a, 1), with_zero_row(b, 5), similar, 1.2)
    yield case('equal pairs', a, a, similar)
    yield case('rows of 1e-20 to 1e20', across_scales(rng, a), across_scales(rng, b), similar, 1.2)


FUNCTIONS = {'coSentLoss': co_sent, 'angleLoss': angle, 'contrastiveLoss': contrastive}
