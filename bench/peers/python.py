"""PyTorch and NumPy as peers of nearfar: one line of JSON in, one line of JSON out.

  {"peers": true}                                  -> {"peers": {"PyTorch": "1.13.0", ...}}
  {"peer": …, "operation": …, "sizes": …, "inputs": …}   -> {"ready": true} or {"missing": true}
  {"run": count}                                   -> {"ms": time of them all}
  {"outputs": true}                                -> {"outputs": what the last run gave}

Arrays travel as {"shape", "data"}, f32 in base64. Only the calls themselves are timed.
"""

import base64
import functools
import importlib.metadata
import json
import os
import struct
import sys
import time

import numpy as np

THREADS = int(os.environ["OMP_NUM_THREADS"])
# Seconds after which waiting threads have stopped spinning, which would take a core from the
# candidate that runs next.
SPIN_TIME = 0.05

try:
    import torch
    import torch.nn.functional as F
    import torch.utils.checkpoint

    torch.set_num_threads(THREADS)
except ImportError:
    torch = None


def read(array):
    data = np.frombuffer(base64.b64decode(array["data"]), dtype=np.float32)
    return data.reshape(array["shape"]).copy()


def written(value):
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().numpy()
    array = np.ascontiguousarray(value, dtype=np.float32)
    return base64.b64encode(array.tobytes()).decode()


# NumPy, vectorized.


def numpy_ntxent(z, temperature):
    n = len(z) // 2
    u = z / np.linalg.norm(z, axis=1, keepdims=True)
    s = u @ u.T
    s /= np.float32(temperature)
    np.fill_diagonal(s, -np.inf)
    positive = np.concatenate([np.diagonal(s, n), np.diagonal(s, -n)])
    top = s.max(1)
    s -= top[:, None]
    np.exp(s, out=s)
    return np.mean(np.log(s.sum(1)) + top - positive)


def numpy_softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def numpy_top_k(queries, corpus, k):
    scores = queries @ (corpus / np.linalg.norm(corpus, axis=1, keepdims=True)).T
    best = np.argpartition(-scores, k - 1, 1)[:, :k]
    order = np.argsort(-np.take_along_axis(scores, best, 1), 1)
    return np.take_along_axis(best, order, 1)


NUMPY = {
    "topK cosine": lambda i: {
        "indices": numpy_top_k(i["queries"], i["corpus"], int(i["k"][0, 0]))
    },
    "matmul": lambda i: {"product": i["a"] @ i["b"]},
    "matmul transposeB": lambda i: {"product": i["a"] @ i["b"].T},
    "matmul transposeA": lambda i: {"product": i["a"].T @ i["b"]},
    "dotMatrix": lambda i: {"matrix": i["a"] @ i["b"].T},
    "softmax": lambda i: {"softmax": numpy_softmax(i["x"])},
    "ntXent temperature 0.5": lambda i: {"loss": numpy_ntxent(i["z"], 0.5)},
    "ntXent temperature 0.01": lambda i: {"loss": numpy_ntxent(i["z"], 0.01)},
}

# PyTorch.


def ntxent(z, temperature):
    n = len(z) // 2
    u = F.normalize(z)
    s = u @ u.T / temperature
    s.fill_diagonal_(float("-inf"))
    return F.cross_entropy(s, torch.cat([torch.arange(n, 2 * n), torch.arange(n)]))


def ntxent_by_rows(z, temperature, rows=256):
    """NT-Xent in chunks of rows, each recomputed for its gradient: no N × N is stored."""
    u = F.normalize(z)
    half = len(z) // 2

    def chunk(u, start):
        s = u[start : start + rows] @ u.T / temperature
        at = torch.arange(len(s))
        s[at, start + at] = float("-inf")
        return F.cross_entropy(s, (start + at + half) % len(u), reduction="sum")

    parts = [
        torch.utils.checkpoint.checkpoint(chunk, u, start)
        for start in range(0, len(z), rows)
    ]
    return torch.stack(parts).sum() / len(z)


def with_gradient(loss, name):
    def run(i):
        x = i[name].detach().requires_grad_()
        value = loss(x, i)
        value.backward()
        return {"loss": value, name: x.grad}

    return run


def targets(i):
    return i["targets"].flatten().long()


@functools.cache
def weights(size):
    return ((torch.arange(size) * 7) % 11 - 4) / 8


def weighted(function):
    """Sum of the results, each times the weight that nearfar's rows give it, and all gradients."""

    def run(i):
        x = {name: value.detach().requires_grad_() for name, value in i.items()}
        y = function(x)
        loss = (y.flatten() * weights(y.numel())).sum()
        loss.backward()
        return {"loss": loss, **{name: value.grad for name, value in x.items()}}

    return run


