#!/usr/bin/env python3
"""train.py --corpus DIR --encoder DIR --out DIR: trains a token classifier for symptom, finding and diagnosis.

DIR of the corpus holds `train*.jsonl` and `dev.jsonl` in the form of the gold standard: one object a note, with `id`, `text`
and `entities` [{start, end, type, ...}] in code points. The encoder is a folder of a BERT encoder in the Hugging Face layout.
Notes are cut into sentences by noteward itself (`--noteward BIN`), so that the model is trained on what it will read.

The last checkpoint of each epoch stands in `OUT/checkpoint.pt`; the same command goes on from there. The weights with the
best dev figures, averaged over the last steps, are written to `OUT` in the Hugging Face layout, with `metrics.json`.
"""
import argparse
import glob
import json
import math
import os
import random
import subprocess
import tempfile
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
from safetensors.torch import save_file
from torch import nn
from transformers import AutoConfig, AutoTokenizer, BertForTokenClassification

TYPES = ["symptom", "finding", "diagnosis"]
LABELS = ["O"] + [f"{prefix}-{kind}" for kind in TYPES for prefix in "BI"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--noteward", default="target/release/noteward")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rate", type=float, default=1.2e-4)
    parser.add_argument("--layer-decay", type=float, default=0.9, help="factor of the rate from each layer to the one below")
    parser.add_argument("--smoothing", type=float, default=0.05, help="label smoothing")
    parser.add_argument("--batch-tokens", type=int, default=1024)
    parser.add_argument("--average", type=float, default=0.998, help="decay of the moving average of the weights")
    parser.add_argument("--layers", help="keep only these layers of the encoder, as in 0,2,5")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def sentences(binary, path):
    """For each note id, its sentences as (start, end, section), in code points."""
    with tempfile.TemporaryDirectory() as out:
        command = [binary, "annotate", path, "--out", out, "--format", "jsonl", "--keep-sentences", "--quiet"]
        subprocess.run(command, check=True)
        cut = {}
        for line in open(os.path.join(out, "sentences.jsonl"), encoding="utf8"):
            row = json.loads(line)
            cut.setdefault(row["note_id"], []).append((row["start"], row["end"], row["section"]))
    return cut


def examples(notes, cut, tokenizer, max_length=256):
    """Sentences with word pieces, their places in the note, and a label each."""
    found = []
    for note in notes:
        entities = note.get("entities", [])
        for start, end, _section in cut.get(note["id"], []):
            text = note["text"][start:end]
            encoded = tokenizer(text, truncation=True, max_length=max_length, return_offsets_mapping=True)
            inside = [e for e in entities if e["start"] < end and e["end"] > start]
            labels = []
            for piece_start, piece_end in encoded["offset_mapping"]:
                label = -100 if piece_start == piece_end else 0
                for entity in inside:
                    if label == 0 and entity["start"] - start < piece_end and entity["end"] - start > piece_start:
                        begins = piece_start <= entity["start"] - start
                        label = LABELS.index(("B-" if begins else "I-") + entity["type"])
                labels.append(label)
            offsets = [(start + a, start + b) for a, b in encoded["offset_mapping"]]
            found.append({"note": note["id"], "ids": encoded["input_ids"], "labels": labels, "offsets": offsets})
    return found


def distinct(found):
    """Each pair of sentence and labels once: copied sentences teach nothing new."""
    kept = {(tuple(e["ids"]), tuple(e["labels"])): e for e in found}
    return list(kept.values())


