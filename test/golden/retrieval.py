"""Writes fixtures/retrieval/peers.json: what sentence-transformers, scikit-learn, SciPy and bm25s give for rankings.

    python -m venv VENV && VENV/bin/pip install sentence-transformers==6.2 bm25s==0.3.16
    VENV/bin/python test/golden/retrieval.py

`../evaluate/rankings.test.ts` and `../search/hybrid.test.ts` compare.
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import bm25s
import numpy as np
from scipy.stats import bootstrap, spearmanr
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator
from sklearn.metrics import ndcg_score

FILE = Path(__file__).resolve().parent / 'fixtures' / 'retrieval' / 'peers.json'
KS = [1, 3, 10]

DOCUMENTS = [
    'a red cat sleeps on the mat',
    'the blue dog barks at the red cat',
    'dogs and cats',
    'a dog a dog a dog',
    'Creates a bucket. The bucket must not exist!',
    'deletes the bucket and all of its objects, if any',
    '',
    'lists objects: up to 1000 of them at a time',
    'the the the the the the',
    'Straße nach München, naïve café',
    'a red cat sleeps on the mat',
    'one',
]
QUERIES = ['red cat', 'the dog', 'create a bucket', 'objects objects bucket', 'STRASSE straße', 'unknown words', '', '1000 time']


def scores(queries, corpus):
    a = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    b = corpus / np.linalg.norm(corpus, axis=1, keepdims=True)
    return a @ b.T


def retrieval(rng, queries, rows, cols, most):
    q = rng.standard_normal((queries, cols)).astype(np.float32)
    c = rng.standard_normal((rows, cols)).astype(np.float32)
    relevant = [sorted(int(r) for r in rng.choice(rows, rng.integers(1, most + 1), replace=False)) for _ in range(queries)]
    found = scores(q.astype(np.float64), c.astype(np.float64))
    evaluator = InformationRetrievalEvaluator(
        {str(i): '' for i in range(queries)},
        {f'{i:05}': '' for i in range(rows)},
        {str(i): {f'{r:05}' for r in rows_} for i, rows_ in enumerate(relevant)},
        mrr_at_k=KS, ndcg_at_k=KS, accuracy_at_k=KS, precision_recall_at_k=KS, map_at_k=KS,
    )
    results = [[{'corpus_id': f'{i:05}', 'score': float(s)} for i, s in enumerate(row)] for row in found]
    means = evaluator.compute_metrics(results)
    grades = [{r: int(rng.integers(0, 4)) for r in rows_} for rows_ in relevant]
    for i, of in enumerate(grades):
        of[relevant[i][0]] = 2
    truth = np.zeros((queries, rows))
    for i, of in enumerate(grades):
        for r, grade in of.items():
            truth[i, r] = grade
    return {
        'queries': q.tolist(),
        'corpus': c.tolist(),
        'relevant': relevant,
        'grades': [list(of.items()) for of in grades],
        'expected': {name: {str(k): float(v) for k, v in by_k.items()} for name, by_k in means.items()},
        'graded': {str(k): float(ndcg_score(truth, found, k=k, ignore_ties=True)) for k in KS},
    }


def correlations(rng):
    lists = [
        (rng.standard_normal(50), rng.standard_normal(50)),
        (rng.integers(0, 5, 80), rng.standard_normal(80)),
        (rng.integers(0, 3, 40), rng.integers(0, 3, 40)),
        (np.arange(9), np.arange(9) ** 3),
        (np.arange(9), -np.arange(9)),
        (np.array([1.0, 2.0]), np.array([5.0, 4.0])),
    ]
    x = rng.standard_normal(200)
    lists.append((x, x + 0.1 * rng.standard_normal(200)))
    return [{'a': a.tolist(), 'b': b.tolist(), 'expected': float(spearmanr(a, b).statistic)} for a, b in lists]


def intervals(rng):
    cases = []
    for n, gain in [(40, 0.1), (300, 0.02)]:
        before = rng.uniform(0, 1, n)
        after = before + gain + 0.3 * rng.standard_normal(n)
        for level in [0.9, 0.95]:
            found = bootstrap(
                (after - before,), np.mean, confidence_level=level, n_resamples=100_000, method='percentile', rng=rng
            ).confidence_interval
            cases.append({
                'before': before.tolist(), 'after': after.tolist(), 'level': level,
                'difference': float(np.mean(after - before)), 'interval': [float(found.low), float(found.high)],
                'standardError': float(np.std(after - before) / np.sqrt(n)),
            })
    return cases


def words(text):
    import re
    return re.findall(r'\w+', text.lower())


def bm25():
    cases = []
    for k1, b in [(1.2, 0.75), (1.5, 0.3), (0.0, 0.0), (2.0, 1.0)]:
        tokens = [words(text) for text in DOCUMENTS]
        retriever = bm25s.BM25(k1=k1, b=b, method='lucene', dtype='float64')
        retriever.index(tokens, show_progress=False)
        rows = []
        for query in QUERIES:
            known = [word for word in words(query) if word in retriever.vocab_dict]
            rows.append(retriever.get_scores(known).tolist() if known else [0.0] * len(DOCUMENTS))
        cases.append({'k1': k1, 'b': b, 'scores': rows})
    return {'documents': DOCUMENTS, 'queries': QUERIES, 'cases': cases}


def main():
    rng = np.random.default_rng(20261129)
    data = {
        'ks': KS,
        'retrieval': [retrieval(rng, 12, 40, 6, 1), retrieval(rng, 15, 60, 5, 9), retrieval(rng, 6, 4, 3, 3)],
        'spearman': correlations(rng),
        'intervals': intervals(rng),
        'bm25': bm25(),
    }
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(data, separators=(',', ':')) + '\n')
    print(FILE, FILE.stat().st_size)


main()
