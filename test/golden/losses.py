"""Rows for the losses over logits, distributions and batches; every one with its gradients."""

import numpy as np

import reference as ref
from inputs import (
    across_scales,
    near,
    f32,
    gaussian,
    probabilities,
    two_views,
    with_duplicates,
    with_zero_row,
)
from rows import (
    RELATIVE,
    expected_matrix,
    gradient,
    int32,
    loss_value,
    matrix,
    number,
    relative_to_largest,
    row,
    seeded,
    sharpness,
)


def cross_entropy():
    def case(name, logits, targets, options=None, typed=True):
        given = {'ignoreIndex': -100, 'labelSmoothing': 0.0, **(options or {})}

        def loss(x):
            return ref.cross_entropy(x, targets, given['ignoreIndex'], given['labelSmoothing'])

        value, (grad,) = ref.with_gradients(loss, [logits])
        kept = sum(t != given['ignoreIndex'] for t in targets)
        expected = {
            'loss': loss_value(value),
            'grad': expected_matrix(grad, relative_to_largest(grad, floor=2e-7 / kept)),
        }
        labels = int32(targets) if typed else [int(t) for t in targets]
        return row(name, 'crossEntropy', [matrix(logits), labels], expected, options)

    shapes = [(1, 1), (1, 2), (5, 3), (2, 300), (13, 17)]
    shapes += [(65, 3), (130, 2), (257, 2), (31, 9), (5, 64)]
    for i, (rows, cols) in enumerate(shapes):
        rng = seeded('crossEntropy', rows, cols)
        targets = rng.integers(0, cols, rows).tolist()
        yield case(f'{rows}x{cols}', gaussian(rng, rows, cols), targets, typed=i % 2 == 0)
    rng = seeded('crossEntropy', 'options')
    logits = gaussian(rng, 17, 8)
    targets = rng.integers(0, 8, 17).tolist()
    for smoothing in [0.0, 0.1, 0.5, 1.0]:
        yield case(f'label smoothing {smoothing}', logits, targets, {'labelSmoothing': smoothing})
    holes = [-100 if i % 3 == 1 else t for i, t in enumerate(targets)]
    yield case('some targets ignored', logits, holes)
    yield case('one target kept', logits, [-100] * 16 + [5])
    minus = [-1 if i % 4 == 0 else t for i, t in enumerate(targets)]
    yield case('ignoreIndex -1', logits, minus, {'ignoreIndex': -1})
    a_class = targets[:-2] + [3, 4]
    yield case('ignoreIndex that is a class', logits, a_class, {'ignoreIndex': 3})
    both = {'ignoreIndex': -1, 'labelSmoothing': 0.2}
    yield case('ignored targets and label smoothing', logits, minus, both)
    large = f32(90 * rng.uniform(-1, 1, (9, 7)))
    yield case('logits of +-90', large, rng.integers(0, 7, 9).tolist())
    huge = f32(1e4 * rng.uniform(-1, 1, (9, 7)))
    yield case('logits of +-1e4', huge, rng.integers(0, 7, 9).tolist())
    yield case('logits of +-1e4, smoothed', huge, [6] * 9, {'labelSmoothing': 0.1})
    sure = f32(20 * np.eye(5))
    yield case('sure and right', sure, [0, 1, 2, 3, 4])
    yield case('sure and wrong', sure, [1, 2, 3, 4, 0])


def kl_divergence():
    def case(name, p, q):
        value, (grad_p, grad_q) = ref.with_gradients(ref.kl_divergence, [p, q])
        floor = 1e-7 / p.shape[0]
        expected = {
            'loss': loss_value(value),
            'gradP': expected_matrix(grad_p, relative_to_largest(grad_p, floor=floor)),
            'gradQ': expected_matrix(grad_q, relative_to_largest(grad_q, floor=floor)),
        }
        return row(name, 'klDivergence', [matrix(p), matrix(q)], expected)

    for rows, cols in [(1, 1), (1, 300), (5, 7), (17, 9), (64, 3), (130, 2), (2, 65), (8, 16)]:
        rng = seeded('klDivergence', rows, cols)
        p, q = probabilities(rng, rows, cols), probabilities(rng, rows, cols)
        yield case(f'{rows}x{cols}', p, q)
    rng = seeded('klDivergence', 'odd')
    p, q = probabilities(rng, 9, 8), probabilities(rng, 9, 8)
    yield case('equal distributions', p, p)
    sharp = [probabilities(rng, 7, 13, 8.0) for _ in range(2)]
    yield case('sharp distributions', *sharp)
    holes = p * f32(rng.random(p.shape) < 0.6)
    holes[:, 0] += f32(1e-2)
    holes = f32(holes / holes.sum(1, keepdims=True))
    yield case('zeros in p', holes, q)
    shared = q.copy()
    shared[:, 5] = 0
    shared = f32(shared / shared.sum(1, keepdims=True))
    without = holes.copy()
    without[:, 5] = 0
    without = f32(without / without.sum(1, keepdims=True))
    yield case('zeros in both at one position', without, shared)
    yield case('one-hot p', f32(np.eye(8)[rng.integers(0, 8, 9)]), q)