# Operations of nearfar/nn, which are timed forward and, with that sum, backward.
OPERATIONS = {
    "exp": lambda i: torch.exp(i["x"]),
    "tanh": lambda i: torch.tanh(i["x"]),
    "gelu": lambda i: F.gelu(i["x"]),
    "gelu approximate": lambda i: F.gelu(i["x"], approximate="tanh"),
    "softmax": lambda i: torch.softmax(i["x"], 1),
    "logSoftmax": lambda i: torch.log_softmax(i["x"], 1),
    "layerNorm": lambda i: F.layer_norm(i["x"], i["gain"].shape, i["gain"], i["bias"]),
    "conv2d": lambda i: F.conv2d(i["x"], i["weight"], i["bias"], padding=1),
    "conv2d of every second patch": lambda i: F.conv2d(
        i["x"], i["weight"], i["bias"], stride=2
    ),
}


TORCH = {
    "matmul": lambda i: {"product": i["a"] @ i["b"]},
    "matmul transposeB": lambda i: {"product": i["a"] @ i["b"].T},
    "matmul transposeA": lambda i: {"product": i["a"].T @ i["b"]},
    "dotMatrix": lambda i: {"matrix": i["a"] @ i["b"].T},
    "softmax": lambda i: {"softmax": torch.softmax(i["x"], 1)},
    "logSumExp": lambda i: {"logSumExp": torch.logsumexp(i["x"], 1)},
    "ntXent temperature 0.5": lambda i: {"loss": ntxent(i["z"], 0.5)},
    "ntXent temperature 0.01": lambda i: {"loss": ntxent(i["z"], 0.01)},
    "ntXent temperature 0.5, gradient": with_gradient(lambda z, i: ntxent(z, 0.5), "z"),
    "ntXent temperature 0.01, gradient": with_gradient(lambda z, i: ntxent(z, 0.01), "z"),
    "topK cosine": lambda i: {
        "indices": torch.topk(
            i["queries"] @ F.normalize(i["corpus"]).T, int(i["k"][0, 0]), 1
        ).indices
    },
    "crossEntropy": lambda i: {
        "loss": F.cross_entropy(i["logits"], targets(i)),
        "smoothed": F.cross_entropy(i["logits"], targets(i), label_smoothing=0.1),
    },
    "crossEntropy, gradient": with_gradient(
        lambda x, i: F.cross_entropy(x, targets(i)), "logits"
    ),
    **{f"nn.{k}": lambda i, f=f: {"y": f(i)} for k, f in OPERATIONS.items()},
    **{f"nn.{k}, gradient": weighted(f) for k, f in OPERATIONS.items()},
}


# PyTorch without the N × N.

BY_ROWS = {
    f"ntXent temperature {t}, gradient": with_gradient(
        lambda z, i, t=t: ntxent_by_rows(z, t), "z"
    )
    for t in (0.5, 0.01)
}


class Training:
    """A training step with nearfar's weights and batches: a loss, its gradient, AdamW."""

    def __init__(self, sizes, inputs):
        self.sizes = sizes
        raw = base64.b64decode(inputs["weights"])
        length = struct.unpack("<Q", raw[:8])[0]
        self.weights = {}
        for name, entry in json.loads(raw[8 : 8 + length]).items():
            if name == "__metadata__":
                continue
            start, end = entry["data_offsets"]
            data = np.frombuffer(raw[8 + length + start : 8 + length + end], dtype=np.float32)
            tensor = torch.tensor(data.reshape(entry["shape"]))
            self.weights[name] = tensor.requires_grad_()
        decayed = [w for w in self.weights.values() if w.dim() > 1]
        others = [w for w in self.weights.values() if w.dim() <= 1]
        groups = [
            {"params": decayed, "weight_decay": inputs["weightDecay"]},
            {"params": others, "weight_decay": 0},
        ]
        self.optimizer = torch.optim.AdamW(groups, betas=inputs["betas"])
        self.rates = inputs["rates"]
        self.clip = inputs["gradClip"]
        self.step = 0

    def __call__(self, _):
        for group in self.optimizer.param_groups:
            group["lr"] = self.rates[min(self.step, len(self.rates) - 1)]
        self.optimizer.zero_grad()
        loss = self.loss(self.step)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights.values(), self.clip)
        self.optimizer.step()
        self.step += 1
        return {"loss": loss}


