#!/usr/bin/env python3
"""make_tiny.py FAMILY: writes tests/models/tiny-FAMILY, a token classifier with random weights, and what PyTorch makes of it.

Families: electra, roberta, and inputs (a BERT with noteward's token types and assertion axes). `expected.json` holds
sequences with their token types, and the scores of each token: labels, then axes.
"""
import json
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import (BertConfig, BertForTokenClassification, ElectraConfig, ElectraForTokenClassification,
                          RobertaConfig, RobertaForTokenClassification)

HERE = os.path.dirname(os.path.abspath(__file__))
LABELS = ["O", "B-symptom", "I-symptom", "B-finding", "I-finding", "B-diagnosis", "I-diagnosis"]
INPUTS = ["none", "lexicon:B-symptom", "lexicon:I-symptom", "lexicon:B-finding", "lexicon:I-finding",
          "lexicon:B-diagnosis", "lexicon:I-diagnosis", "section:plan", "section:impression"]
AXES = ["negated", "possible", "historical", "hypothetical", "other_experiencer"]
SIZES = dict(vocab_size=32, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
             max_position_embeddings=24, num_labels=len(LABELS), id2label=dict(enumerate(LABELS)))


def build(family):
    if family == "electra":
        return ElectraForTokenClassification(ElectraConfig(embedding_size=8, type_vocab_size=2, **SIZES))
    if family == "roberta":
        config = RobertaConfig(type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5, **SIZES | {"max_position_embeddings": 26})
        return RobertaForTokenClassification(config)
    return BertForTokenClassification(BertConfig(type_vocab_size=len(INPUTS), **SIZES))


def main(family):
    torch.manual_seed(7)
    model = build(family).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items() if "position_ids" not in name}
    head = torch.nn.Linear(16, len(AXES)) if family == "inputs" else None
    if head:
        weights |= {"assertion.weight": head.weight.detach(), "assertion.bias": head.bias.detach()}
    cases = []
    first, last = (0, 2) if family == "roberta" else (2, 3)
    for words in ([9], [6, 11, 12, 4], [13, 9, 5, 10, 7, 8, 14, 15, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]):
        ids = [first, *words, last]
        types = [(place * 5 + 7) % len(INPUTS) for place in range(len(ids))] if head else []
        with torch.no_grad():
            given = {"token_type_ids": torch.tensor([types])} if types else {}
            out = model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                        output_hidden_states=True, **given)
            scores = out.logits[0]
            if head:
                scores = torch.cat([scores, head(out.hidden_states[-1][0])], 1)
        cases.append({"ids": ids, "types": types, "logits": [[round(x, 6) for x in row] for row in scores.tolist()]})
    folder = os.path.join(HERE, "tiny-" + family)
    os.makedirs(folder, exist_ok=True)
    save_file(weights, os.path.join(folder, "model.safetensors"))
    kept = ["model_type", "vocab_size", "hidden_size", "embedding_size", "num_hidden_layers", "num_attention_heads",
            "intermediate_size", "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act", "id2label"]
    config = {name: value for name, value in model.config.to_dict().items() if name in kept}
    if head:
        config |= {"noteward_inputs": INPUTS, "noteward_axes": AXES}
    json.dump(config, open(os.path.join(folder, "config.json"), "w"), indent=1)
    json.dump(cases, open(os.path.join(folder, "expected.json"), "w"))


if __name__ == "__main__":
    main(sys.argv[1])