def of_views(function, definition, default):
    """Makes the rows of a loss of two views per sample with a temperature."""

    def case(name, z, temperature=None):
        tau = default if temperature is None else temperature
        value, (grad,) = ref.with_gradients(lambda x: definition(x, tau), [z])
        expected = {
            'loss': loss_value(value, tau),
            'grad': gradient(grad, z, 1 / (tau * len(z)), tau),
        }
        options = None if temperature is None else {'temperature': temperature}
        return row(name, function, [matrix(z)], expected, options)

    return case


def nt_xent():
    case = of_views('ntXent', ref.nt_xent, 0.5)
    plan = [(2, 1, 0.5), (2, 300, 0.1), (8, 1, 0.5), (8, 5, 0.07), (16, 17, None), (8, 13, 0.02)]
    plan += [(64, 3, 0.1), (130, 5, 0.05), (300, 1, 0.5), (64, 8, 0.005), (16, 7, 1), (16, 9, 10)]
    plan += [(2, 33, 0.005), (4, 65, 0.07)]
    for rows, cols, temperature in plan:
        z = two_views(seeded('ntXent', rows, cols), rows, cols)
        yield case(f'{rows}x{cols}, temperature {temperature or "default"}', z, temperature)
    for kind in ['random', 'identical', 'collapsed', 'near', 'far']:
        for temperature in [0.005, 0.07, 1]:
            z = two_views(seeded('ntXent', kind, temperature), 16, 5, kind)
            yield case(f'{kind} views, temperature {temperature}', z, temperature)
    yield from odd_batches(lambda name, z: case(name, z, 0.1))


def decoupled_nt_xent():
    case = of_views('decoupledNtXent', ref.decoupled_nt_xent, 0.1)
    plan = [(4, 1, 0.5), (4, 300, 0.1), (8, 5, 0.07), (16, 17, None), (8, 13, 0.02), (64, 3, 0.1)]
    plan += [(130, 5, 0.05), (300, 2, 0.5), (64, 8, 0.005), (16, 9, 10)]
    for rows, cols, temperature in plan:
        z = two_views(seeded('decoupledNtXent', rows, cols), rows, cols)
        yield case(f'{rows}x{cols}, temperature {temperature or "default"}', z, temperature)
    for kind in ['random', 'identical', 'collapsed', 'far']:
        z = two_views(seeded('decoupledNtXent', kind), 16, 5, kind)
        yield case(f'{kind} views, temperature 0.07', z, 0.07)
    yield from odd_batches(lambda name, z: case(name, z, 0.1))


def odd_batches(case):
    rng = seeded('batches', 'odd')
    z = two_views(rng, 16, 5)
    yield case('a zero row', with_zero_row(z, 3))
    yield case('both views of a sample zero', with_zero_row(with_zero_row(z, 2), 10))
    yield case('duplicate rows', with_duplicates(z))
    yield case('rows of 1e-20 to 1e20', across_scales(rng, z))
    yield case('all rows at 1e-20', f32(1e-20 * z))
    yield case('all rows at 1e20', f32(1e20 * z))


def pairs(rng, rows, cols, noise=0.5):
    first = gaussian(rng, rows, cols)
    return first, near(rng, first, noise)


