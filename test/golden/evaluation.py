"""Rows of evaluation: neighbors, rankings, classifiers, alignment, uniformity, rank."""

import numpy as np
import torch

import reference as ref
from inputs import near, f32, gaussian, with_duplicates, with_zero_row
from rows import expected_matrix, int32, matrix, number, numbers, row, seeded, vector


def clusters(rng, rows, cols, classes, noise=0.8):
    """Rows around one center a label, and the labels: some below zero, in no order."""
    labels = rng.integers(0, classes, rows)
    labels[:classes] = np.arange(classes)
    centers = rng.standard_normal((classes, cols))
    return f32(centers[labels] + noise * rng.standard_normal((rows, cols))), 3 * labels - 2


def told_apart(scores, gap=2e-6):
    """Whether float32 sorts the scores of each row as float64 does."""
    gaps = np.diff(np.sort(np.round(scores, 12), 1), axis=1)
    return not ((gaps > 0) & (gaps < gap)).any()


def drawn(function, name, make, sound):
    for attempt in range(500):
        inputs = make(seeded(function, name, attempt))
        if sound(*inputs):
            return inputs
    raise AssertionError(f'{function} {name}: no seed gives what float32 tells apart')


def knn():
    def case(name, make, k=None, temperature=None):
        sizes = {'k': k or 20, 'temperature': temperature or 0.07}

        def sound(train, labels, queries):
            votes = ref.knn_votes(train, labels, np.atleast_2d(queries), **sizes)
            best = np.sort(votes, 1)[:, -2:]
            tied = best[:, -1] == best[:, 0]
            return (tied | (best[:, -1] - best[:, 0] > 1e-4 * best[:, -1])).all()

        train, labels, queries = drawn('knnClassify', name, make, sound)
        votes = ref.knn_votes(train, labels, np.atleast_2d(queries), **sizes)
        first = vector(queries) if queries.ndim == 1 else matrix(queries)
        given = {'k': k, 'temperature': temperature}
        options = {key: value for key, value in given.items() if value is not None}
        args = [matrix(train), int32(labels), first]
        expected = int32(np.unique(labels)[votes.argmax(1)])
        return row(name, 'knnClassify', args, expected, options)

    def make(rows, queries, cols, classes):
        return lambda rng: (*clusters(rng, rows, cols, classes, 2.0), gaussian(rng, queries, cols))

    def one(rng):
        return (*clusters(rng, 30, 7, 3), gaussian(rng, 1, 7)[0])

    def copies(rng):
        x = gaussian(rng, 4, 5)
        return np.concatenate([x, x]), np.array([5, 5, 1, 1, 2, 2, 9, 9]), gaussian(rng, 6, 5)

    for rows, queries, cols, classes in [(5, 3, 2, 2), (40, 9, 13, 5), (130, 33, 8, 10)]:
        name = f'{rows} rows, {queries} queries, width {cols}, {classes} labels'
        yield case(name, make(rows, queries, cols, classes))
        yield case(f'{name}, k 3', make(rows, queries, cols, classes), 3)
    yield case('k 1', make(33, 17, 4, 3), 1)
    yield case('a sharp vote', make(60, 17, 6, 4), 15, 0.001)
    yield case('a flat vote', make(60, 17, 6, 4), 15, 50.0)
    yield case('one vector as the query', one, 5)
    yield case('equal rows with two labels: the lower one', copies, 2)


def alignment_rows():
    for name, rows, cols, alpha in [
        ('one pair', 1, 3, None),
        ('an odd width', 7, 13, None),
        ('alpha 1', 9, 8, 1.0),
        ('alpha 3.5', 33, 5, 3.5),
        ('alpha 0.5', 5, 65, 0.5),
    ]:
        rng = seeded('alignment', name)
        a = gaussian(rng, rows, cols)
        b = near(rng, a)
        value = ref.alignment(ref.tensor(a), ref.tensor(b), alpha or 2.0)
        options = {'alpha': alpha} if alpha else None
        yield row(name, 'alignment', [matrix(a), matrix(b)], number(value, 1e-6 * value), options)
    a = with_zero_row(gaussian(seeded('alignment', 'zero'), 4, 5), 2)
    value = ref.alignment(ref.tensor(a), ref.tensor(2 * a[::-1].copy()), 2.0)
    args = [matrix(a), matrix(f32(2 * a[::-1]))]
    yield row('a row of zeros', 'alignment', args, number(value, 1e-6 * value))


