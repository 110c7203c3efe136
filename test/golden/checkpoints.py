"""Modules whose state has whatever names a checkpoint has, and checkpoints as safetensors files."""

import json
import struct

import numpy as np
import torch
from torch import nn

TYPES = {'F32': '<f4', 'I64': '<i8', 'BOOL': '?'}


class Tree(nn.Module):
    """A module of parts by name, so that names can be whatever they are (`self` among them)."""

    def __init__(module, /, **parts):
        super().__init__()
        for name, part in parts.items():
            if isinstance(part, torch.Tensor):
                module.register_parameter(name, nn.Parameter(part))
            else:
                module.add_module(name, part)


def safetensors(state):
    """The bytes of a file, names in order."""
    header, data = {'__metadata__': {'format': 'pt'}}, b''
    for name in sorted(state):
        array = np.ascontiguousarray(state[name].numpy())
        dtype = next(dtype for dtype, kind in TYPES.items() if np.dtype(kind) == array.dtype)
        span = [len(data), len(data) + array.nbytes]
        header[name] = {'dtype': dtype, 'shape': list(state[name].shape), 'data_offsets': span}
        data += array.astype(TYPES[dtype]).tobytes()
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    return struct.pack('<Q', len(text)) + text + data


def state_of(data):
    """The tensors of a file's bytes."""
    (length,) = struct.unpack('<Q', data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop('__metadata__', None)
    state = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry['data_offsets'])
        array = np.frombuffer(data[begin:end], TYPES[entry['dtype']]).reshape(entry['shape'])
        state[name] = torch.tensor(array.copy())
    return state
