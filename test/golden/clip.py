#!/usr/bin/python3
"""Writes fixtures/models/clip.json: a small CLIP as a plain PyTorch module whose state has the names
and layouts of Hugging Face's CLIPModel, and what it makes of images and texts.

    /usr/bin/python3 test/golden/clip.py [--check]
"""

import json
import os
import sys

sys.dont_write_bytecode = True
os.environ.update(ATEN_CPU_CAPABILITY='default', OMP_NUM_THREADS='1', OPENBLAS_NUM_THREADS='1')

from base64 import b64encode
from pathlib import Path

import numpy as np
import torch
from torch import nn

from checkpoints import Tree, safetensors
from rows import seeded
from vision import packed

FILE = Path(__file__).resolve().parent / 'fixtures/models/clip.json'
SHARED = {'hidden_act': 'quick_gelu', 'layer_norm_eps': 1e-5}
CONFIG = {
    'model_type': 'clip',
    'projection_dim': 6,
    'text_config': {
        **SHARED,
        'vocab_size': 9,
        'hidden_size': 8,
        'intermediate_size': 32,
        'num_hidden_layers': 2,
        'num_attention_heads': 2,
        'max_position_embeddings': 7,
        'bos_token_id': 0,
        'eos_token_id': 1,
    },
    'vision_config': {
        **SHARED,
        'image_size': 6,
        'patch_size': 3,
        'num_channels': 3,
        'hidden_size': 12,
        'intermediate_size': 48,
        'num_hidden_layers': 1,
        'num_attention_heads': 3,
    },
}
# Without start and end; the last is longer than the context.
TEXTS = [[2, 3], [], [8, 7, 6, 5, 4], [3, 3, 4, 5, 6, 7, 8]]


class Layer(Tree):
    def __init__(self, c):
        width, eps = c['hidden_size'], c['layer_norm_eps']
        names = ('q_proj', 'k_proj', 'v_proj', 'out_proj')
        super().__init__(
            layer_norm1=nn.LayerNorm(width, eps=eps),
            self_attn=Tree(**{name: nn.Linear(width, width) for name in names}),
            layer_norm2=nn.LayerNorm(width, eps=eps),
            mlp=Tree(fc1=nn.Linear(width, 4 * width), fc2=nn.Linear(4 * width, width)),
        )
        self.heads = c['num_attention_heads']

    def forward(self, x, mask=None):
        attention = self.self_attn
        y = self.layer_norm1(x)
        q, k, v = (
            part(y).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        scores = q @ k.transpose(2, 3) / q.shape[3] ** 0.5
        if mask is not None:
            scores = scores + mask
        x = x + attention.out_proj((scores.softmax(3) @ v).transpose(1, 2).flatten(2))
        y = self.mlp.fc1(self.layer_norm2(x))
        return x + self.mlp.fc2(y * torch.sigmoid(1.702 * y))


def layers(c):
    return Tree(layers=nn.ModuleList(Layer(c) for _ in range(c['num_hidden_layers'])))


class Clip(Tree):
    def __init__(self, c):
        text, vision, d = c['text_config'], c['vision_config'], c['projection_dim']
        width, wide = text['hidden_size'], vision['hidden_size']
        patch = vision['patch_size']
        patches = (vision['image_size'] // patch) ** 2
        super().__init__(
            logit_scale=torch.tensor(2.6592),
            text_model=Tree(
                embeddings=Tree(
                    token_embedding=nn.Embedding(text['vocab_size'], width),
                    position_embedding=nn.Embedding(text['max_position_embeddings'], width),
                ),
                encoder=layers(text),
                final_layer_norm=nn.LayerNorm(width, eps=text['layer_norm_eps']),
            ),
            vision_model=Tree(
                embeddings=Tree(
                    class_embedding=torch.zeros(wide),
                    patch_embedding=nn.Conv2d(3, wide, patch, patch, bias=False),
                    position_embedding=nn.Embedding(1 + patches, wide),
                ),
                pre_layrnorm=nn.LayerNorm(wide, eps=vision['layer_norm_eps']),
                encoder=layers(vision),
                post_layernorm=nn.LayerNorm(wide, eps=vision['layer_norm_eps']),
            ),
            visual_projection=nn.Linear(wide, d, bias=False),
            text_projection=nn.Linear(width, d, bias=False),
        )

    def image(self, images):
        model = self.vision_model
        embeddings = model.embeddings
        x = embeddings.patch_embedding(images).flatten(2).transpose(1, 2)
        x = torch.cat([embeddings.class_embedding.expand(len(x), 1, -1), x], 1)
        x = model.pre_layrnorm(x + embeddings.position_embedding.weight)
        for layer in model.encoder.layers:
            x = layer(x)
        return self.visual_projection(model.post_layernorm(x[:, 0]))

    def text(self, texts):
        """One text after the other, so that nothing is padded."""
        c, model = CONFIG['text_config'], self.text_model
        rows = []
        for ids in texts:
            max_words = c['max_position_embeddings'] - 2
            tokens = torch.tensor([c['bos_token_id'], *ids[:max_words], c['eos_token_id']])
            steps = len(tokens)
            x = model.embeddings.token_embedding(tokens)[None]
            x = x + model.embeddings.position_embedding.weight[:steps]
            mask = torch.full((steps, steps), float('-inf'), dtype=x.dtype).triu(1)
            for layer in model.encoder.layers:
                x = layer(x, mask)
            rows.append(self.text_projection(model.final_layer_norm(x[0, -1])))
        return torch.stack(rows)


def fixture():
    random = seeded('clip')
    clip = Clip(CONFIG)
    for name, value in clip.state_dict().items():
        scale = 0.3 if value.ndim > 1 else 0.1
        drawn = scale * random.standard_normal(value.shape)
        if 'norm' in name and name.endswith('weight'):
            drawn = 1 + drawn
        if name != 'logit_scale':
            value.copy_(torch.tensor(drawn.astype(np.float32)))
    weights = safetensors(clip.state_dict())
    clip = clip.double()
    images = random.uniform(-1, 1, (4, 3, 6, 6)).astype(np.float32)
    with torch.no_grad():
        image = clip.image(torch.tensor(images, dtype=torch.float64))
        text = clip.text(TEXTS)
        unit = nn.functional.normalize
        logits = clip.logit_scale.exp() * unit(image) @ unit(text).T
        own = torch.arange(4)
        loss = nn.functional.cross_entropy(logits, own) + nn.functional.cross_entropy(logits.T, own)
    return {
        'config': CONFIG,
        'weights': b64encode(weights).decode(),
        'images': packed(images),
        'texts': TEXTS,
        'image': packed(image.numpy()),
        'text': packed(text.numpy()),
        'probabilities': packed(logits.softmax(1).numpy()),
        'loss': float(loss / 2),
    }


def main(arguments):
    text = json.dumps(fixture(), separators=(',', ':')) + '\n'
    assert len(text) <= 100_000, len(text)
    if not arguments:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(text)
    elif not FILE.exists() or FILE.read_text() != text:
        sys.exit(f'{FILE.name} differs')
    print(f'models/{FILE.name} {len(text):,} bytes')


if __name__ == '__main__':
    main(sys.argv[1:])
