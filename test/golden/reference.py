"""The definitions of every function under test, in float64 PyTorch.

Gradients come from autograd, with respect to the inputs as given. The formulas are written out as
the papers write them, with whole similarity matrices: clear, not fast. Where PyTorch has the
function itself (cross_entropy), PyTorch's is used.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

DOUBLE = torch.float64


def tensor(array):
    return torch.tensor(array, dtype=DOUBLE)


def with_gradients(loss, inputs):
    """The value of loss(*inputs) and its gradient for each input; None stays None."""
    leaves = [None if x is None else tensor(x).requires_grad_() for x in inputs]
    value = loss(*leaves)
    if value.requires_grad:
        value.backward()
    grads = [
        None if x is None else (torch.zeros_like(x) if x.grad is None else x.grad).numpy()
        for x in leaves
    ]
    return float(value), grads


# Rows and similarities


def unit_rows(x):
    """Rows of length one; a row of zeros stays zero and passes no gradient on."""
    squares = (x * x).sum(1, keepdim=True)
    zero = squares == 0
    length = torch.where(zero, torch.ones_like(squares), squares).sqrt()
    return torch.where(zero, torch.zeros_like(x), x / length)


def cosine_matrix(a, b):
    return unit_rows(a) @ unit_rows(b).T


def euclidean_rows(a, b):
    """The distance of each row of a from the same row of b; gradient zero where it is zero."""
    squares = ((a - b) ** 2).sum(-1)
    zero = squares == 0
    return torch.where(zero, torch.zeros_like(squares), torch.where(zero, 1.0, squares).sqrt())


def euclidean_matrix(a, b):
    return euclidean_rows(a[:, None, :], b[None, :, :])


def scores(queries, corpus, metric):
    """Larger is nearer, for every metric."""
    if metric == 'cosine':
        return cosine_matrix(queries, corpus)
    if metric == 'dot':
        return queries @ corpus.T
    return -euclidean_matrix(queries, corpus)


# Losses


def cross_entropy(logits, targets, ignore_index=-100, label_smoothing=0.0):
    targets = torch.tensor(targets, dtype=torch.int64)
    return F.cross_entropy(
        logits, targets, ignore_index=ignore_index, label_smoothing=label_smoothing
    )


def kl_divergence(p, q):
    """Entries with p = 0 are left out, so they get no gradient either."""
    kept = p > 0
    terms = p[kept] * (p[kept].log() - q[kept].log())
    return terms.sum() / p.shape[0]


def nt_xent(z, temperature=0.5):
    rows = z.shape[0]
    sims = cosine_matrix(z, z) / temperature
    sims = sims.masked_fill(torch.eye(rows, dtype=torch.bool), float('-inf'))
    positive = (torch.arange(rows) + rows // 2) % rows
    return F.cross_entropy(sims, positive)


def decoupled_nt_xent(z, temperature=0.1):
    rows = z.shape[0]
    sims = cosine_matrix(z, z) / temperature
    positive = (torch.arange(rows) + rows // 2) % rows
    left_out = torch.eye(rows, dtype=torch.bool)
    left_out[torch.arange(rows), positive] = True
    log_sums = torch.logsumexp(sims.masked_fill(left_out, float('-inf')), 1)
    return (log_sums - sims[torch.arange(rows), positive]).mean()


def same_sample(rows, ids):
    """True where key j may not be a negative of query i: another row with the same id."""
    if ids is None:
        return torch.zeros(rows, rows, dtype=torch.bool)
    ids = torch.tensor(ids)
    return (ids[:, None] == ids[None, :]) & ~torch.eye(rows, dtype=torch.bool)


def info_nce(queries, keys, negatives=None, temperature=0.07, ids=None, symmetric=False):
    """Extra negatives are columns from query to key only; the ids mask both directions."""
    rows = queries.shape[0]
    own = torch.arange(rows)
    logits = cosine_matrix(queries, keys) / temperature
    logits = logits.masked_fill(same_sample(rows, ids), float('-inf'))
    forward = logits
    if negatives is not None:
        forward = torch.cat([logits, cosine_matrix(queries, negatives) / temperature], 1)
    loss = F.cross_entropy(forward, own)
    return (loss + F.cross_entropy(logits.T, own)) / 2 if symmetric else loss


def co_sent(similarities, scores, scale):
    """log(1 + sum of exp(scale (s_i - s_j)) over score_i < score_j), as sentence-transformers."""
    scores = torch.tensor(scores, dtype=DOUBLE)
    scaled = similarities * scale
    differences = scaled[:, None] - scaled[None, :]
    kept = scores[:, None] < scores[None, :]
    terms = torch.cat([torch.zeros(1, dtype=DOUBLE), differences[kept]])
    return torch.logsumexp(terms, 0)


def pair_cosines(a, b):
    return (unit_rows(a) * unit_rows(b)).sum(1)


def pair_angles(a, b):
    """pairwise_angle_sim of sentence-transformers, but 0 with a row of zeros."""
    (x, y), (z, w) = unit_rows(a).chunk(2, 1), unit_rows(b).chunk(2, 1)
    return (x * z + y * w + y * z - x * w).sum(1).abs()


def contrastive(a, b, similar, margin=0.5):
    similar = torch.tensor(similar, dtype=DOUBLE)
    distances = 1 - pair_cosines(a, b)
    losses = similar * distances**2 + (1 - similar) * F.relu(margin - distances) ** 2
    return (0.5 * losses).mean()


def clip(image, text, logit_scale, ids=None):
    rows = image.shape[0]
    own = torch.arange(rows)
    logits = logit_scale * cosine_matrix(image, text)
    logits = logits.masked_fill(same_sample(rows, ids), float('-inf'))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def sig_lip(image, text, logit_scale, logit_bias, ids=None):
    """Every pair a question of its own; pairs of equal ids are asked only if they are one sample."""
    rows = image.shape[0]
    own = torch.eye(rows, dtype=torch.bool)
    logits = logit_scale * cosine_matrix(image, text) + logit_bias
    losses = -F.logsigmoid(torch.where(own, logits, -logits))
    return losses.masked_fill(same_sample(rows, ids), 0).sum() / rows


def sup_con(z, labels, temperature=0.1):
    """Mean over the anchors that have a positive; all other rows stand in the denominator."""
    rows = z.shape[0]
    self_pairs = torch.eye(rows, dtype=torch.bool)
    labels = torch.tensor(labels)
    positives = (labels[:, None] == labels[None, :]) & ~self_pairs
    sims = cosine_matrix(z, z) / temperature
    log_sums = torch.logsumexp(sims.masked_fill(self_pairs, float('-inf')), 1, keepdim=True)
    log_probabilities = torch.where(positives, sims - log_sums, torch.zeros_like(sims))
    counts = positives.sum(1)
    anchors = counts > 0
    return -(log_probabilities.sum(1)[anchors] / counts[anchors]).mean()


def triplet_terms(anchors, positives, negatives, margin=0.5, distance='cosine'):
    """Before the hinge."""
    if distance == 'cosine':
        a = unit_rows(anchors)
        near = 1 - (a * unit_rows(positives)).sum(1)
        far = 1 - (a * unit_rows(negatives)).sum(1)
    else:
        near = euclidean_rows(anchors, positives)
        far = euclidean_rows(anchors, negatives)
    return near - far + margin


def triplet(anchors, positives, negatives, margin=0.5, distance='cosine'):
    return torch.relu(triplet_terms(anchors, positives, negatives, margin, distance)).mean()


# The sequential update


def smoothed_cosine(a, b):
    """Cosine similarity with an eps under the fraction."""
    return (a @ b) / (a.norm() * b.norm() + 1e-10)


def triplet_update(embeddings, triplets, learning_rate=0.05, margin=0.5, rule='anchor'):
    """One step for each triplet in order: losses, moved rows, and each value before the hinge.

    'anchor' moves the anchor only, by a simplified step; 'gradient' moves all three
    rows against the gradient of the loss, all three steps computed before any of them moves. A row
    of zeros stays.
    """
    rows = tensor(embeddings)
    losses, terms = [], []
    zero = (rows == 0).all(1)
    for anchor, positive, negative in triplets.reshape(-1, 3).tolist():
        a, p, n = (rows[i].clone().requires_grad_() for i in (anchor, positive, negative))
        term = margin - smoothed_cosine(a, p) + smoothed_cosine(a, n)
        terms.append(float(term))
        losses.append(max(0.0, float(term)))
        if losses[-1] == 0:
            continue
        with torch.no_grad():
            if rule == 'anchor':
                if not zero[anchor]:
                    rows[anchor] += learning_rate * (p - n) / (a.norm() + 1e-8)
                continue
        gradients = torch.autograd.grad(term, (a, p, n))
        for index, gradient in zip((anchor, positive, negative), gradients):
            if not zero[index]:
                rows[index] -= learning_rate * gradient
    return losses, rows.numpy(), terms


# Principal components


def pca(x, components):
    """By singular values of the centered rows; divisor rows - 1; the largest loading is positive."""
    x = tensor(x)
    mean = x.mean(0)
    centered = x - mean
    _, singular, directions = torch.linalg.svd(centered, full_matrices=False)
    variances = singular**2 / (x.shape[0] - 1)
    largest = directions.abs().argmax(1, keepdim=True)
    directions = directions * directions.gather(1, largest).sign()
    return {
        'projected': (centered @ directions[:components].T).numpy(),
        'components': directions[:components].numpy(),
        'mean': mean.numpy(),
        'explainedVariance': variances[:components].numpy(),
        'explainedVarianceRatio': (variances / variances.sum())[:components].numpy(),
        'allVariances': variances.numpy(),
    }


# Evaluation of embeddings


def ranked(scores):
    """Row numbers, best first; ties to the lower one (the last bits of float64 decide none)."""
    return np.argsort(-np.round(scores, 12), axis=1, kind='stable')


def knn_votes(train, labels, queries, k, temperature):
    """Votes of each query's k nearest rows for each label, in rising order of the labels."""
    cosines = cosine_matrix(tensor(queries), tensor(train)).numpy()
    classes = np.unique(labels)
    votes = np.zeros((len(queries), len(classes)))
    for row, order in enumerate(ranked(cosines)[:, :k]):
        weights = np.exp((cosines[row, order] - 1) / temperature)
        np.add.at(votes[row], np.searchsorted(classes, labels[order]), weights)
    return votes


