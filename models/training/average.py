#!/usr/bin/env python3
"""average.py --corpus DIR --out OUT MODEL MODEL...: averages the weights of outputs of train.py that go on from one another.

The mean of models that were trained on from the same weights with other seeds is better than each of them and costs nothing to
run (Wortsman et al., Model soups, 2022). What is added to the score of `O` is chosen anew on `dev.jsonl` of the corpus; the
figures of each model and of the mean are printed.
"""
import argparse
import json
import os
import sys

sys.setdlopenflags(os.RTLD_LAZY)
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer

from corpus import Inputs, cut, examples, read_jsonl
from tagger import Tagger, calibrated, figures, probabilities


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--noteward", default="target/release/noteward")
    parser.add_argument("models", nargs="+")
    return parser.parse_args()


def main():
    given = arguments()
    first = given.models[0]
    with open(os.path.join(first, "config.json"), encoding="utf8") as file:
        inputs = Inputs(json.load(file)["noteward_inputs"])
    tokenizer = AutoTokenizer.from_pretrained(first)
    dev = os.path.join(given.corpus, "dev.jsonl")
    gold = {note["id"]: note["entities"] for note in read_jsonl(dev)}
    found = examples(cut(given.noteward, dev), gold, tokenizer, inputs)
    model = Tagger.from_encoder(first, len(inputs.names))
    states = [load_file(os.path.join(folder, "model.safetensors")) for folder in given.models]
    for folder, state in zip(given.models, states):
        model.load_state_dict(state)
        print(folder, json.dumps(figures(gold, found, probabilities(model, found, "cpu"))), flush=True)
    model.load_state_dict({name: sum(state[name] for state in states) / len(states) for name in states[0]})
    shift, metrics = calibrated(gold, found, probabilities(model, found, "cpu"))
    with torch.no_grad():
        model.classifier.bias[0] += shift
    metrics |= {"outside_shift": shift}
    print("mean", json.dumps(metrics), flush=True)
    model.save(given.out, model.state_dict(), tokenizer, inputs, metrics)


if __name__ == "__main__":
    main()