class GptTraining(Training):
    """As nanoGPT's model.py computes it, with PyTorch's fused attention."""

    def __init__(self, sizes, inputs):
        super().__init__(sizes, inputs)
        shape = (-1, sizes["B"], sizes["T"])
        self.inputs = torch.tensor(inputs["ids"]).reshape(shape)
        self.targets = torch.tensor(inputs["targets"]).reshape(shape)

    def loss(self, step):
        at = step % len(self.inputs)
        logits = self.forward(self.inputs[at])
        return F.cross_entropy(logits.flatten(0, 1), self.targets[at].flatten())

    def forward(self, ids):
        w = self.weights
        heads = self.sizes["heads"]
        batch, steps = ids.shape
        x = w["tokenEmbeddings"][ids] + w["positionEmbeddings"][:steps]
        channels = x.shape[-1]

        def split(y):
            return y.view(batch, steps, heads, channels // heads).transpose(1, 2)

        for layer in range(self.sizes["layers"]):
            b = f"blocks.{layer}."
            y = F.layer_norm(x, (channels,), w[b + "norm1.weight"])
            q, k, v = map(split, F.linear(y, w[b + "attention.qkv.weight"]).split(channels, 2))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            y = y.transpose(1, 2).reshape(batch, steps, channels)
            x = x + F.linear(y, w[b + "attention.output.weight"])
            y = F.layer_norm(x, (channels,), w[b + "norm2.weight"])
            y = F.gelu(F.linear(y, w[b + "mlp.up.weight"]))
            x = x + F.linear(y, w[b + "mlp.down.weight"])
        return F.linear(F.layer_norm(x, (channels,), w["norm.weight"]), w["tokenEmbeddings"])


class SimClrTraining(Training):
    """
    Encoder, head, NT-Xent on views that are given. Left out is what ours does besides: it makes the
    views, and has running means and variances follow, which `encode` needs later.
    """

    def __init__(self, sizes, inputs):
        super().__init__(sizes, inputs)
        self.groups = inputs["groups"]
        self.temperature = inputs["temperature"]
        shape = (-1, 2 * sizes["B"], sizes["C"], sizes["H"], sizes["W"])
        self.views = torch.from_numpy(read(inputs["views"])).reshape(shape)

    def linear(self, x, name):
        return F.linear(x, self.weights[name + ".weight"], self.weights[name + ".bias"])

    def loss(self, step):
        w = self.weights
        x = self.views[step % len(self.views)]
        for i, groups in enumerate(self.groups):
            x = F.conv2d(x, w[f"encoder.convolutions.{i}.weight"], stride=2)
            norm = f"encoder.norms.{i}."
            x = F.relu(F.group_norm(x, groups, w[norm + "weight"], w[norm + "bias"]))
        h = self.linear(x.flatten(1), "encoder.output")
        z = self.linear(F.relu(self.linear(h, "head.up")), "head.down")
        return ntxent(z, self.temperature)


class TransformerEncoding:
    """A transformer of a folder, its tokens' mean, unit length: tokens in, as transformers has them."""

    def __init__(self, inputs):
        from transformers import AutoModel
        from transformers.utils import logging

        logging.disable_progress_bar()
        self.model = AutoModel.from_pretrained(inputs["folder"], dtype=torch.float32).eval()
        tokens = inputs["tokens"]
        # Texts of about one length together, so that little is padded.
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        size = inputs["batch"]
        self.batches = [order[i : i + size] for i in range(0, len(order), size)]
        self.tokens = tokens

    def __call__(self, _):
        rows = [None] * len(self.tokens)
        with torch.inference_mode():
            for batch in self.batches:
                longest = max(len(self.tokens[i]) for i in batch)
                ids = torch.zeros(len(batch), longest, dtype=torch.long)
                mask = torch.zeros(len(batch), longest, dtype=torch.long)
                for row, i in enumerate(batch):
                    ids[row, : len(self.tokens[i])] = torch.tensor(self.tokens[i])
                    mask[row, : len(self.tokens[i])] = 1
                hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
                kept = mask.unsqueeze(2).float()
                means = F.normalize((hidden * kept).sum(1) / kept.sum(1))
                for row, i in enumerate(batch):
                    rows[i] = means[row]
        return {"rows": torch.stack(rows)}


class StaticEncoding:
    """model2vec, from texts to rows."""

    def __init__(self, inputs):
        from model2vec import StaticModel

        self.model = StaticModel.from_pretrained(inputs["folder"])
        self.texts = inputs["texts"]

    def __call__(self, _):
        return {"rows": self.model.encode(self.texts, use_multiprocessing=False)}


def encoding(peer, inputs):
    if peer == "PyTorch" and inputs["kind"] == "bert" and inputs["precision"] == "float32":
        return TransformerEncoding(inputs)
    if peer == "model2vec" and inputs["kind"] == "static":
        return StaticEncoding(inputs)
    return None


class EncoderTraining(Training):
    """BERT as Hugging Face has it, mean pooling, in-batch negatives in both directions."""

    def __init__(self, sizes, inputs):
        super().__init__(sizes, inputs)
        self.ids = torch.tensor(inputs["ids"]).reshape(2, sizes["B"], sizes["T"])

    def __call__(self, inputs):
        outputs = super().__call__(inputs)
        # With dropout only the times are comparable.
        return {} if self.sizes["dropout"] > 0 else outputs

    def loss(self, step):
        anchors, positives = (F.normalize(self.embed(ids)) for ids in self.ids)
        scores = anchors @ positives.T / 0.05
        targets = torch.arange(len(scores))
        return (F.cross_entropy(scores, targets) + F.cross_entropy(scores.T, targets)) / 2

    def embed(self, ids):
        w, rate, heads = self.weights, self.sizes["dropout"], self.sizes["heads"]
        batch, steps = ids.shape

        def linear(x, name):
            return F.linear(x, w[name + ".weight"], w[name + ".bias"])

        def norm(x, name):
            return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], 1e-12)

        e = "embeddings."
        x = F.embedding(ids, w[e + "word_embeddings.weight"])
        x = x + w[e + "token_type_embeddings.weight"][0] + w[e + "position_embeddings.weight"][:steps]
        x = F.dropout(norm(x, e + "LayerNorm"), rate)
        for layer in range(self.sizes["layers"]):
            b = f"encoder.layer.{layer}."
            q, k, v = (
                linear(x, f"{b}attention.self.{part}").view(batch, steps, heads, -1).transpose(1, 2)
                for part in ("query", "key", "value")
            )
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=rate).transpose(1, 2).flatten(2)
            y = F.dropout(linear(y, b + "attention.output.dense"), rate)
            x = norm(x + y, b + "attention.output.LayerNorm")
            y = linear(F.gelu(linear(x, b + "intermediate.dense")), b + "output.dense")
            x = norm(x + F.dropout(y, rate), b + "output.LayerNorm")
        return x.mean(1)


