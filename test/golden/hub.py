#!/usr/bin/python3
"""Writes fixtures/models/hub-gpt.json and hub-bert.json: small checkpoints of GPT-2 and BERT as the hub has them, what
PyTorch makes of them, and what it makes of checkpoints of ours.

    /usr/bin/python3 test/golden/hub.py [--check] FOLDER

FOLDER has a folder for each checkpoint that checkpoints.ts wrote.
"""

import hashlib
import json
import os
import sys

sys.dont_write_bytecode = True
os.environ.update(ATEN_CPU_CAPABILITY='default', OMP_NUM_THREADS='1', OPENBLAS_NUM_THREADS='1')

from base64 import b64encode
from pathlib import Path

import numpy as np
import torch

from checkpoints import safetensors, state_of
from hub_modules import Bert, Gpt2
from rows import seeded
from vision import packed

FIXTURES = Path(__file__).resolve().parent / 'fixtures/models'

# As GPT-2 writes a space.
SPACE = 'Ġ'
BYTES = ['<|endoftext|>', *'adefhnrt', '.', SPACE]
MERGES = ['a r', 'e ar', 'n ear', 'f ar', f'{SPACE} far', f'{SPACE} a', 'n d', f'{SPACE}a nd', 'h e']
PAIRS = BYTES + [pair.replace(' ', '') for pair in MERGES]
PAIR_TOKENS = ['near', f'{SPACE}and', f'{SPACE}far', 't', 'he', 'r', '.', SPACE, 'near']
CHARACTERS = list(' .adefhnrt')
WORDS = '[PAD] [UNK] [CLS] [SEP] [MASK] . and far near the ##er ##ther n ##ear'.split()
TEXTS = {
    'Near the far.': ['near', 'the', 'far', '.'],
    'and farther [MASK] nearer zebra': ['and', 'far', '##ther', '[MASK]', 'near', '##er', '[UNK]'],
}

GPT = {
    'architectures': ['GPT2LMHeadModel'],
    'model_type': 'gpt2',
    'n_positions': 14,
    'n_embd': 8,
    'n_layer': 2,
    'n_head': 2,
    'activation_function': 'gelu_new',
    'layer_norm_epsilon': 1e-5,
    'resid_pdrop': 0.1,
}
BERT = {
    'architectures': ['BertForMaskedLM'],
    'model_type': 'bert',
    'vocab_size': len(WORDS),
    'hidden_size': 8,
    'num_hidden_layers': 2,
    'num_attention_heads': 2,
    'intermediate_size': 20,
    'hidden_act': 'gelu',
    'max_position_embeddings': 12,
    'type_vocab_size': 2,
    'layer_norm_eps': 1e-12,
    'hidden_dropout_prob': 0.1,
}


def numbered(tokens):
    return {token: id for id, token in enumerate(tokens)}


def filled(name, module):
    """Gives every parameter numbers that matter, those of float32; then computes in float64."""
    random = seeded('hub', name)
    state = {
        key: torch.tensor((random.normal(0, 0.4, part.shape) + is_scale(key)).astype('f4'))
        for key, part in module.state_dict().items()
    }
    return state, ready(module, state)


def is_scale(key):
    return any(key.endswith(end) for end in ('LayerNorm.weight', 'ln_1.weight', 'ln_2.weight', 'ln_f.weight'))


def ready(module, state):
    module.load_state_dict(state)
    return module.double().eval()


def case(name, config, state, files, **expected):
    return {
        'name': name,
        'config': config,
        'weights': b64encode(safetensors(state)).decode(),
        'files': files,
        **expected,
    }


def goes_on(module, ids, count):
    """Greedy decoding."""
    ids = list(ids)
    for _ in range(count):
        best = module(torch.tensor([ids]))[0, -1].topk(2)
        assert best.values[0] - best.values[1] > 1e-3
        ids.append(int(best.indices[0]))
    return ids[-count:]


def gpt(name, change, config, tokens, files, text_tokens):
    config = {**GPT, 'vocab_size': len(tokens), **config}
    state, module = filled(name, Gpt2(config))
    ids = [tokens.index(token) for token in text_tokens]
    more = goes_on(module, ids[:4], 8)
    text = lambda parts: ''.join(parts).replace(SPACE, ' ')
    return case(
        name,
        config,
        change(state, config),
        files,
        text=text(text_tokens),
        ids=ids,
        logits=packed(module(torch.tensor([ids]))[0].numpy()),
        prompt=text(text_tokens[:4]),
        continued=text(tokens[id] for id in more),
    )


def with_buffers(state, config):
    """The whole model with the other files of the hub."""
    size = config['n_positions']
    triangle = torch.ones(size, size).tril()[None, None]
    buffers = {'lm_head.weight': state['transformer.wte.weight']}
    for i in range(config['n_layer']):
        buffers[f'transformer.h.{i}.attn.bias'] = triangle
        buffers[f'transformer.h.{i}.attn.masked_bias'] = torch.tensor(-1e4)
    return {**state, **buffers}


def base(state, config):
    """The names of the hub's `gpt2`, with masks of truth values."""
    size = config['n_positions']
    triangle = torch.ones(size, size).tril()[None, None] > 0
    buffers = {f'h.{i}.attn.bias': triangle for i in range(config['n_layer'])}
    return {**{key.replace('transformer.', ''): part for key, part in state.items()}, **buffers}