def uniformity_rows():
    def case(name, x, t=None):
        value = ref.uniformity(ref.tensor(x), t or 2.0)
        options = {'t': t} if t else None
        within = 2e-6 * max(1.0, t or 2.0) + 1e-6 * abs(value)
        return row(name, 'uniformity', [matrix(x)], number(value, within), options)

    for rows, cols in [(2, 1), (3, 2), (9, 13), (33, 8), (130, 5)]:
        yield case(f'{rows}x{cols}', gaussian(seeded('uniformity', rows, cols), rows, cols))
    x = gaussian(seeded('uniformity', 'x'), 31, 7)
    for t in [0.1, 1.0, 20.0, 21.0, 300.0]:
        yield case(f't {t}', x, t)
    yield case('equal rows', np.tile(x[:1], (5, 1)))
    yield case('duplicate rows', with_duplicates(x))
    yield case('a row of zeros', with_zero_row(x, 4))
    zeros = with_zero_row(with_zero_row(x, 4), 9)
    yield case('two rows of zeros', zeros)
    yield case('two rows of zeros, t 500', zeros, 500.0)
    yield case('nothing but zeros', np.zeros((3, 4), np.float32))


def effective_rank():
    def case(name, x):
        return row(name, 'effectiveRank', [matrix(x)], number(ref.effective_rank(x), 1e-5))

    for rows, cols in [(1, 1), (1, 7), (7, 1), (9, 9), (33, 5), (5, 33), (130, 16)]:
        yield case(f'{rows}x{cols}', gaussian(seeded('effectiveRank', rows, cols), rows, cols))
    rng = seeded('effectiveRank', 'x')
    yield case('one direction', f32(np.outer(1.0 + np.arange(5), [1, 2, 4])))
    yield case('the axes', np.eye(6, dtype=np.float32))
    yield case('nothing but zeros', np.zeros((3, 4), np.float32))
    yield case('tiny', f32(1e-25 * gaussian(rng, 8, 5)))
    yield case('large', f32(1e15 * gaussian(rng, 5, 8)))
    yield case('far from the origin', f32(100 + gaussian(rng, 17, 5)))


def retrieval():
    def case(name, make, ks=None, metric=None):
        def sound(queries, corpus, relevant):
            return told_apart(ref.scores(ref.tensor(queries), ref.tensor(corpus), metric or 'cosine').numpy())

        queries, corpus, relevant = drawn('evaluateRetrieval', name, make, sound)
        order = ks or [1, 10]
        found = ref.retrieval(queries, corpus, relevant, order, metric or 'cosine')
        expected = {
            key: {'object': {str(k): number(v, 1e-9) for k, v in value.items()}}
            if isinstance(value, dict)
            else number(value, 1e-9)
            for key, value in found.items()
        }
        given = {'ks': ks, 'metric': metric}
        options = {key: value for key, value in given.items() if value is not None}
        args = [matrix(queries), matrix(corpus), relevant]
        return row(name, 'evaluateRetrieval', args, expected, options)

    def make(queries, rows, cols, most):
        def draw(rng):
            relevant = [
                [int(r) for r in rng.choice(rows, rng.integers(0, most + 1), replace=False)]
                for _ in range(queries)
            ]
            relevant[0] = relevant[0] or [0]
            return gaussian(rng, queries, cols), gaussian(rng, rows, cols), relevant

        return draw

    def copies(rng):
        x = gaussian(rng, 6, 4)
        return gaussian(rng, 4, 4), np.concatenate([x, x, x]), [[12, 0], [7], [17, 17, 5], []]

    yield case('one relevant row each', make(7, 30, 5, 1))
    yield case('several relevant rows', make(9, 65, 8, 6), [1, 3, 5, 65])
    yield case('more of them than k', make(5, 33, 7, 20), [2, 10])
    yield case('fewer rows than ten', make(4, 5, 3, 2))
    yield case('one row', make(3, 1, 2, 1))
    yield case('dot', make(6, 40, 5, 3), [1, 5], 'dot')
    yield case('euclidean', make(6, 40, 5, 3), [1, 5], 'euclidean')
    yield case('every row three times, one listed twice', copies, [1, 2, 6])