TRAININGS = {
    "GPT training step": GptTraining,
    "SimCLR training step": SimClrTraining,
    "sentence encoder fine-tuning step, dropout": EncoderTraining,
    "sentence encoder fine-tuning step, no dropout": EncoderTraining,
}


def prepare(request):
    name, inputs = request["operation"], request["inputs"]
    if "folder" in inputs:
        return encoding(request["peer"], inputs), None
    if request["peer"] == "model2vec":
        return None, None
    if request["peer"] == "PyTorch by rows":
        call = BY_ROWS.get(name)
        return call, call and {k: torch.from_numpy(read(v)) for k, v in inputs.items()}
    if request["peer"] == "PyTorch":
        if name in TRAININGS:
            return TRAININGS[name](request["sizes"], inputs), None
        call = TORCH.get(name)
        if call is None:
            return None, None
        return call, {k: torch.from_numpy(read(v)) for k, v in inputs.items()}
    call = NUMPY.get(name)
    return call, call and {k: read(v) for k, v in inputs.items()}


def torch_blas():
    """PyTorch's wheels have MKL inside; others use the library that NumPy has loaded."""
    return " with MKL" if torch.backends.mkl.is_available() else blas()


def blas():
    """Which library multiplies: Debian's reference one is thirty times slower than OpenBLAS."""
    np.ones((2, 2), np.float32) @ np.ones((2, 2), np.float32)
    try:
        with open("/proc/self/maps") as maps:
            loaded = maps.read()
    except OSError:
        return ""
    for name, sign in (("OpenBLAS", "openblas"), ("MKL", "libmkl"), ("BLIS", "libblis")):
        if sign in loaded:
            return f" with {name}"
    return " with reference BLAS" if "libblas.so" in loaded else ""


def main():
    call, inputs, outputs = None, None, {}
    for line in sys.stdin:
        request = json.loads(line)
        if "peers" in request:
            versions = {"NumPy": np.__version__ + blas()}
            if torch is not None:
                versions["PyTorch"] = torch.__version__ + torch_blas()
                versions["PyTorch by rows"] = torch.__version__
            try:
                versions["model2vec"] = importlib.metadata.version("model2vec")
            except importlib.metadata.PackageNotFoundError:
                pass
            answer = {"peers": versions}
        elif "run" in request:
            start = time.perf_counter()
            for _ in range(request["run"]):
                outputs = call(inputs)
            answer = {"ms": 1000 * (time.perf_counter() - start)}
            if THREADS > 1:
                time.sleep(SPIN_TIME)
        elif "outputs" in request:
            answer = {"outputs": {k: written(v) for k, v in outputs.items()}}
        else:
            call, inputs = prepare(request)
            answer = {"missing": True} if call is None else {"ready": True}
        print(json.dumps(answer), flush=True)


main()
