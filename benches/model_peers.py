#!/usr/bin/env python3
"""model_peers.py MODEL SENTENCES.jsonl --backend hf|ort --threads N [--limit N]: a peer's speed on the model's own task.

Tokenises, infers and decodes sentences (one object with `text` a line) with Hugging Face's token-classification pipeline
(32-bit floats, batches of 32) or with ONNX Runtime (8-bit weights by its dynamic quantisation, per channel; length-sorted
batches of 32). MODEL is a folder in the Hugging Face layout with weights in floating point; the ONNX file is made beside it
once. Prints one JSON line: word pieces (special ones included) per second, loading not counted.
"""
import argparse
import json
import os
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("sentences")
parser.add_argument("--backend", choices=["hf", "ort"], required=True)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--limit", type=int)
arguments = parser.parse_args()

os.environ.setdefault("HF_HUB_OFFLINE", "1")
for variable in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = str(arguments.threads)
sys.setdlopenflags(os.RTLD_LAZY)
from transformers import AutoTokenizer

texts = [json.loads(line)["text"] for line in open(arguments.sentences, encoding="utf8")][: arguments.limit]
tokenizer = AutoTokenizer.from_pretrained(arguments.model)
lengths = [min(512, len(ids)) for ids in tokenizer(texts)["input_ids"]]


def hugging_face():
    import torch
    from transformers import AutoModelForTokenClassification, pipeline

    torch.set_num_threads(arguments.threads)
    model = AutoModelForTokenClassification.from_pretrained(arguments.model)
    tagger = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple", batch_size=32)
    tagger(texts[:64])
    start = time.perf_counter()
    tagger(texts)
    return time.perf_counter() - start


def onnx_file():
    path = os.path.join(arguments.model, "int8.onnx")
    if not os.path.exists(path):
        import torch
        from onnxruntime.quantization import QuantType, quantize_dynamic
        from transformers import AutoModelForTokenClassification

        model = AutoModelForTokenClassification.from_pretrained(arguments.model, attn_implementation="eager").eval()
        example = tokenizer(["a sentence", "another one here"], padding=True, return_tensors="pt")
        names = ["input_ids", "attention_mask", "token_type_ids"]
        full = os.path.join(arguments.model, "full.onnx")
        axes = {name: {0: "batch", 1: "token"} for name in names + ["logits"]}
        torch.onnx.export(model, tuple(example[n] for n in ("input_ids", "attention_mask", "token_type_ids")), full,
                          input_names=names, output_names=["logits"], dynamic_axes=axes, opset_version=17)
        quantize_dynamic(full, path, weight_type=QuantType.QInt8, per_channel=True)
    return path


def onnx_runtime():
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx_file(), options, providers=["CPUExecutionProvider"])

    def run(group):
        encoded = tokenizer(group, padding=True, truncation=True, max_length=512, return_offsets_mapping=True,
                            return_tensors="np")
        offsets = encoded.pop("offset_mapping")
        logits = session.run(None, {name: encoded[name].astype(numpy.int64) for name in
                                    ("input_ids", "attention_mask", "token_type_ids")})[0]
        return [spans(labels, places) for labels, places in zip(logits.argmax(-1), offsets)]

    def spans(labels, places):
        found = []
        for label, (start, end) in zip(labels.tolist(), places.tolist()):
            if label % 2 == 1:
                found.append([start, end])
            elif label and found:
                found[-1][1] = end
        return found

    run(texts[:32])
    start = time.perf_counter()
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    for first in range(0, len(order), 32):
        run([texts[index] for index in order[first:first + 32]])
    return time.perf_counter() - start


seconds = hugging_face() if arguments.backend == "hf" else onnx_runtime()
print(json.dumps({"backend": arguments.backend, "threads": arguments.threads, "tokens_s": round(sum(lengths) / seconds)}))
