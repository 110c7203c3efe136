"""The references checked without PyTorch: plain loops, central differences, and closed forms.

Runs at every generation, so no fixture is written from a definition that fails here. The loops
follow the papers sum by sum (no matrices, no autograd) and share no code with reference.py.
"""

import math

import numpy as np
import torch

import reference as ref
from inputs import gaussian, two_views, with_zero_row


# The losses by hand, in float64


def cosine(a, b):
    lengths = math.sqrt(float(a @ a)) * math.sqrt(float(b @ b))
    return float(a @ b) / lengths if lengths > 0 else 0.0


def minus_log_share(positive, others):
    """-log(exp(positive) / (exp(positive) + sum of exp(others))), the largest taken out."""
    top = max([positive, *others])
    return top + math.log(sum(math.exp(x - top) for x in [positive, *others])) - positive


def naive_nt_xent(z, temperature=0.5):
    rows = len(z)
    total = 0.0
    for i in range(rows):
        j = (i + rows // 2) % rows
        others = [cosine(z[i], z[k]) / temperature for k in range(rows) if k not in (i, j)]
        total += minus_log_share(cosine(z[i], z[j]) / temperature, others)
    return total / rows


def naive_decoupled_nt_xent(z, temperature=0.1):
    rows = len(z)
    total = 0.0
    for i in range(rows):
        j = (i + rows // 2) % rows
        negatives = [cosine(z[i], z[k]) / temperature for k in range(rows) if k not in (i, j)]
        total += math.log(sum(math.exp(x) for x in negatives)) - cosine(z[i], z[j]) / temperature
    return total / rows


def naive_one_way(queries, keys, scale, ids=None, negatives=()):
    total = 0.0
    for i, query in enumerate(queries):
        kept = [k for k in range(len(keys)) if k != i and (ids is None or ids[k] != ids[i])]
        others = [scale * cosine(query, keys[k]) for k in kept]
        others += [scale * cosine(query, row) for row in negatives]
        total += minus_log_share(scale * cosine(query, keys[i]), others)
    return total / len(queries)


def naive_info_nce(queries, keys, negatives=None, temperature=0.07, ids=None, symmetric=False):
    rows = () if negatives is None else negatives
    loss = naive_one_way(queries, keys, 1 / temperature, ids, rows)
    if not symmetric:
        return loss
    return (loss + naive_one_way(keys, queries, 1 / temperature, ids)) / 2


def naive_clip(image, text, logit_scale, ids=None):
    one = naive_one_way(image, text, logit_scale, ids)
    return (one + naive_one_way(text, image, logit_scale, ids)) / 2


def naive_co_sent(similarity, a, b, scores, scale=20.0):
    found = [similarity(x, y) for x, y in zip(a, b)]
    total = 1.0
    for i in range(len(a)):
        for j in range(len(a)):
            if scores[i] < scores[j]:
                total += math.exp(scale * (found[i] - found[j]))
    return math.log(total)


def angle(x, y):
    """Real and imaginary parts of x / y as complex rows, y brought to the length of x."""
    half = len(x) // 2
    z, w = x[:half] + 1j * x[half:], y[:half] + 1j * y[half:]
    lengths = math.sqrt(float(x @ x)) * math.sqrt(float(y @ y))
    if lengths == 0:
        return 0.0
    quotient = sum(z * w.conjugate()) / lengths
    return abs(quotient.real + quotient.imag)


def naive_contrastive(a, b, similar, margin=0.5):
    total = 0.0
    for x, y, alike in zip(a, b, similar):
        distance = 1 - cosine(x, y)
        total += (distance if alike else max(0.0, margin - distance)) ** 2 / 2
    return total / len(a)


def naive_sup_con(z, labels, temperature=0.1):
    losses = []
    for i in range(len(z)):
        others = [k for k in range(len(z)) if k != i]
        positives = [k for k in others if labels[k] == labels[i]]
        if not positives:
            continue
        sims = {k: cosine(z[i], z[k]) / temperature for k in others}
        terms = [
            minus_log_share(sims[p], [sims[k] for k in others if k != p]) for p in positives
        ]
        losses.append(sum(terms) / len(terms))
    return sum(losses) / len(losses)


def naive_triplet(anchors, positives, negatives, margin=0.5, distance='cosine'):
    def apart(a, b):
        return 1 - cosine(a, b) if distance == 'cosine' else math.dist(a, b)

    rows = zip(anchors, positives, negatives)
    return sum(max(0.0, apart(a, p) - apart(a, n) + margin) for a, p, n in rows) / len(anchors)


def naive_kl(p, q):
    pairs = zip(p.ravel().tolist(), q.ravel().tolist())
    return sum(x * math.log(x / y) for x, y in pairs if x > 0) / len(p)


def naive_cross_entropy(logits, targets, ignore_index=-100, label_smoothing=0.0):
    losses = []
    for row, target in zip(logits.tolist(), targets):
        if target == ignore_index:
            continue
        shares = [minus_log_share(x, row[:i] + row[i + 1 :]) for i, x in enumerate(row)]
        even = sum(shares) / len(shares)
        losses.append((1 - label_smoothing) * shares[target] + label_smoothing * even)
    return sum(losses) / len(losses)


# The checks


def near(what, actual, expected, tolerance):
    gap = float(np.abs(np.asarray(actual) - np.asarray(expected)).max())
    if not gap <= tolerance:
        raise AssertionError(f'{what}: off by {gap:.3g}, more than {tolerance:.0e}')


def against_loops(what, loss, naive, inputs):
    """The value against the loops, the gradients against central differences of the loops."""
    inputs = [np.asarray(x, np.float64) for x in inputs]
    value, grads = ref.with_gradients(loss, inputs)
    near(f'{what}: value', value, naive(*inputs), 1e-12 * max(1, abs(value)))
    step = 1e-5
    for which, (x, grad) in enumerate(zip(inputs, grads)):
        differences = np.zeros_like(x)
        zero = x.ndim == 2 and (x == 0).all(1)
        for at in np.ndindex(x.shape):
            if x.ndim == 2 and zero[at[0]]:
                continue  # a jump there, the gradient is zero by definition
            sides = []
            for sign in (1, -1):
                moved = [y.copy() for y in inputs]
                moved[which][at] += sign * step
                sides.append(naive(*moved))
            differences[at] = (sides[0] - sides[1]) / (2 * step)
        near(f'{what}: gradient {which}', grad, differences, 1e-6 * max(1, np.abs(grad).max()))


def check_loops():
    rng = np.random.default_rng(7)
    q, k, far = gaussian(rng, 6, 4), gaussian(rng, 6, 4), gaussian(rng, 3, 4)
    ids = [5, 1, 5, 2, 1, 3]
    for temperature in [0.07, 0.5, 10]:
        for z in [two_views(rng, 8, 3), with_zero_row(two_views(rng, 6, 5), 2)]:
            against_loops(
                f'ntXent at {temperature}',
                lambda x: ref.nt_xent(x, temperature),
                lambda x: naive_nt_xent(x, temperature),
                [z],
            )
            against_loops(
                f'decoupledNtXent at {temperature}',
                lambda x: ref.decoupled_nt_xent(x, temperature),
                lambda x: naive_decoupled_nt_xent(x, temperature),
                [z],
            )
            labels = [0, 1, 0, 2, 1, 0, 3, 4][: len(z)]
            against_loops(
                f'supCon at {temperature}',
                lambda x: ref.sup_con(x, labels, temperature),
                lambda x: naive_sup_con(x, labels, temperature),
                [z],
            )
        for symmetric in [False, True]:
            for chosen in [None, ids]:
                options = {'temperature': temperature, 'ids': chosen, 'symmetric': symmetric}
                zeros = [with_zero_row(q, 1), k, with_zero_row(far, 0)]
                for inputs in [[q, k], [q, k, far], zeros]:
                    against_loops(
                        f'infoNce {options}',
                        lambda *x: ref.info_nce(*x, **options),
                        lambda *x: naive_info_nce(*x, **options),
                        inputs,
                    )
        for chosen in [None, ids]:
            against_loops(
                f'clipLoss at {temperature}, ids {chosen}',
                lambda i, t, s: ref.clip(i, t, s, chosen),
                lambda i, t, s: naive_clip(i, t, float(s), chosen),
                [q, k, 1 / temperature],
            )
    scores = [2.0, 0.5, 0.5, 3.0, -1.0, 2.0]
    for scale in [1.0, 20.0]:
        for name, of_rows, of_pair in [
            ('coSentLoss', ref.pair_cosines, cosine),
            ('angleLoss', ref.pair_angles, angle),
        ]:
            for inputs in [[q, k], [with_zero_row(q, 1), with_zero_row(k, 3)]]:
                against_loops(
                    f'{name} at {scale}',
                    lambda a, b: ref.co_sent(of_rows(a, b), scores, scale),
                    lambda a, b: naive_co_sent(of_pair, a, b, scores, scale),
                    inputs,
                )
    for margin in [0.0, 0.5, 1.7]:
        against_loops(
            f'contrastiveLoss, margin {margin}',
            lambda a, b: ref.contrastive(a, b, [1, 0, 1, 0, 0, 1], margin),
            lambda a, b: naive_contrastive(a, b, [1, 0, 1, 0, 0, 1], margin),
            [q, k],
        )
    for distance in ['cosine', 'euclidean']:
        against_loops(
            f'tripletLoss {distance}',
            lambda *x: ref.triplet(*x, margin=0.7, distance=distance),
            lambda *x: naive_triplet(*x, margin=0.7, distance=distance),
            [q, k, q + k],
        )
    for smoothing in [0.0, 0.1, 1.0]:
        targets = [0, -1, 3, 2, -1, 1]
        against_loops(
            f'crossEntropy, smoothing {smoothing}',
            lambda x: ref.cross_entropy(x, targets, -1, smoothing),
            lambda x: naive_cross_entropy(x, targets, -1, smoothing),
            [q],
        )
    p, r = np.exp(q.astype(np.float64)), np.exp(k.astype(np.float64))
    p, r = p / p.sum(1, keepdims=True), r / r.sum(1, keepdims=True)
    against_loops('klDivergence', ref.kl_divergence, naive_kl, [p, r])


def check_identities():
    rng = np.random.default_rng(11)
    for n in [1, 4, 13]:
        same = ref.tensor(np.tile(gaussian(rng, 1, 5), (2 * n, 1)))
        for temperature in [0.005, 0.5, 10]:
            value = ref.nt_xent(same, temperature).item()
            near('ntXent of identical rows is ln(2N - 1)', value, math.log(2 * n - 1), 1e-10)
        value = ref.clip(same, same, 100.0).item()
        near('clipLoss at equal features is ln N', value, math.log(2 * n), 1e-10)

        z = ref.tensor(two_views(rng, 2 * n, 7))
        value = ref.sup_con(z, [*range(n), *range(n)], 0.2).item()
        near('supCon of unique pairs is ntXent', value, ref.nt_xent(z, 0.2).item(), 1e-12)

        a, b = z[:n], z[n:]
        ids = [i // 2 for i in range(n)]
        for chosen in [None, ids]:
            symmetric = ref.info_nce(a, b, None, 0.05, chosen, True).item()
            value = ref.clip(a, b, 20.0, chosen).item()
            near('infoNce, symmetric, is clipLoss at 1 / temperature', symmetric, value, 1e-12)
        value = ref.info_nce(a, b, None, 0.05, [3] * n).item()
        near('infoNce with one id for all has no negatives', value, 0.0, 1e-12)

    logits = ref.tensor(gaussian(rng, 5, 9))
    shifted = torch.logsumexp(logits + 3, 1) - torch.logsumexp(logits, 1)
    near('logSumExp moves with its input', shifted, 3.0, 1e-12)
    p = torch.softmax(logits, 1)
    near('klDivergence of a distribution from itself', ref.kl_divergence(p, p).item(), 0.0, 1e-12)


def check_triplet_update():
    """The update's lines in NumPy, and the step written out for the gradient."""
    rng = np.random.default_rng(13)
    start = gaussian(rng, 9, 5)
    triplets = np.array([[0, 3, 1], [1, 1, 2], [3, 6, 8], [0, 6, 5]] * 4, np.int32)
    for rule in ['anchor', 'gradient']:
        rows, losses = start.astype(np.float64), []
        for anchor, positive, negative in triplets:
            a, p, n = rows[anchor].copy(), rows[positive].copy(), rows[negative].copy()
            la, lp, ln = (np.linalg.norm(v) for v in (a, p, n))
            cap, can = a @ p / (la * lp + 1e-10), a @ n / (la * ln + 1e-10)
            losses.append(max(0.0, 0.5 - cap + can))
            if losses[-1] > 0 and rule == 'anchor':
                rows[anchor] += 0.05 * (p - n) / (la + 1e-8)
            elif losses[-1] > 0:
                near_, far = la * lp + 1e-10, la * ln + 1e-10
                rows[anchor] += 0.05 * (p / near_ - cap * lp / near_ * a / la)
                rows[anchor] -= 0.05 * (n / far - can * ln / far * a / la)
                rows[positive] += 0.05 * (a / near_ - cap * la / near_ * p / lp)
                rows[negative] -= 0.05 * (a / far - can * la / far * n / ln)
        found, moved, _ = ref.triplet_update(start, triplets, rule=rule)
        near(f'tripletUpdate {rule}: losses', found, losses, 1e-12)
        near(f'tripletUpdate {rule}: rows', moved, rows, 1e-12)


def check_pca():
    """Against the eigenvalues of the covariance, and rows put together again."""
    rng = np.random.default_rng(17)
    for shape in [(17, 5), (5, 17), (9, 9)]:
        x = gaussian(rng, *shape).astype(np.float64)
        count = min(shape)
        fitted = ref.pca(x, count)
        values = np.linalg.eigvalsh(np.cov(x.T))[::-1][:count]
        near('pca: variances', fitted['explainedVariance'], values, 1e-12)
        again = fitted['projected'] @ fitted['components'] + fitted['mean']
        near('pca: rows again', again, x, 1e-12)
        near('pca: ratios', fitted['explainedVarianceRatio'].sum(), 1.0, 1e-12)
        largest = np.take_along_axis(
            fitted['components'], np.abs(fitted['components']).argmax(1)[:, None], 1
        )
        assert (largest > 0).all()


def run():
    check_loops()
    check_identities()
    check_triplet_update()
    check_pca()