def batches(found, budget, shuffle):
    """Batches of similar length whose padded size stays under a budget of tokens."""
    order = list(range(len(found)))
    if shuffle:
        random.shuffle(order)
    order.sort(key=lambda index: len(found[index]["ids"]) // 4)
    grouped, group, longest = [], [], 0
    for index in order:
        longest = max(longest, len(found[index]["ids"]))
        if group and longest * (len(group) + 1) > budget:
            grouped.append(group)
            group, longest = [], len(found[index]["ids"])
        group.append(index)
    grouped.append(group)
    if shuffle:
        random.shuffle(grouped)
    return grouped


def tensors(found, group, device):
    longest = max(len(found[i]["ids"]) for i in group)
    ids = torch.zeros(len(group), longest, dtype=torch.long)
    mask = torch.zeros(len(group), longest, dtype=torch.long)
    labels = torch.full((len(group), longest), -100)
    for row, index in enumerate(group):
        length = len(found[index]["ids"])
        ids[row, :length] = torch.tensor(found[index]["ids"])
        mask[row, :length] = 1
        labels[row, :length] = torch.tensor(found[index]["labels"])
    return ids.to(device), mask.to(device), labels.to(device)


def decode(scores):
    """The best label sequence in which every I- continues its own type."""
    allowed = torch.zeros(len(LABELS), len(LABELS))
    for after, label in enumerate(LABELS):
        if label.startswith("I-"):
            for before, previous in enumerate(LABELS):
                if previous[2:] != label[2:]:
                    allowed[before, after] = -1e4
    best = scores[0].clone()
    for after, label in enumerate(LABELS):
        if label.startswith("I-"):
            best[after] = -1e4
    back = []
    for row in scores[1:]:
        total = best[:, None] + allowed + row[None, :]
        best, chosen = total.max(0)
        back.append(chosen)
    path = [int(best.argmax())]
    for chosen in reversed(back):
        path.append(int(chosen[path[-1]]))
    return path[::-1]


def mentions(offsets, path):
    """Spans with types from labels."""
    found = []
    for (start, end), index in zip(offsets, path):
        label = LABELS[index]
        if label.startswith("B-"):
            found.append([start, end, label[2:]])
        elif label.startswith("I-") and found:
            found[-1][1] = end
    return [tuple(mention) for mention in found]


@torch.no_grad()
def predict(model, found, device):
    model.eval()
    predicted = {}
    for group in batches(found, 4096, shuffle=False):
        ids, mask, labels = tensors(found, group, device)
        scores = model(input_ids=ids, attention_mask=mask).logits.log_softmax(-1).cpu()
        for row, index in enumerate(group):
            example = found[index]
            inner = [i for i, label in enumerate(example["labels"]) if label != -100]
            if inner:
                path = decode(scores[row, inner])
                spans = mentions([example["offsets"][i] for i in inner], path)
                predicted.setdefault(example["note"], []).extend(spans)
    return predicted


def figures(notes, predicted):
    """F1 of overlapping, equal, and equal and typed spans."""
    hits = {"overlap": 0, "exact": 0, "exact_typed": 0}
    n_gold = n_predicted = 0
    for note in notes:
        gold = [(e["start"], e["end"], e["type"]) for e in note["entities"]]
        found = predicted.get(note["id"], [])
        n_gold += len(gold)
        n_predicted += len(found)
        spans = {(start, end) for start, end, _ in found}
        hits["exact"] += sum((start, end) in spans for start, end, _ in gold)
        hits["exact_typed"] += len(set(gold) & set(found))
        free = sorted(found)
        for start, end, _ in sorted(gold):
            match = next((m for m in free if m[0] < end and start < m[1]), None)
            if match:
                free.remove(match)
                hits["overlap"] += 1
    return {name: 2 * n / max(1, n_gold + n_predicted) for name, n in hits.items()}


def parameter_groups(model, rate, decay):
    """Lower layers learn more slowly; norms and biases are not shrunk."""
    n_layers = model.config.num_hidden_layers
    groups = {}
    for name, parameter in model.named_parameters():
        if name.startswith("classifier"):
            depth = 0
        elif ".layer." in name:
            depth = n_layers - int(name.split(".layer.")[1].split(".")[0])
        else:
            depth = n_layers + 1
        shrink = 0.0 if parameter.ndim < 2 else 0.01
        key = (depth, shrink)
        groups.setdefault(key, []).append(parameter)
    return [{"params": p, "lr": rate * decay**depth, "weight_decay": shrink} for (depth, shrink), p in groups.items()]


def save(folder, model, state, tokenizer, metrics):
    os.makedirs(folder, exist_ok=True)
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, os.path.join(folder, "model.safetensors"))
    json.dump(metrics, open(os.path.join(folder, "metrics.json"), "w"), indent=1)


def main():
    given = arguments()
    torch.manual_seed(given.seed)
    random.seed(given.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(given.encoder)
    config = AutoConfig.from_pretrained(given.encoder, num_labels=len(LABELS))
    config.id2label = dict(enumerate(LABELS))
    config.label2id = {label: index for index, label in enumerate(LABELS)}
    model = BertForTokenClassification.from_pretrained(given.encoder, config=config, ignore_mismatched_sizes=True)
    if given.layers:
        kept = [int(layer) for layer in given.layers.split(",")]
        model.bert.encoder.layer = nn.ModuleList(model.bert.encoder.layer[layer] for layer in kept)
        model.config.num_hidden_layers = len(kept)
    model.to(device)

    read = lambda path: [json.loads(line) for line in open(path, encoding="utf8")]
    train = []
    for path in sorted(glob.glob(os.path.join(given.corpus, "train*.jsonl"))):
        train += examples(read(path), sentences(given.noteward, path), tokenizer)
    train = distinct(train)
    dev_path = os.path.join(given.corpus, "dev.jsonl")
    dev_notes = read(dev_path)
    dev = examples(dev_notes, sentences(given.noteward, dev_path), tokenizer)
    print(f"{len(train)} distinct sentences, {sum(len(e['ids']) for e in train)} word pieces to train on", flush=True)

    optimizer = torch.optim.AdamW(parameter_groups(model, given.rate, given.layer_decay))
    n_steps = given.epochs * len(batches(train, given.batch_tokens, shuffle=True))
    warm = max(1, n_steps // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / warm) * max(0.0, 1 - step / (n_steps * 1.02)))
    loss_of = nn.CrossEntropyLoss(ignore_index=-100, label_smoothing=given.smoothing)
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
        random.seed(given.seed * 1000 + epoch)
        model.train()
        began, total = time.time(), 0.0
        groups = batches(train, given.batch_tokens, shuffle=True)
        for group in groups:
            ids, mask, labels = tensors(train, group, device)
            logits = model(input_ids=ids, attention_mask=mask).logits
            loss = loss_of(logits.view(-1, len(LABELS)), labels.view(-1))
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
                    if tensor.dtype.is_floating_point:
                        average[name].mul_(decay).add_(tensor, alpha=1 - decay)
        own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        model.load_state_dict(average)
        metrics = figures(dev_notes, predict(model, dev, device))
        metrics |= {"epoch": epoch + 1, "loss": total / len(groups), "seconds": round(time.time() - began)}
        print(json.dumps(metrics), flush=True)
        if metrics["exact_typed"] > best["exact_typed"]:
            best = metrics
            save(given.out, model, average, tokenizer, metrics)
        model.load_state_dict(own)
        state = {"model": own, "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(), "average": average,
                 "best": best, "epoch": epoch + 1, "step": step}
        torch.save(state, checkpoint + ".new")
        os.replace(checkpoint + ".new", checkpoint)
    print("best", json.dumps(best), flush=True)


if __name__ == "__main__":
    main()
