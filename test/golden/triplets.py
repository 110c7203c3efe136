"""Rows for the triplet loss and the sequential triplet update."""

import numpy as np

import reference as ref
from inputs import across_scales, near, f32, gaussian, with_zero_row
from rows import (
    ABSOLUTE,
    RELATIVE,
    ZERO,
    expected_matrix,
    gradient,
    int32,
    loss_value,
    matrix,
    numbers,
    row,
    seeded,
)

# A hinge this close to its kink could fall on either side in float32.
KINK = 1e-4


def triplet_loss():
    def case(name, triple, **options):
        triple = [f32(x) for x in triple]
        terms = ref.triplet_terms(*map(ref.tensor, triple), **options).numpy()
        assert (np.abs(terms) > KINK).all(), f'tripletLoss {name}: a triplet at the kink'
        value, grads = ref.with_gradients(lambda *x: ref.triplet(*x, **options), triple)
        rows = len(triple[0])
        expected = {'loss': loss_value(value)}
        if options.get('distance') == 'euclidean':
            # A gradient of the distance is a unit vector, whatever the distance.
            written = [expected_matrix(g, RELATIVE / rows) for g in grads]
        else:
            written = [gradient(g, x, 1 / rows) for g, x in zip(grads, triple)]
        expected.update(zip(['gradAnchors', 'gradPositives', 'gradNegatives'], written))
        return row(name, 'tripletLoss', [matrix(x) for x in triple], expected, options)

    def draw(rng, rows, cols):
        anchors = gaussian(rng, rows, cols)
        return anchors, near(rng, anchors, 0.7), gaussian(rng, rows, cols)

    plan = [(1, 1, 0.5), (3, 2, 1), (7, 5, 0), (5, 8, 0.3), (2, 33, 2.5), (3, 13, 0.5), (9, 7, 0.2)]
    large = {
        'cosine': [(1, 65, 0.2), (33, 3, 0.5), (65, 1, 0.1)],
        'euclidean': [(1, 130, 0.2), (64, 1, 0.5), (9, 9, 0.1)],
    }
    for distance in ['cosine', 'euclidean']:
        for rows, cols, margin in plan + large[distance]:
            triple = draw(seeded('tripletLoss', distance, rows, cols), rows, cols)
            name = f'{distance}, {rows}x{cols}, margin {margin}'
            yield case(name, triple, distance=distance, margin=margin)
        a, p, n = draw(seeded('tripletLoss', distance, 'odd'), 5, 7)
        name = f'{distance}, '
        yield case(name + 'default margin', (a, p, n), distance=distance)
        yield case(name + 'anchor equals positive', (a, a, n), distance=distance, margin=5)
        yield case(name + 'anchor equals negative', (a, p, a), distance=distance)
        yield case(name + 'all three equal', (a, a, a), distance=distance)
        zeros = [with_zero_row(x, i) for i, x in enumerate((a, p, n))]
        yield case(name + 'zero rows', zeros, distance=distance, margin=3)
        apart = (a, f32(1.001 * a), f32(-4 * a))
        yield case(name + 'no triplet violates', apart, distance=distance, margin=0.01)
    rng = seeded('tripletLoss', 'scales')
    a, p, n = draw(rng, 7, 5)
    yield case('defaults', (a, p, n))
    wide = [across_scales(rng, x) for x in (a, p, n)]
    yield case('cosine, rows of 1e-20 to 1e20', wide, margin=2.2)
    yield case('cosine, all rows at 1e-20', [1e-20 * x for x in (a, p, n)])
    scaled = [across_scales(rng, x, 3) for x in (a, p, n)]
    far = [f32(100 + 1e-2 * x) for x in (a, p, n)]
    yield case('euclidean, rows of 1e-3 to 1e3', scaled, distance='euclidean', margin=1)
    yield case('euclidean, far from the origin', far, distance='euclidean', margin=0.5)


def triplet_update():
    def case(name, make, **options):
        names = {'learningRate': 'learning_rate', 'margin': 'margin', 'rule': 'rule'}
        given = {names[key]: value for key, value in options.items()}
        for attempt in range(100):
            x, triplets = make(seeded('tripletUpdate', name, attempt))
            triplets = np.asarray(triplets, np.int32)
            losses, moved, terms = ref.triplet_update(x, triplets, **given)
            if np.abs(terms).min() > KINK:
                break
        else:
            raise AssertionError(f'tripletUpdate {name}: no seed keeps off the kink')
        count = len(losses)
        # Rounding adds up over the steps, and later steps start from rounded rows.
        drift = 1 + count / 20
        touched = np.zeros(len(x), bool)
        touched[triplets.ravel()] = True
        within = np.where(touched, RELATIVE * drift * np.abs(moved).max(1), ZERO)
        args = [matrix(x), int32(triplets)]
        expected = numbers(losses, ABSOLUTE * drift)
        return row(name, 'tripletUpdate', args, expected, options, expected_matrix(moved, within))

    def classes(rows, cols, count, spread=1.0, groups=3):
        """Rows in `groups` classes; an anchor may be its own positive, as the demo has it."""

        def make(rng):
            x = f32(spread * rng.standard_normal((rows, cols)))
            triplets = []
            for _ in range(count):
                group, other = rng.permutation(groups)[:2]
                members = np.arange(group, rows, groups)
                others = np.arange(other, rows, groups)
                triplets.append([*rng.choice(members, 2), rng.choice(others)])
            return x, triplets

        return make

    plan = [(3, 1, 4, {}), (8, 5, 20, {}), (13, 33, 60, {}), (65, 3, 130, {})]
    plan += [(3, 130, 5, {}), (9, 16, 40, {'learningRate': 0.5, 'margin': 1})]
    plan += [(13, 7, 30, {'margin': 0}), (33, 2, 31, {'learningRate': 0.001, 'margin': 0.2})]
    plan += [(24, 7, 200, {'learningRate': 0.05, 'margin': 0.5})]
    for rule in ['anchor', 'gradient']:
        for rows, cols, count, options in plan:
            name = f'{rule}, {rows}x{cols}, {count} triplets'
            yield case(name, classes(rows, cols, count), rule=rule, **options)
        make = classes(8, 5, 20, 1e-3)
        yield case(f'{rule}, rows of 1e-3', make, rule=rule, learningRate=1e-6)
        make = classes(8, 5, 20, 1e3)
        yield case(f'{rule}, rows of 1e3', make, rule=rule)

        def alone(rng):
            return gaussian(rng, 5, 7), [[1, 1, 3], [1, 1, 3], [2, 2, 4], [4, 2, 1]]

        yield case(f'{rule}, an anchor that is its own positive', alone, rule=rule, margin=1.5)
    yield case('defaults', classes(16, 9, 30))

    def at_zero(rng):
        return with_zero_row(gaussian(rng, 6, 5), 2), [[0, 1, 2], [2, 3, 4], [2, 3, 4], [5, 2, 0]]

    for rule in ['anchor', 'gradient']:
        yield case(f'{rule}, an anchor at zero', at_zero, rule=rule)


FUNCTIONS = {'tripletLoss': triplet_loss, 'tripletUpdate': triplet_update}