def gpts():
    pairs = {'vocab.json': json.dumps(numbered(PAIRS)), 'merges.txt': '\n'.join(['#version: 0.2', *MERGES, ''])}
    yield gpt('pairs of bytes', with_buffers, {}, PAIRS, pairs, PAIR_TOKENS)
    level = {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': True}
    tokenizer = {
        'version': '1.0',
        'added_tokens': [],
        'normalizer': None,
        'pre_tokenizer': level,
        'post_processor': None,
        'decoder': level,
        'model': {'type': 'BPE', 'vocab': numbered(PAIRS), 'merges': [pair.split(' ') for pair in MERGES]},
    }
    other = {'activation_function': 'gelu', 'layer_norm_epsilon': 0.01, 'n_inner': 20}
    files = {'tokenizer.json': json.dumps(tokenizer)}
    yield gpt('base names', base, other, PAIRS, files, PAIR_TOKENS)
    characters = {'vocab.json': json.dumps(numbered(CHARACTERS))}
    alike = {'activation_function': 'gelu_pytorch_tanh', 'n_head': 4}
    yield gpt('characters', lambda state, _: state, alike, CHARACTERS, characters, list('near and far.'))


def bert(name, change, config):
    config = {**BERT, **config}
    state, module = filled(name, Bert(config))
    rows = [['[CLS]', *tokens, '[SEP]'] for tokens in TEXTS.values()]
    lengths = [len(row) for row in rows]
    ids = [[WORDS.index(token) for token in row + ['[PAD]'] * (max(lengths) - len(row))] for row in rows]
    ids = torch.tensor(ids)
    hidden = module.hidden(ids, lengths)
    expected = {
        'texts': list(TEXTS),
        'ids': ids.flatten().tolist(),
        'lengths': lengths,
        'cls': packed(hidden[:, 0].numpy()),
        'mean': packed(np.stack([row[:size].mean(0).numpy() for row, size in zip(hidden, lengths)])),
    }
    if config['architectures'] != ['BertModel']:
        logits = module(ids, lengths)
        expected['logits'] = packed(logits.numpy())
    if config['architectures'] == ['BertForMaskedLM']:
        positions = (ids[1] == WORDS.index('[MASK]')).nonzero()
        best = logits[1, int(positions[0])].softmax(0).topk(3)
        expected['filled'] = [
            {'token': WORDS[id], 'probability': share}
            for share, id in zip(best.values.tolist(), best.indices.tolist())
        ]
    files = {'vocab.txt': '\n'.join([*WORDS, ''])}
    return case(name, config, change(state), files, **expected)


def pretraining(state):
    """As BertForPreTraining: the head's table once more, the pooler, the task that we do not have."""
    return {
        **state,
        'bert.embeddings.position_ids': torch.arange(BERT['max_position_embeddings'])[None],
        'bert.pooler.dense.weight': torch.ones(8, 8),
        'bert.pooler.dense.bias': torch.ones(8),
        'cls.predictions.decoder.weight': state['bert.embeddings.word_embeddings.weight'],
        'cls.predictions.decoder.bias': state['cls.predictions.bias'],
        'cls.seq_relationship.weight': torch.ones(2, 8),
        'cls.seq_relationship.bias': torch.ones(2),
    }


def old(state):
    """The norms' names of old."""
    ends = (('LayerNorm.weight', 'LayerNorm.gamma'), ('LayerNorm.bias', 'LayerNorm.beta'))
    renamed = {}
    for key, part in state.items():
        for new, former in ends:
            key = key.replace(new, former)
        renamed[key] = part
    return renamed


def berts():
    yield bert('pre-training', pretraining, {})
    other = {'hidden_act': 'gelu_new', 'layer_norm_eps': 0.01, 'type_vocab_size': 1, 'num_attention_heads': 4}
    yield bert('old names', old, other)
    short = lambda state: {key.replace('bert.', ''): part for key, part in state.items()}
    yield bert('encoder', short, {'architectures': ['BertModel'], 'type_vocab_size': 3})
    yield bert('classifier', lambda state: state, {'architectures': ['BertForSequenceClassification']})


def of_ours(folder):
    """What PyTorch makes of a checkpoint of ours: the names must be all of the module's and no other."""
    config = json.loads((folder / 'config.json').read_text())
    data = (folder / 'model.safetensors').read_bytes()
    size = config['vocab_size']
    read = {name: (folder / name).read_bytes() for name in ('config.json', 'model.safetensors')}
    random = seeded('hub', 'ours', folder.name)
    lengths = [9, 6]
    ids = random.integers(0, size, (2, 9))
    if config['model_type'] == 'gpt2':
        logits = ready(Gpt2(config), state_of(data))(torch.tensor(ids))
    else:
        logits = ready(Bert(config), state_of(data))(torch.tensor(ids), lengths)
    return {
        'name': folder.name,
        'sha256': {name: hashlib.sha256(text).hexdigest() for name, text in read.items()},
        'ids': ids.flatten().tolist(),
        'lengths': lengths,
        'logits': packed(logits.numpy()),
    }


def main(arguments):
    checked = arguments[:1] == ['--check']
    if len(arguments) != 1 + checked:
        sys.exit('usage: hub.py [--check] FOLDER')
    torch.set_num_threads(1)
    folders = sorted(Path(arguments[-1]).iterdir())
    for name, theirs in ('gpt', gpts), ('bert', berts):
        with torch.no_grad():
            ours = [of_ours(folder) for folder in folders if folder.name.startswith(name)]
            both = {'theirs': list(theirs()), 'ours': ours}
        written = json.dumps(both, indent=1, ensure_ascii=False) + '\n'
        file = FIXTURES / f'hub-{name}.json'
        assert ours and len(written) <= 100_000, len(written)
        print(f'models/{file.name}: {len(written):,} bytes')
        if not checked:
            file.write_text(written)
        elif not file.exists() or file.read_text() != written:
            sys.exit(f'models/{file.name} differs')


if __name__ == '__main__':
    main(sys.argv[1:])
