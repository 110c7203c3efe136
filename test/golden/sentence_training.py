"""Writes fixtures/sentence-training/: gradients of the encoders in fixtures/sentence/ by sentence-transformers, and
adapters of PEFT with the rows that they give.

    VENV/bin/python test/golden/sentence_training.py                the environment is that of sentence.py, and peft
    npx tsx test/golden/sentence_training.ts VENV/bin/python        compares adapters that saveSentenceEncoder wrote

NAME.safetensors has the gradient of every weight of NAME that one batch of pairs reaches (MultipleNegativesRankingLoss
with scale 20, symmetric, in float64, without dropout), the loss, and the rows of anchors and positives.
NAME-adapter/ is an adapter as PEFT writes it, NAME-adapter.json the rows of the texts with it.
"""

import json
import os
import shutil
import sys
import warnings
from pathlib import Path

sys.dont_write_bytecode = True
os.environ.update(OMP_NUM_THREADS='1', TOKENIZERS_PARALLELISM='false', HF_HUB_OFFLINE='1', TRANSFORMERS_VERBOSITY='error')
warnings.filterwarnings('ignore')

import logging

import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

logging.disable(logging.WARNING)
torch.set_num_threads(1)

FIXTURES = Path(__file__).resolve().parent / 'fixtures'
NAMES = ['bert-v2', 'bert-v6', 'distilbert-v5', 'mpnet-v6', 'residual-v6', 'roberta-v6', 'xlmr-v5']
PAIRS = [
    ('near', 'what is near is pulled together'),
    ('far texts', 'what is far is pushed apart'),
    ('the same way in every batch', 'a small model'),
    ('naïve café, 12 (of) words', 'split'),
    ('nearest farther texts embed the same way in every batch', 'batch'),
]


def gradients(name):
    model = SentenceTransformer(str(FIXTURES / 'sentence' / name), device='cpu', model_kwargs={'dtype': torch.float32})
    model = model.double().eval()
    default = model.default_prompt_name
    prompt = model.prompts.get(default, '') if default else ''
    features = [model.tokenize([prompt + text for text in texts]) for texts in zip(*PAIRS)]
    # Both directions, as sentence-transformers before 5.3 has it as MultipleNegativesSymmetricRankingLoss.
    loss = MultipleNegativesRankingLoss(model, directions=('query_to_doc', 'doc_to_query'), partition_mode='per_direction')
    value = loss(features, None)
    value.backward()
    arrays = {'loss': value.detach().reshape(1), 'rows': torch.cat([model(f)['sentence_embedding'] for f in features]).detach()}
    for key, parameter in model.named_parameters():
        if parameter.grad is None: continue
        module, weight = key.split('.', 1)
        if module == '0': weight = weight.split('.', 1)[1]
        arrays[f'{module}/{weight}'] = parameter.grad
    target = FIXTURES / 'sentence-training'
    target.mkdir(exist_ok=True)
    save_file({key: np.ascontiguousarray(x.numpy(), dtype=np.float32) for key, x in arrays.items()}, target / f'{name}.safetensors')
    print(name, float(value), len(arrays))


TEXTS = [text for pair in PAIRS for text in pair]


def opened(folder):
    return SentenceTransformer(str(folder), device='cpu', model_kwargs={'dtype': torch.float32})


def rows(model):
    return [[float(f'{x:.9g}') for x in model.encode(text, show_progress_bar=False)] for text in TEXTS]


def with_adapter(model, make):
    """Replaces the transformer of a model by what PEFT makes of it."""
    module = model[0]
    key = 'auto_model' if 'auto_model' in module._modules else 'model'
    module._modules[key] = make(module._modules[key]).eval()
    return module._modules[key]


def adapter(name, targets, **more):
    """An adapter with random weights, of which half begin at 0 in PEFT."""
    model = opened(FIXTURES / 'sentence' / name)
    torch.manual_seed(9)
    config = LoraConfig(task_type='FEATURE_EXTRACTION', r=4, lora_alpha=16, target_modules=targets, **more)
    network = with_adapter(model, lambda base: get_peft_model(base, config))
    with torch.no_grad():
        for key, parameter in network.named_parameters():
            if 'lora_B' in key: parameter.copy_(0.3 * torch.randn(parameter.shape))
    target = FIXTURES / f'sentence-training/{name}-adapter'
    shutil.rmtree(target, ignore_errors=True)
    network.save_pretrained(str(target))
    for path in target.glob('README.md'): path.unlink()
    written = json.loads((target / 'adapter_config.json').read_text())
    written['base_model_name_or_path'] = name
    (target / 'adapter_config.json').write_text(json.dumps(written, indent=1) + '\n')
    (FIXTURES / f'sentence-training/{name}-adapter.json').write_text(json.dumps(rows(model)) + '\n')
    print(target.name)


def compare(root):
    """Opens folders with adapters/NAME next to NAME, and compares NAME.json with their rows."""
    for expected in sorted(Path(root).glob('*.json')):
        model = opened(expected.with_suffix(''))
        with_adapter(model, lambda base: PeftModel.from_pretrained(base, str(expected.with_suffix('.adapter'))))
        worst = np.abs(np.array(rows(model)) - np.array(json.loads(expected.read_text()))).max()
        print(expected.stem, worst)
        assert worst < 1e-4, expected.stem


if len(sys.argv) > 1:
    compare(sys.argv[1])
else:
    for name in NAMES: gradients(name)
    adapter('bert-v2', ['query', 'value'])
    adapter('mpnet-v6', ['q', 'k', 'v', 'o', 'intermediate.dense', 'output.dense'], use_rslora=True, lora_dropout=0.1)
