#!/usr/bin/env python3
"""train.py --corpus DIR --encoder DIR --out DIR: trains a token classifier for symptom, finding and diagnosis.

DIR of the corpus holds `train*.jsonl` and `dev.jsonl` in the form of the gold standard: one object a note, with `id`, `text`
and `entities` [{start, end, type, negated, possible, historical, hypothetical, other_experiencer}] in code points. The
encoder is a folder of a BERT encoder in the Hugging Face layout. `--unlabelled FILE` adds notes without annotation, read as
`--teacher DIR` (an output of this program; several are averaged) reads them.

The state after each epoch stands in `OUT/checkpoint.pt`; the same command goes on from there. The weights with the best dev
figures, a moving average over the steps, are written to `OUT` in the Hugging Face layout, with `metrics.json`.
"""
import argparse
import glob
import json
import os
import random
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.setdlopenflags(os.RTLD_LAZY)
import torch
from torch import nn
from transformers import AutoTokenizer

from corpus import AXES, LABELS, Inputs, batches, cut, distinct, examples, read_jsonl
from tagger import Tagger, calibrated, figures, probabilities, tensors


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--noteward", default="target/release/noteward")
    parser.add_argument("--unlabelled", action="append", default=[])
    parser.add_argument("--teacher", action="append", default=[])
    parser.add_argument("--share", type=float, default=0.33, help="share of the unlabelled sentences read in each epoch")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--layer-decay", type=float, default=0.9, help="factor of the rate from each layer to the one below")
    parser.add_argument("--smoothing", type=float, default=0.05, help="label smoothing")
    parser.add_argument("--batch-tokens", type=int, default=1536)
    parser.add_argument("--average", type=float, default=0.997, help="decay of the moving average of the weights")
    parser.add_argument("--layers", help="keep only these layers of the encoder, as in 0,2,5")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def parameter_groups(model, rate, decay):
    """Lower layers learn more slowly; norms and biases are not shrunk."""
    n_layers = model.bert.config.num_hidden_layers
    groups = {}
    for name, parameter in model.named_parameters():
        if name.startswith(("classifier", "assertion")) or "token_type" in name:
            depth = 0
        elif ".layer." in name:
            depth = n_layers - int(name.split(".layer.")[1].split(".")[0])
        else:
            depth = n_layers + 1
        shrink = 0.0 if parameter.ndim < 2 else 0.01
        groups.setdefault((depth, shrink), []).append(parameter)
    return [{"params": p, "lr": rate * decay**depth, "weight_decay": shrink} for (depth, shrink), p in groups.items()]


def targets(found, group, length, smoothing):
    """Probabilities to learn, and which pieces they are for: labels (all pieces), axes (those of mentions)."""
    labels = torch.zeros(len(group), length, len(LABELS))
    is_piece = torch.zeros(len(group), length)
    axes = torch.zeros(len(group), length, len(AXES))
    in_mention = torch.zeros(len(group), length)
    for row, index in enumerate(group):
        example = found[index]
        if example.soft is not None:
            taught, taught_axes = example.soft
            n = len(taught)
            labels[row, :n] = taught.float()
            axes[row, :n] = taught_axes.float()
            is_piece[row, 1:n - 1] = 1
            in_mention[row, 1:n - 1] = 1 - labels[row, 1:n - 1, 0]
            continue
        for place, (label, told) in enumerate(zip(example.labels, example.axes)):
            if label >= 0:
                labels[row, place] = smoothing / len(LABELS)
                labels[row, place, label] += 1 - smoothing
                is_piece[row, place] = 1
            if told is not None:
                axes[row, place] = torch.tensor(told)
                in_mention[row, place] = 1
    return labels, is_piece, axes, in_mention


def loss_of(model, found, group, smoothing, hide, device):
    ids, mask, kinds = (t.to(device) for t in tensors(found, group, hide))
    labels, is_piece, axes, in_mention = (t.to(device) for t in targets(found, group, ids.shape[1], smoothing))
    label_scores, axis_scores = model(ids, mask, kinds)
    per_piece = -(labels * label_scores.log_softmax(-1)).sum(-1)
    loss = (per_piece * is_piece).sum() / is_piece.sum().clamp_min(1)
    per_axis = nn.functional.binary_cross_entropy_with_logits(axis_scores, axes, reduction="none").sum(-1)
    return loss + 0.2 * (per_axis * in_mention).sum() / in_mention.sum().clamp_min(1)


def teach(found, teachers, inputs, device):
    """Gives examples the mean probabilities of the teachers."""
    for folder in teachers:
        teacher = Tagger.from_encoder(folder, len(inputs.names)).to(device)
        for example, (labels, axes) in zip(found, probabilities(teacher, found, device)):
            labels, axes = labels / len(teachers), axes / len(teachers)
            if example.soft is not None:
                labels, axes = labels + example.soft[0].float(), axes + example.soft[1].float()
            example.soft = (labels.half(), axes.half())