def alignment(a, b, alpha):
    return float((unit_rows(a) - unit_rows(b)).norm(dim=1).pow(alpha).mean())


def uniformity(x, t):
    return float((-t * torch.pdist(unit_rows(x)) ** 2).logsumexp(0)) - math.log(
        len(x) * (len(x) - 1) / 2
    )


def effective_rank(x):
    singular = torch.linalg.svdvals(tensor(x))
    if singular[0] == 0:
        return 0.0
    shares = singular[singular > 1e-7 * singular[0]]
    shares = shares / shares.sum()
    return float(torch.exp(-(shares * shares.log()).sum()))


def hits_in_order(order, relevant):
    """Tells for each position of a ranking whether it is a relevant row."""
    return np.isin(order, list(set(relevant)))


def retrieval(queries, corpus, relevant, ks, metric):
    order = ranked(scores(tensor(queries), tensor(corpus), metric).numpy())
    hits = [hits_in_order(order[i], rows) for i, rows in enumerate(relevant) if len(rows)]
    discounts = 1 / np.log2(np.arange(len(corpus)) + 2)
    positions = np.arange(1, len(corpus) + 1)

    def mean(values):
        return float(np.mean(list(values)))

    return {
        'recall': {k: mean(h[:k].sum() / h.sum() for h in hits) for k in ks},
        'precision': {k: mean(h[:k].sum() / k for h in hits) for k in ks},
        'ndcg': {
            k: mean((h * discounts)[:k].sum() / discounts[: min(k, h.sum())].sum() for h in hits)
            for k in ks
        },
        'mrrAt': {k: mean(h[:k].any() / (1 + h.argmax()) for h in hits) for k in ks},
        'mapAt': {
            k: mean((h * h.cumsum() / positions)[:k].sum() / min(k, h.sum()) for h in hits) for k in ks
        },
        'accuracyAt': {k: mean(float(h[:k].any()) for h in hits) for k in ks},
        'mrr': mean(1 / (1 + h.argmax()) for h in hits),
        'map': mean((h * h.cumsum() / positions).sum() / h.sum() for h in hits),
    }


