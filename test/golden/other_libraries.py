"""Losses of other libraries than PyTorch, restated from their definitions, for the README's table.

Each takes and returns what the library's own does, with its defaults; rows are normalized where the
library does so. They share no code with reference.py, which holds nearfar's definitions.
"""

import torch
import torch.nn.functional as F


def add_contrastive_loss(hidden, temperature=1.0):
    """SimCLR's objective.py: one cross-entropy for each of the two views, and their sum."""
    a, b = F.normalize(hidden, dim=1).chunk(2)
    own = torch.arange(len(a))
    itself = 1e9 * torch.eye(len(a), dtype=hidden.dtype)
    ab = a @ b.T / temperature
    aa = a @ a.T / temperature - itself
    bb = b @ b.T / temperature - itself
    loss_a = F.cross_entropy(torch.cat([ab, aa], 1), own)
    loss_b = F.cross_entropy(torch.cat([ab.T, bb], 1), own)
    return loss_a + loss_b


class NTXentLoss:
    """lightly.loss.NTXentLoss, without a memory bank."""

    def __init__(self, temperature=0.5):
        self.temperature = temperature

    def __call__(self, out0, out1):
        rows = F.normalize(torch.cat([out0, out1]), dim=1)
        n = len(rows)
        others = ~torch.eye(n, dtype=torch.bool)
        logits = (rows @ rows.T)[others].reshape(n, n - 1) / self.temperature
        # The column of the other view, in a row from which the row itself was taken out.
        i = torch.arange(n // 2)
        return F.cross_entropy(logits, torch.cat([i + n // 2 - 1, i]))


class PairLoss:
    """pytorch_metric_learning.losses.NTXentLoss: a mean over all pairs of one label."""

    def __init__(self, temperature=0.07):
        self.temperature = temperature

    def __call__(self, embeddings, labels):
        rows = F.normalize(embeddings, dim=1)
        logits = rows @ rows.T / self.temperature
        terms = []
        for i, label in enumerate(labels):
            alike = labels == label
            negatives = logits[i][~alike]
            for j in range(len(rows)):
                if j != i and alike[j]:
                    # Other positives of the anchor are no part of the denominator.
                    pair = torch.cat([logits[i, j : j + 1], negatives])
                    terms.append(torch.logsumexp(pair, 0) - logits[i, j])
        return torch.stack(terms).mean()


class SelfSupervisedLoss:
    """pytorch_metric_learning.losses.SelfSupervisedLoss: both views of a sample share a label."""

    def __init__(self, loss):
        self.loss = loss

    def __call__(self, embeddings, ref_emb):
        labels = torch.arange(len(embeddings))
        return self.loss(torch.cat([embeddings, ref_emb]), torch.cat([labels, labels]))


def anchor_losses(rows, labels, temperature):
    """For each row the mean over its positives of -log softmax over all others; 0 without any."""
    itself = torch.eye(len(rows), dtype=torch.bool)
    positives = (labels[:, None] == labels[None, :]) & ~itself
    logits = (rows @ rows.T / temperature).masked_fill(itself, float('-inf'))
    log_shares = F.log_softmax(logits, 1).masked_fill(~positives, 0)
    return -log_shares.sum(1) / positives.sum(1).clamp(min=1)


class LabelLoss:
    """pytorch_metric_learning.losses.SupConLoss: anchors whose loss is 0 leave the mean."""

    def __init__(self, temperature=0.1):
        self.temperature = temperature

    def __call__(self, embeddings, labels):
        terms = anchor_losses(F.normalize(embeddings, dim=1), labels, self.temperature)
        return terms[terms > 0].mean()


class SupConLoss:
    """SupContrast's losses.py: features (n, views, d), normalized by the caller."""

    def __init__(self, temperature=0.07, base_temperature=0.07):
        self.temperature = temperature
        self.base_temperature = base_temperature

    def __call__(self, features, labels):
        views = features.shape[1]
        rows = torch.cat(torch.unbind(features, 1))
        terms = anchor_losses(rows, labels.repeat(views), self.temperature)
        return (self.temperature / self.base_temperature) * terms.mean()


class ClipLoss:
    """open_clip.loss.ClipLoss: features normalized by the caller, the scale not its logarithm."""

    def __call__(self, image_features, text_features, logit_scale):
        logits = logit_scale * image_features @ text_features.T
        own = torch.arange(len(logits))
        return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


class MultipleNegativesRankingLoss:
    """sentence_transformers.losses.MultipleNegativesRankingLoss, on embeddings."""

    def __init__(self, scale=20.0):
        self.scale = scale

    def __call__(self, anchors, *documents):
        columns = F.normalize(torch.cat(documents), dim=1)
        scores = self.scale * F.normalize(anchors, dim=1) @ columns.T
        return F.cross_entropy(scores, torch.arange(len(anchors)))
