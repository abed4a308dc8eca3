#!/usr/bin/env python3
"""compact.py MODEL OUT: writes a model folder in compact form, as noteward embeds it.

Matrices become bytes with one scale for each row (symmetric, 127 steps), in the tensor `NAME_scale`; vectors stay 32-bit
floats. Of the tokenizer only `vocab.txt` is kept, and of `config.json` what noteward reads.
"""
import json
import os
import shutil
import sys

import numpy
from safetensors.numpy import load_file, save_file

KEPT = ["model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
        "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act", "id2label", "noteward_inputs",
        "noteward_axes"]


def main(model, out):
    os.makedirs(out, exist_ok=True)
    tensors = {}
    for name, tensor in sorted(load_file(os.path.join(model, "model.safetensors")).items()):
        if tensor.ndim < 2:
            tensors[name] = tensor.astype(numpy.float32)
            continue
        scale = numpy.maximum(numpy.abs(tensor).max(axis=1), 1e-20).astype(numpy.float32) / numpy.float32(127)
        tensors[name] = numpy.rint(tensor / scale[:, None]).clip(-127, 127).astype(numpy.int8)
        tensors[name + "_scale"] = scale
    save_file(tensors, os.path.join(out, "model.safetensors"))
    with open(os.path.join(model, "config.json"), encoding="utf8") as file:
        config = json.load(file)
    with open(os.path.join(out, "config.json"), "w", encoding="utf8") as file:
        json.dump({name: config[name] for name in KEPT}, file, indent=1)
        file.write("\n")
    shutil.copy(os.path.join(model, "vocab.txt"), out)


if __name__ == "__main__":
    main(*sys.argv[1:3])
