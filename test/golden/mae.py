#!/usr/bin/python3
"""Writes fixtures/models/mae.json: a small masked autoencoder as a plain PyTorch module whose
state has the names and layouts of Hugging Face's ViTMAEForPreTraining, and what it makes of images.

    /usr/bin/python3 test/golden/mae.py [--check]
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
from vision import packed, positions_of

FILE = Path(__file__).resolve().parent / 'fixtures/models/mae.json'
CONFIG = {
    'model_type': 'vit_mae',
    'image_size': [4, 6],
    'patch_size': 2,
    'num_channels': 3,
    'hidden_size': 12,
    'num_hidden_layers': 2,
    'num_attention_heads': 3,
    'intermediate_size': 48,
    'hidden_act': 'gelu',
    'layer_norm_eps': 1e-6,
    'decoder_hidden_size': 8,
    'decoder_num_hidden_layers': 1,
    'decoder_num_attention_heads': 2,
    'decoder_intermediate_size': 32,
    'mask_ratio': 0.5,
    'norm_pix_loss': True,
}
GRID = (2, 3)


class Block(Tree):
    def __init__(self, width, heads, eps):
        names = ('query', 'key', 'value')
        super().__init__(
            attention=Tree(
                attention=Tree(**{name: nn.Linear(width, width) for name in names}),
                output=Tree(dense=nn.Linear(width, width)),
            ),
            intermediate=Tree(dense=nn.Linear(width, 4 * width)),
            output=Tree(dense=nn.Linear(4 * width, width)),
            layernorm_before=nn.LayerNorm(width, eps=eps),
            layernorm_after=nn.LayerNorm(width, eps=eps),
        )
        self.heads = heads

    def forward(self, x):
        y = self.layernorm_before(x)
        project = self.attention.attention
        q, k, v = (
            part(y).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (project.query, project.key, project.value)
        )
        weights = (q @ k.transpose(2, 3) / q.shape[3] ** 0.5).softmax(3)
        x = x + self.attention.output.dense((weights @ v).transpose(1, 2).flatten(2))
        y = nn.functional.gelu(self.intermediate.dense(self.layernorm_after(x)))
        return x + self.output.dense(y)


class MaskedAutoencoder(Tree):
    def __init__(self, c):
        width, low = c['hidden_size'], c['decoder_hidden_size']
        patch, eps, size = c['patch_size'], c['layer_norm_eps'], 1 + GRID[0] * GRID[1]
        encoder = [Block(width, c['num_attention_heads'], eps) for _ in range(c['num_hidden_layers'])]
        decoder = [
            Block(low, c['decoder_num_attention_heads'], eps)
            for _ in range(c['decoder_num_hidden_layers'])
        ]
        super().__init__(
            vit=Tree(
                embeddings=Tree(
                    cls_token=torch.zeros(1, 1, width),
                    position_embeddings=torch.zeros(1, size, width),
                    patch_embeddings=Tree(projection=nn.Conv2d(3, width, patch, patch)),
                ),
                encoder=Tree(layer=nn.ModuleList(encoder)),
                layernorm=nn.LayerNorm(width, eps=eps),
            ),
            decoder=Tree(
                decoder_embed=nn.Linear(width, low),
                mask_token=torch.zeros(1, 1, low),
                decoder_pos_embed=torch.zeros(1, size, low),
                decoder_layers=nn.ModuleList(decoder),
                decoder_norm=nn.LayerNorm(low, eps=eps),
                decoder_pred=nn.Linear(low, patch * patch * 3),
            ),
        )

    def encode(self, images, visible):
        embeddings = self.vit.embeddings
        x = embeddings.patch_embeddings.projection(images).flatten(2).transpose(1, 2)
        x = x + embeddings.position_embeddings[:, 1:]
        if visible is not None:
            x = torch.stack([row[ids] for row, ids in zip(x, visible)])
        token = embeddings.cls_token + embeddings.position_embeddings[:, :1]
        x = torch.cat([token.expand(len(x), -1, -1), x], 1)
        for block in self.vit.encoder.layer:
            x = block(x)
        return self.vit.layernorm(x)

    def forward(self, images, visible):
        decoder = self.decoder
        x = decoder.decoder_embed(self.encode(images, visible))
        rows = decoder.mask_token.repeat(len(x), GRID[0] * GRID[1], 1)
        for b, ids in enumerate(visible):
            rows[b, ids] = x[b, 1:]
        x = torch.cat([x[:, :1], rows], 1) + decoder.decoder_pos_embed
        for block in decoder.decoder_layers:
            x = block(x)
        return decoder.decoder_pred(decoder.decoder_norm(x))[:, 1:]

    def loss(self, images, visible, hidden):
        patch = CONFIG['patch_size']
        cut = images.reshape(len(images), 3, GRID[0], patch, GRID[1], patch)
        target = torch.einsum('nchpwq->nhwpqc', cut).reshape(len(images), GRID[0] * GRID[1], -1)
        target = (target - target.mean(2, keepdim=True)) / (target.var(2, keepdim=True) + 1e-6) ** 0.5
        errors = ((self(images, visible) - target) ** 2).mean(2)
        return torch.stack([row[ids] for row, ids in zip(errors, hidden)]).mean()


def text():
    random = seeded('mae')
    module = MaskedAutoencoder(CONFIG)
    state = {
        name: torch.tensor(random.normal(0, 0.5 if 'weight' in name else 0.2, part.shape).astype('f4'))
        for name, part in module.state_dict().items()
    }
    for name, width in [
        ('vit.embeddings.position_embeddings', CONFIG['hidden_size']),
        ('decoder.decoder_pos_embed', CONFIG['decoder_hidden_size']),
    ]:
        vectors = np.concatenate([np.zeros((1, width)), positions_of(width, GRID)])
        state[name] = torch.tensor(vectors[None].astype('f4'))
    module.load_state_dict(state)
    module.double()
    images = random.uniform(-1, 1, (2, 3, 4, 6)).astype('f4')
    visible = [[4, 0, 3], [2, 5, 1]]
    hidden = [[1, 2, 5], [0, 3, 4]]
    x = torch.tensor(images, dtype=torch.float64)
    with torch.no_grad():
        pixels = module(x, torch.tensor(visible))
        features = module.encode(x, None)[:, 1:].mean(1)
        loss = module.loss(x, torch.tensor(visible), torch.tensor(hidden))
    return json.dumps(
        {
            'config': CONFIG,
            'weights': b64encode(safetensors(state)).decode(),
            'images': packed(images),
            'visible': sum(visible, []),
            'hidden': sum(hidden, []),
            'pixels': packed(pixels.numpy()),
            'features': packed(features.numpy()),
            'loss': float(loss),
        },
        indent=1,
    ) + '\n'


def main(arguments):
    if arguments not in ([], ['--check']):
        sys.exit('usage: mae.py [--check]')
    torch.set_num_threads(1)
    written = text()
    assert len(written) <= 100_000, len(written)
    print(f'models/{FILE.name}: {len(written):,} bytes')
    if not arguments:
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(written)
    elif not FILE.exists() or FILE.read_text() != written:
        sys.exit(f'models/{FILE.name} differs')


if __name__ == '__main__':
    main(sys.argv[1:])
