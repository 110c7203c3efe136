"""Opens folders of every kind that nearfar writes in transformers and compares numbers to 1e-5.

    python -m venv VENV && VENV/bin/pip install torch==2.13.0 pillow transformers==5.24
    npx tsx test/golden/folders.ts VENV/bin/python

folders.ts writes the folders, and NAME.json next to each: its kind, an input, and what nearfar makes of it.
"""

import json
import os
import sys
import warnings
from pathlib import Path

sys.dont_write_bytecode = True
os.environ.update(OMP_NUM_THREADS='1', TOKENIZERS_PARALLELISM='false', HF_HUB_OFFLINE='1', TRANSFORMERS_VERBOSITY='error')
warnings.filterwarnings('ignore')

import numpy as np
import torch
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoTokenizer,
    BertForMaskedLM,
    BertForSequenceClassification,
    CLIPModel,
    GPT2LMHeadModel,
    ViTMAEForPreTraining,
)

TOLERANCE = 1e-5


def near(what, actual, expected):
    expected = np.array(expected, 'f8').ravel()
    actual = actual.detach().double().numpy().ravel()
    assert actual.shape == expected.shape, f'{what}: {actual.shape} instead of {expected.shape}'
    error = np.abs(actual - expected) / np.maximum(1, np.abs(expected))
    assert error.max() <= TOLERANCE, f'{what}: differs by {error.max():.2e}'
    return error.max()


def opened(kind, folder):
    """A model in float64; a tensor that is missing, or that is not read, is a fault."""
    model, info = kind.from_pretrained(folder, output_loading_info=True, dtype=torch.float64)
    for fault in ('missing_keys', 'unexpected_keys', 'mismatched_keys'):
        assert not info[fault], f'{fault}: {info[fault]}'
    return model.eval()


def tokens(folder, case):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = [tokenizer(text, add_special_tokens=False)['input_ids'] for text in case['texts']]
    assert ids == case['ids'], f'tokens {ids} instead of {case["ids"]}'
    return tokenizer


def padded(case, start=(), end=()):
    rows = [[*start, *row, *end] for row in case['ids']]
    steps = max(map(len, rows))
    ids = torch.tensor([row + [0] * (steps - len(row)) for row in rows])
    return ids, torch.tensor([[1] * len(row) + [0] * (steps - len(row)) for row in rows])


def gpt(folder, case):
    tokens(folder, case)
    model = opened(GPT2LMHeadModel, folder)
    assert model.config.bos_token_id is None and model.config.eos_token_id is None
    context = model.config.n_positions
    return max(
        near('logits', model(torch.tensor([ids[:context]])).logits, logits)
        for ids, logits in zip(case['ids'], case['logits'])
    )


def bert(folder, case):
    tokens(folder, case)
    ids, mask = padded(case)
    logits = opened(BertForMaskedLM, folder)(ids, attention_mask=mask).logits
    expected = np.array(case['logits']).reshape(logits.shape)
    # What is computed past a text's end has no meaning.
    seen = mask.bool()
    return near('logits', logits[seen], expected[seen.numpy()])


def bert_classifier(folder, case):
    tokens(folder, case)
    model = opened(BertForSequenceClassification, folder)
    assert list(model.config.id2label.values()) == case['labels'], model.config.id2label
    ids, mask = padded(case)
    return near('logits', model(ids, attention_mask=mask).logits, case['logits'])


def pixel_values(folder, case):
    images = np.array(case['pixels'], np.uint8).reshape(case['shape'])
    return AutoImageProcessor.from_pretrained(folder)(list(images), return_tensors='pt')['pixel_values'].double()


def rows(output):
    return getattr(output, 'pooler_output', output)


def clip(folder, case):
    tokens(folder, case)
    model = opened(CLIPModel, folder)
    ids, mask = padded(case, [case['start']], [case['end']])
    texts = model.get_text_features(input_ids=ids, attention_mask=mask)
    images = model.get_image_features(pixel_values=pixel_values(folder, case))
    return max(
        near('texts', rows(texts), case['textRows']),
        near('images', rows(images), case['imageRows']),
        near('logit scale', model.logit_scale, case['logitScale']),
    )


def mae(folder, case):
    model = opened(ViTMAEForPreTraining, folder)
    batch = case['shape'][0]
    order = np.concatenate([np.array(case[part]).reshape(batch, -1) for part in ('visible', 'hidden')], 1)
    noise = torch.tensor(np.argsort(order, 1) / order.shape[1])
    values = pixel_values(folder, case)
    return near('pixels', model(pixel_values=values, noise=noise).logits, case['predicted'])


def refused(folder, case):
    try:
        AutoConfig.from_pretrained(folder)
    except (KeyError, ValueError):
        return 0
    raise AssertionError('transformers opens it as a model of its own')


def main(root):
    faults = 0
    for file in sorted(Path(root).glob('*.json')):
        case = json.loads(file.read_text())
        try:
            check = globals()[case['kind'].replace('-', '_')]
            with torch.no_grad():
                error = check(str(file.with_suffix('')), case)
            print(f'{file.stem}: {error:.1e}')
        except Exception as error:
            faults += 1
            print(f'{file.stem}: {type(error).__name__}: {error}')
    sys.exit(faults > 0)


main(sys.argv[1])