def load(given, tokenizer, inputs, device):
    train, gold = [], {}
    for path in sorted(glob.glob(os.path.join(given.corpus, "train*.jsonl"))):
        own = {note["id"]: note["entities"] for note in read_jsonl(path)}
        train += examples(cut(given.noteward, path), own, tokenizer, inputs)
    dev_path = os.path.join(given.corpus, "dev.jsonl")
    gold = {note["id"]: note["entities"] for note in read_jsonl(dev_path)}
    dev = examples(cut(given.noteward, dev_path), gold, tokenizer, inputs)
    plain = []
    for path in given.unlabelled:
        plain += examples(cut(given.noteward, path), None, tokenizer, inputs)
    known = {tuple(e.ids) for e in train} | {tuple(e.ids) for e in dev}
    plain = [e for e in distinct(plain) if tuple(e.ids) not in known]
    return distinct(train), dev, gold, plain


def main():
    given = arguments()
    torch.manual_seed(given.seed)
    hide = random.Random(given.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(given.encoder)
    kinds = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "lexicons", "section-kinds.tsv")
    with open(kinds, encoding="utf8") as file:
        inputs = Inputs.of_sections([line.split("\t")[0] for line in file][1:])
    layers = [int(layer) for layer in given.layers.split(",")] if given.layers else None
    model = Tagger.from_encoder(given.encoder, len(inputs.names), layers).to(device)
    train, dev, gold, plain = load(given, tokenizer, inputs, device)
    if plain:
        teach(plain, given.teacher, inputs, device)
    pieces = lambda found: sum(len(e.ids) for e in found)
    print(f"{len(train)} distinct sentences ({pieces(train)} word pieces), {len(plain)} unlabelled ({pieces(plain)})", flush=True)

    optimizer = torch.optim.AdamW(parameter_groups(model, given.rate, given.layer_decay))

    def epoch_examples(epoch):
        random.seed(given.seed * 1000 + epoch)
        return train + random.sample(plain, int(given.share * len(plain)))

    n_steps = given.epochs * len(batches(epoch_examples(0), given.batch_tokens, shuffle=True))
    warm = max(1, n_steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / warm) * max(0.0, 1 - step / (n_steps * 1.02)))
    average = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    best, first_epoch, step = {"exact_typed": -1.0}, 0, 0
    checkpoint = os.path.join(given.out, "checkpoint.pt")
    os.makedirs(given.out, exist_ok=True)
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint, map_location=device, weights_only=False)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        average, best, first_epoch, step = state["average"], state["best"], state["epoch"], state["step"]
        print(f"going on after epoch {first_epoch}", flush=True)
    for epoch in range(first_epoch, given.epochs):
        found = epoch_examples(epoch)
        model.train()
        began, total = time.time(), 0.0
        groups = batches(found, given.batch_tokens, shuffle=True)
        for number, group in enumerate(groups):
            loss = loss_of(model, found, group, given.smoothing, hide, device)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            total += loss.item()
            decay = min(given.average, (1 + step) / (10 + step))
            with torch.no_grad():
                for name, tensor in model.state_dict().items():
                    average[name].lerp_(tensor, 1 - decay)
            if number % 100 == 99:
                print(f"epoch {epoch + 1} step {number + 1}/{len(groups)} loss {total / (number + 1):.4f} "
                      f"{time.time() - began:.0f} s", flush=True)
        own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(average)
        metrics = figures(gold, dev, probabilities(model, dev, device))
        metrics |= {"epoch": epoch + 1, "loss": round(total / len(groups), 4), "seconds": round(time.time() - began)}
        print(json.dumps(metrics), flush=True)
        if metrics["exact_typed"] > best["exact_typed"]:
            best = metrics
            model.save(given.out, average, tokenizer, inputs, metrics)
        model.load_state_dict(own)
        state = {"model": own, "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(), "average": average,
                 "best": best, "epoch": epoch + 1, "step": step}
        torch.save(state, checkpoint + ".new")
        os.replace(checkpoint + ".new", checkpoint)
    model = Tagger.from_encoder(given.out, len(inputs.names)).to(device)
    if "outside_shift" not in best:
        shift, metrics = calibrated(gold, dev, probabilities(model, dev, device))
        with torch.no_grad():
            model.classifier.bias[0] += shift
        best = best | metrics | {"outside_shift": shift}
        model.save(given.out, model.state_dict(), tokenizer, inputs, best)
    print("best", json.dumps(best), flush=True)


if __name__ == "__main__":
    main()