def embedding_metrics(x, labels):
    cosines = cosine_matrix(tensor(x), tensor(x)).numpy()
    found = []
    for row, order in enumerate(ranked(cosines)):
        others = order[order != row]
        hits = labels[others] == labels[row]
        count = hits.sum()
        if count == 0:
            continue
        first = hits[:count]
        precisions = first.cumsum() / np.arange(1, count + 1)
        found.append((hits[0], first.mean(), (first * precisions).sum() / count))
    names = ['precisionAt1', 'rPrecision', 'mapAtR']
    return dict(zip(names, np.mean(found, 0).tolist()))


def logistic(x, labels, l2, balanced=False, weights=None):
    """Multinomial logistic regression by full Newton steps on PyTorch's own derivatives."""
    classes, targets = np.unique(labels, return_inverse=True)
    count, cols = len(classes), x.shape[1]
    each = np.ones(count)
    if balanced:
        each = len(labels) / (count * np.bincount(targets))
    for label, weight in (weights or {}).items():
        each[classes.tolist().index(label)] = weight
    # Columns of unit spread about 0 are the same problem, better conditioned.
    rows = tensor(x)
    middle = rows.mean(0)
    spread = (rows - middle).std(0)
    design = (rows - middle) / spread
    y, each = torch.tensor(targets), tensor(each)

    def objective(flat):
        w, b = flat[: count * cols].reshape(count, cols), flat[count * cols :]
        losses = F.cross_entropy(design @ w.T + b, y, weight=each, reduction='sum')
        # What all biases share changes nothing; held at 0, or the step would not be unique.
        return losses + l2 / 2 * ((w / spread) ** 2).sum() + b.sum() ** 2

    flat = torch.zeros(count * (cols + 1), dtype=DOUBLE)
    for _ in range(100):
        leaf = flat.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(objective(leaf), leaf)
        hessian = torch.autograd.functional.hessian(objective, flat)
        step = torch.linalg.lstsq(hessian, -gradient[:, None], driver='gelsd').solution[:, 0]
        size = 1.0
        while objective(flat + size * step) > objective(flat) and size > 1e-9:
            size /= 2
        flat = flat + size * step
        if gradient.abs().max() < 1e-10:
            break
    else:
        raise AssertionError('the regression has no optimum, or Newton has not found it')
    w = flat[: count * cols].reshape(count, cols) / spread
    return classes, w.numpy(), (flat[count * cols :] - w @ middle).numpy()
