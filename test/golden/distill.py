"""Writes fixtures/distill/: what model2vec's `distill` makes of the transformers in fixtures/sentence/, with its defaults but for
the width and float32.

    VENV/bin/python test/golden/distill.py       the environment is that of sentence.py

NAME.json is `{ "width", "tokenizer", "rows" }`: the tokenizer.json and the table, a row per token.
"""

import json
import os
import sys
import warnings
from pathlib import Path

sys.dont_write_bytecode = True
os.environ.update(OMP_NUM_THREADS='1', TOKENIZERS_PARALLELISM='false', HF_HUB_OFFLINE='1', TRANSFORMERS_VERBOSITY='error')
warnings.filterwarnings('ignore')

import logging

import torch
from model2vec.distill import distill

logging.disable(logging.WARNING)
torch.set_num_threads(1)

FIXTURES = Path(__file__).resolve().parent / 'fixtures'
FOLDERS = {'bert-v2': 8, 'cased-v5': 15, 'distilbert-v5': 7, 'mpnet-v6': 8, 'roberta-v6': 10, 'xlmr-v5': 8}

(FIXTURES / 'distill').mkdir(exist_ok=True)
for name, width in FOLDERS.items():
    model = distill(str(FIXTURES / 'sentence' / name), pca_dims=width, quantize_to='float32')
    tokenizer = json.loads(model.tokenizer.to_str())
    rows = [[float(f'{x:.9g}') for x in row] for row in model.embedding]
    entry = {'width': width, 'tokenizer': tokenizer, 'rows': rows}
    (FIXTURES / 'distill' / f'{name}.json').write_text(json.dumps(entry, ensure_ascii=False, separators=(',', ':')) + '\n')
    print(name, model.embedding.shape)