def id_groups(rng, rows):
    """About half of the rows share their id with another."""
    return rng.integers(0, max(1, 2 * rows // 3), rows).tolist()


def info_nce():
    def case(name, queries, keys, negatives=None, ids=None, typed=True, **options):
        tau = options.get('temperature', 0.07)

        def loss(q, k, n):
            return ref.info_nce(q, k, n, tau, ids, options.get('symmetric', False))

        value, grads = ref.with_gradients(loss, [queries, keys, negatives])
        natural = 1 / (tau * len(queries))
        expected = {'loss': loss_value(value, tau)}
        given = [('gradQueries', queries), ('gradKeys', keys), ('gradNegatives', negatives)]
        for (field, x), grad in zip(given, grads):
            if x is not None:
                expected[field] = gradient(grad, x, natural, tau)
        if negatives is not None:
            options['negatives'] = matrix(negatives)
        if ids is not None:
            options['ids'] = int32(ids) if typed else ids
        return row(name, 'infoNce', [matrix(queries), matrix(keys)], expected, options)

    plan = [(1, 1, 0.5), (1, 5, 0.07), (2, 1, 0.1), (3, 2, 10), (5, 7, 1), (8, 13, 0.02)]
    plan += [(9, 16, 0.05), (31, 5, 0.1), (33, 8, 0.005), (65, 2, 0.5), (130, 1, 0.07)]
    plan += [(1, 130, 0.05), (2, 65, 0.05)]
    for rows, cols, temperature in plan:
        q, k = pairs(seeded('infoNce', rows, cols), rows, cols)
        yield case(f'{rows}x{cols}, temperature {temperature}', q, k, temperature=temperature)
    rng = seeded('infoNce', 'options')
    q, k = pairs(rng, 9, 5)
    ids = id_groups(rng, 9)
    far = gaussian(rng, 7, 5)
    yield case('defaults', q, k)
    for symmetric in [False, True]:
        both = {'symmetric': True} if symmetric else {}
        word = ', symmetric' if symmetric else ''
        yield case(f'9x5{word}, temperature 0.2', q, k, temperature=0.2, **both)
        yield case(f'7 negatives{word}', q, k, far, **both)
        yield case(f'ids{word}', q, k, ids=ids, **both)
        yield case(f'ids as a plain array, 7 negatives{word}', q, k, far, ids, False, **both)
        yield case(f'one id for all{word}', q, k, ids=[4] * 9, **both)
        yield case(f'one id for all, 7 negatives{word}', q, k, far, [4] * 9, **both)
        yield case(f'all ids different{word}', q, k, ids=list(range(100, 109)), **both)
    yield case('one negative, one pair', q[:1], k[:1], far[:1])
    yield case('33 negatives for 3 pairs', q[:3], k[:3], gaussian(rng, 33, 5), temperature=0.02)
    yield case('a negative that equals a key', q, k, k[2:3], temperature=0.005)
    for temperature in [0.005, 1]:
        yield case(f'keys equal queries, temperature {temperature}', q, q, temperature=temperature)
    yield case('zero rows', with_zero_row(q, 1), with_zero_row(k, 5), with_zero_row(far, 6))
    yield case('duplicate rows', with_duplicates(q), with_duplicates(k), far)
    scaled = [across_scales(rng, x) for x in (q, k, far)]
    yield case('rows of 1e-20 to 1e20', *scaled, symmetric=True)
    yield case('all rows at 1e-20', *(f32(1e-20 * x) for x in (q, k, far)), ids)


def clip():
    def case(name, image, text, scale=None, ids=None, typed=True):
        s = 1 / 0.07 if scale is None else scale
        value, (grad_image, grad_text, grad_scale) = ref.with_gradients(
            lambda i, t, x: ref.clip(i, t, x, ids), [image, text, np.float64(s)]
        )
        natural, tau = s / len(image), 1 / s
        grad_value = float(grad_scale)
        expected = {
            'loss': loss_value(value, tau),
            'gradImage': gradient(grad_image, image, natural, tau),
            'gradText': gradient(grad_text, text, natural, tau),
            'gradLogitScale': number(grad_value, sharpness(tau) * (RELATIVE * abs(grad_value) + 5e-7)),
        }
        options = {} if scale is None else {'logitScale': scale}
        if ids is not None:
            options['ids'] = int32(ids) if typed else ids
        return row(name, 'clipLoss', [matrix(image), matrix(text)], expected, options)

    plan = [(1, 1, 1), (1, 8, 100), (2, 1, 10), (3, 2, 0.1), (5, 7, 2), (8, 13, 50), (9, 16, None)]
    plan += [(31, 5, 10), (33, 7, 200), (65, 3, 100), (130, 1, 20)]
    plan += [(1, 300, 14), (7, 33, 1), (2, 130, 5)]
    for rows, cols, scale in plan:
        image, text = pairs(seeded('clipLoss', rows, cols), rows, cols)
        yield case(f'{rows}x{cols}, logit scale {scale or "default"}', image, text, scale)
    rng = seeded('clipLoss', 'options')
    image, text = pairs(rng, 13, 5)
    ids = id_groups(rng, 13)
    yield case('ids', image, text, ids=ids)
    yield case('ids as a plain array, logit scale 100', image, text, 100, ids, False)
    yield case('one id for all', image, text, ids=[7] * 13)
    yield case('all ids different', image, text, 30, list(range(13)))
    yield case('equal features, different rows', image, image, 100)
    same = np.tile(image[:1], (13, 1))
    yield case('identical rows on both sides', same, same)
    yield case('unrelated rows', image, gaussian(rng, 13, 5), 100)
    yield case('zero rows', with_zero_row(image, 1), with_zero_row(text, 5))
    yield case('duplicate rows', with_duplicates(image), with_duplicates(text))
    yield case('rows of 1e-20 to 1e20', across_scales(rng, image), across_scales(rng, text))
    yield case('all rows at 1e-20, ids', f32(1e-20 * image), f32(1e-20 * text), ids=ids)


def sup_con():
    def case(name, z, labels, temperature=None, typed=True):
        tau = 0.1 if temperature is None else temperature
        value, (grad,) = ref.with_gradients(lambda x: ref.sup_con(x, labels, tau), [z])
        anchors = sum(labels.count(label) > 1 for label in labels)
        expected = {
            'loss': loss_value(value, tau),
            'grad': gradient(grad, z, 1 / (tau * anchors), tau),
        }
        options = None if temperature is None else {'temperature': temperature}
        given = int32(labels) if typed else labels
        return row(name, 'supCon', [matrix(z), given], expected, options)

    plan = [(2, 1, 1, 0.5), (3, 2, 2, 1), (5, 7, 2, 10), (8, 13, 3, 0.02), (9, 1, 3, 0.1)]
    plan += [(3, 300, 2, 0.07), (16, 16, 4, 0.05), (31, 5, 5, None), (33, 8, 3, 0.005)]
    plan += [(65, 3, 8, 0.5), (130, 5, 10, 0.1)]
    plan += [(257, 1, 2, 0.07), (9, 33, 3, 0.05)]
    for rows, cols, classes, temperature in plan:
        rng = seeded('supCon', rows, cols)
        labels = [i % classes for i in range(rows)]
        rng.shuffle(labels)
        centers = gaussian(rng, classes, cols)
        z = near(rng, centers[labels], 0.7)
        name = f'{rows}x{cols}, {classes} classes, temperature {temperature or "default"}'
        yield case(name, z, labels, temperature, rows % 2 == 0)
    rng = seeded('supCon', 'labels')
    z = two_views(rng, 16, 7)
    lonely = [0, 1, 2, 3, 0, 5, 6, 7, 8, 9, 9, 11, 12, 13, 0, 14]
    yield case('anchors without a positive', z, lonely)
    yield case('only one pair', z, [0, *range(14), 13])
    yield case('all one class', z, [3] * 16, 0.07)
    yield case('unique pairs, as NT-Xent has them', z, [*range(8), *range(8)], 0.5)
    yield case('labels far apart', z, [3, 70, 1000, 70] * 4, 0.2)
    tied = f32(np.tile(z[:1], (16, 1)))
    yield case('identical rows', tied, [0, 1] * 8)
    apart = np.concatenate([tied[:8], z[:8]])
    yield case('one class apart', apart, [0] * 8 + [*range(1, 9)], 0.005)
    groups = [i % 3 for i in range(16)]
    yield from odd_batches(lambda name, x: case(name, x, groups))


FUNCTIONS = {
    'crossEntropy': cross_entropy,
    'klDivergence': kl_divergence,
    'ntXent': nt_xent,
    'decoupledNtXent': decoupled_nt_xent,
    'infoNce': info_nce,
    'clipLoss': clip,
    'supCon': sup_con,
}
