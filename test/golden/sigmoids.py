"""Rows for the losses that ask of each pair by itself whether it belongs together."""

import numpy as np

import reference as ref
from inputs import across_scales, with_duplicates, with_zero_row
from losses import id_groups, pairs
from rows import gradient, int32, matrix, number, row, seeded


def sig_lip():
    def case(name, image, text, scale=None, bias=None, ids=None):
        s, b = 10.0 if scale is None else scale, -10.0 if bias is None else bias
        value, (grad_image, grad_text, grad_scale, grad_bias) = ref.with_gradients(
            lambda i, t, x, y: ref.sig_lip(i, t, x, y, ids),
            [image, text, np.float64(s), np.float64(b)],
        )
        # A float32 cosine is off by an ulp of 1, times the scale, in every one of n pairs a row.
        within = 2e-6 * max(1.0, s / 10) * max(1.0, abs(value))
        expected = {
            'loss': number(value, within),
            'gradImage': gradient(grad_image, image, s / len(image), min(1.0, 1 / s)),
            'gradText': gradient(grad_text, text, s / len(image), min(1.0, 1 / s)),
            'gradLogitScale': number(grad_scale, 3e-6 * max(1.0, s / 10) * max(1.0, abs(grad_scale))),
            'gradLogitBias': number(grad_bias, 3e-6 * max(1.0, s / 10) * max(1.0, abs(grad_bias))),
        }
        given = {'logitScale': scale, 'logitBias': bias, 'ids': None if ids is None else int32(ids)}
        options = {key: v for key, v in given.items() if v is not None}
        return row(name, 'sigLipLoss', [matrix(image), matrix(text)], expected, options)

    for rows, cols, scale, bias in [
        (1, 1, None, None),
        (1, 33, 5, 1),
        (3, 2, None, None),
        (8, 13, 100, -10),
        (9, 16, 10, 0),
        (33, 7, 0.1, 3),
        (129, 3, None, None),
        (130, 5, 20, -5),
    ]:
        image, text = pairs(seeded('sigLipLoss', rows, cols), rows, cols)
        name = f'{rows}x{cols}, scale {scale or "default"}, bias {"default" if bias is None else bias}'
        yield case(name, image, text, scale, bias)
    rng = seeded('sigLipLoss', 'options')
    image, text = pairs(rng, 13, 5)
    yield case('ids', image, text, ids=id_groups(rng, 13))
    yield case('one id for all', image, text, 5, -1, [7] * 13)
    yield case('zero rows', with_zero_row(image, 1), with_zero_row(text, 5), 5, -1)
    yield case('duplicate rows', with_duplicates(image), with_duplicates(text), 8, -4)
    yield case('rows of 1e-20 to 1e20', across_scales(rng, image), across_scales(rng, text), 5, 1)


FUNCTIONS = {'sigLipLoss': sig_lip}