def embeddings():
    def case(name, make):
        def sound(x, labels):
            return told_apart(ref.cosine_matrix(ref.tensor(x), ref.tensor(x)).numpy())

        x, labels = drawn('evaluateEmbeddings', name, make, sound)
        found = ref.embedding_metrics(x, labels)
        expected = {key: number(value, 1e-9) for key, value in found.items()}
        return row(name, 'evaluateEmbeddings', [matrix(x), int32(labels)], expected)

    def make(rows, cols, classes, noise):
        return lambda rng: clusters(rng, rows, cols, classes, noise)

    def lonely(rng):
        x, labels = clusters(rng, 20, 5, 3)
        labels[7], labels[11] = 100, 101
        return x, labels

    def copies(rng):
        x, labels = clusters(rng, 9, 5, 3)
        return np.concatenate([x, x]), np.concatenate([labels, labels[::-1]])

    yield case('two rows', lambda rng: (gaussian(rng, 2, 3), np.array([4, 4])))
    yield case('three labels', make(17, 5, 3, 0.8))
    yield case('ten labels, little to tell them by', make(70, 9, 10, 3.0))
    yield case('labels that no other has', lonely)
    yield case('every row twice', copies)


def classifier():
    def case(name, make, l2=None, class_weight=None):
        x, labels = make(seeded('fitClassifier', name))
        weights = class_weight if isinstance(class_weight, dict) else None
        classes, weight, bias = ref.logistic(
            x, labels, 1.0 if l2 is None else l2, class_weight == 'balanced', weights
        )
        largest = max(np.abs(weight).max(), np.abs(bias).max(), 0.1)
        within = 2e-4 * largest
        expected = {
            'weight': expected_matrix(weight, within),
            'bias': numbers(bias, within * (1 + np.abs(x.mean(0)).sum())),
            'classes': int32(classes),
        }
        given = {'l2': l2, 'classWeight': class_weight}
        options = {key: value for key, value in given.items() if value is not None}
        if weights is not None:
            options['classWeight'] = {'object': {str(key): w for key, w in weights.items()}}
        return row(name, 'fitClassifier', [matrix(x), int32(labels)], expected, options)

    def make(rows, cols, classes, noise=1.5, scale=1.0, offset=0.0):
        def draw(rng):
            x, labels = clusters(rng, rows, cols, classes, noise)
            return f32(x * scale + offset), labels

        return draw

    yield case('two labels', make(40, 3, 2))
    yield case('three labels', make(60, 5, 3))
    yield case('ten labels', make(150, 7, 10))
    yield case('one column', make(30, 1, 2))
    yield case('more columns than rows', make(12, 40, 3))
    yield case('l2 0.01', make(80, 4, 3), 0.01)
    yield case('l2 100', make(80, 4, 3), 100)
    yield case('l2 0, not separable', make(120, 3, 3, 2.5), 0)
    yield case('balanced', make(90, 5, 4), None, 'balanced')
    yield case('weights by label', make(90, 5, 3), 0.5, {-2: 5, 4: 0.25})
    yield case('far from the origin', make(60, 4, 3, offset=30.0))
    yield case('small columns', make(60, 4, 3, scale=1e-2), 1e-3)


FUNCTIONS = {
    'knnClassify': knn,
    'alignment': alignment_rows,
    'uniformity': uniformity_rows,
    'effectiveRank': effective_rank,
    'evaluateRetrieval': retrieval,
    'evaluateEmbeddings': embeddings,
    'fitClassifier': classifier,
}
