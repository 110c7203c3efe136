"""GPT-2 and BERT as plain PyTorch modules whose state has the names and layouts of Hugging Face's
`GPT2LMHeadModel`, `BertForMaskedLM` and `BertForSequenceClassification`; from the papers, in eval mode.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from checkpoints import Tree

NEVER = -1e9


def gelu_new(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


ACTIVATIONS = {'gelu': F.gelu, 'gelu_new': gelu_new, 'gelu_pytorch_tanh': gelu_new}


def attend(q, k, v, heads, mask):
    q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3]) + mask
    return (scores.softmax(3) @ v).transpose(1, 2).flatten(2)


class Conv1D(Tree):
    """A linear layer whose weight is (in, out)."""

    def __init__(self, inputs, outputs):
        super().__init__(weight=torch.zeros(inputs, outputs), bias=torch.zeros(outputs))

    def forward(self, x):
        return x @ self.weight + self.bias


class GptBlock(Tree):
    def __init__(self, c):
        width, eps = c['n_embd'], c['layer_norm_epsilon']
        hidden = c.get('n_inner') or 4 * width
        super().__init__(
            ln_1=nn.LayerNorm(width, eps=eps),
            attn=Tree(c_attn=Conv1D(width, 3 * width), c_proj=Conv1D(width, width)),
            ln_2=nn.LayerNorm(width, eps=eps),
            mlp=Tree(c_fc=Conv1D(width, hidden), c_proj=Conv1D(hidden, width)),
        )
        self.heads = c['n_head']
        self.act = ACTIVATIONS[c['activation_function']]

    def forward(self, x, mask):
        q, k, v = self.attn.c_attn(self.ln_1(x)).chunk(3, 2)
        x = x + self.attn.c_proj(attend(q, k, v, self.heads, mask))
        return x + self.mlp.c_proj(self.act(self.mlp.c_fc(self.ln_2(x))))


class Gpt2(Tree):
    def __init__(self, c):
        width = c['n_embd']
        super().__init__(
            transformer=Tree(
                wte=nn.Embedding(c['vocab_size'], width),
                wpe=nn.Embedding(c['n_positions'], width),
                h=nn.ModuleList([GptBlock(c) for _ in range(c['n_layer'])]),
                ln_f=nn.LayerNorm(width, eps=c['layer_norm_epsilon']),
            )
        )

    def forward(self, ids):
        """Logits of each token's successor, (B, T, V)."""
        t, steps = self.transformer, ids.shape[1]
        mask = torch.full((steps, steps), NEVER).triu(1)
        x = t.wte(ids) + t.wpe.weight[:steps]
        for block in t.h:
            x = block(x, mask)
        return t.ln_f(x) @ t.wte.weight.T


class BertLayer(Tree):
    def __init__(self, c):
        width, hidden, eps = c['hidden_size'], c['intermediate_size'], c['layer_norm_eps']
        names = ('query', 'key', 'value')
        super().__init__(
            attention=Tree(
                self=Tree(**{name: nn.Linear(width, width) for name in names}),
                output=Tree(dense=nn.Linear(width, width), LayerNorm=nn.LayerNorm(width, eps=eps)),
            ),
            intermediate=Tree(dense=nn.Linear(width, hidden)),
            output=Tree(dense=nn.Linear(hidden, width), LayerNorm=nn.LayerNorm(width, eps=eps)),
        )
        self.heads = c['num_attention_heads']
        self.act = ACTIVATIONS[c['hidden_act']]

    def forward(self, x, mask):
        project, output = getattr(self.attention, 'self'), self.attention.output
        y = attend(project.query(x), project.key(x), project.value(x), self.heads, mask)
        x = output.LayerNorm(x + output.dense(y))
        y = self.output.dense(self.act(self.intermediate.dense(x)))
        return self.output.LayerNorm(x + y)


class Bert(Tree):
    """With the head that the config's architecture has."""

    def __init__(self, c):
        width, eps = c['hidden_size'], c['layer_norm_eps']
        table = lambda rows: nn.Embedding(rows, width)
        encoder = Tree(
            embeddings=Tree(
                word_embeddings=table(c['vocab_size']),
                position_embeddings=table(c['max_position_embeddings']),
                token_type_embeddings=table(c['type_vocab_size']),
                LayerNorm=nn.LayerNorm(width, eps=eps),
            ),
            encoder=Tree(layer=nn.ModuleList([BertLayer(c) for _ in range(c['num_hidden_layers'])])),
        )
        super().__init__(bert=encoder)
        self.act = ACTIVATIONS[c['hidden_act']]
        if c['architectures'] == ['BertForSequenceClassification']:
            encoder.pooler = Tree(dense=nn.Linear(width, width))
            self.classifier = nn.Linear(width, len(c.get('id2label', 'LL')))
        elif c['architectures'] == ['BertForMaskedLM']:
            transform = Tree(dense=nn.Linear(width, width), LayerNorm=nn.LayerNorm(width, eps=eps))
            predictions = Tree(transform=transform, bias=torch.zeros(c['vocab_size']))
            self.cls = Tree(predictions=predictions)

    def hidden(self, ids, lengths):
        """(B, T, C)"""
        e, steps = self.bert.embeddings, ids.shape[1]
        seen = torch.arange(steps)[None] < torch.tensor(lengths)[:, None]
        mask = torch.where(seen, 0.0, NEVER)[:, None, None]
        x = e.word_embeddings(ids) + e.position_embeddings.weight[:steps]
        x = e.LayerNorm(x + e.token_type_embeddings.weight[0])
        for layer in self.bert.encoder.layer:
            x = layer(x, mask)
        return x

    def forward(self, ids, lengths):
        """Logits of tokens, (B, T, V), or of names, (B, names)."""
        x = self.hidden(ids, lengths)
        if hasattr(self, 'classifier'):
            return self.classifier(torch.tanh(self.bert.pooler.dense(x[:, 0])))
        predictions = self.cls.predictions
        y = predictions.transform.LayerNorm(self.act(predictions.transform.dense(x)))
        return y @ self.bert.embeddings.word_embeddings.weight.T + predictions.bias
