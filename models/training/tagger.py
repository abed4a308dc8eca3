"""The network: a BERT encoder with a label and five assertion axes for each word piece, and how its labels are read."""
import json
import os

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, BertModel

from corpus import AXES, LABELS, batches, seen


class Tagger(nn.Module):
    def __init__(self, bert):
        super().__init__()
        self.bert = bert
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Linear(bert.config.hidden_size, len(LABELS))
        self.assertion = nn.Linear(bert.config.hidden_size, len(AXES))
        nn.init.normal_(self.classifier.weight, std=0.02)
        nn.init.normal_(self.assertion.weight, std=0.02)

    def forward(self, ids, mask, kinds):
        hidden = self.bert(input_ids=ids, attention_mask=mask, token_type_ids=kinds).last_hidden_state
        hidden = self.dropout(hidden)
        return self.classifier(hidden), self.assertion(hidden)

    @classmethod
    def from_encoder(cls, folder, n_kinds, layers=None):
        """From a pretrained encoder or an earlier output; `layers` keeps only some of its layers."""
        config = AutoConfig.from_pretrained(folder)
        weights = load_file(os.path.join(folder, "model.safetensors"))
        known = config.type_vocab_size
        bert = BertModel(config, add_pooling_layer=False)
        own = {name.removeprefix("bert."): tensor for name, tensor in weights.items()}
        bert.load_state_dict({name: own[name] for name in bert.state_dict()})
        if known != n_kinds:
            table = nn.Embedding(n_kinds, config.hidden_size)
            with torch.no_grad():
                table.weight.normal_(0, 0.01).add_(bert.embeddings.token_type_embeddings.weight[0])
                table.weight[0] = bert.embeddings.token_type_embeddings.weight[0]
            bert.embeddings.token_type_embeddings = table
            config.type_vocab_size = n_kinds
        if layers:
            bert.encoder.layer = nn.ModuleList(bert.encoder.layer[layer] for layer in layers)
            config.num_hidden_layers = len(layers)
        tagger = cls(bert)
        heads = {name: tensor for name, tensor in weights.items() if name.split(".")[0] in ("classifier", "assertion")}
        if heads:
            tagger.load_state_dict(heads, strict=False)
        return tagger

    def save(self, folder, state, tokenizer, inputs, metrics):
        os.makedirs(folder, exist_ok=True)
        config = self.bert.config
        config.architectures = ["BertForTokenClassification"]
        config.id2label = dict(enumerate(LABELS))
        config.label2id = {label: index for index, label in enumerate(LABELS)}
        config.noteward_inputs = inputs.names
        config.noteward_axes = AXES
        config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        contiguous = {name: tensor.contiguous() for name, tensor in state.items()}
        save_file(contiguous, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        with open(os.path.join(folder, "metrics.json"), "w", encoding="utf8") as file:
            json.dump(metrics, file, indent=1)


def tensors(found, group, hide=None):
    """Ids, mask and token types of a batch."""
    longest = max(len(found[i].ids) for i in group)
    ids = torch.zeros(len(group), longest, dtype=torch.long)
    mask = torch.zeros(len(group), longest, dtype=torch.long)
    kinds = torch.zeros(len(group), longest, dtype=torch.long)
    for row, index in enumerate(group):
        length = len(found[index].ids)
        ids[row, :length] = torch.tensor(found[index].ids)
        mask[row, :length] = 1
        kinds[row, :length] = torch.tensor(seen(found[index], hide))
    return ids, mask, kinds


@torch.no_grad()
def probabilities(model, found, device):
    """For each example the probabilities of labels and axes of each of its pieces."""
    model.eval()
    results = [None] * len(found)
    for group in batches(found, 4096, shuffle=False):
        labels, axes = model(*(t.to(device) for t in tensors(found, group)))
        labels, axes = labels.softmax(-1).cpu(), axes.sigmoid().cpu()
        for row, index in enumerate(group):
            length = len(found[index].ids)
            results[index] = (labels[row, :length].clone(), axes[row, :length].clone())
    return results


def decode(scores):
    """The best label sequence in which every I- continues its own type; `scores` are log-probabilities."""
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
        best, chosen = (best[:, None] + allowed).max(0)
        best = best + row
        back.append(chosen)
    path = [int(best.argmax())]
    for chosen in reversed(back):
        path.append(int(chosen[path[-1]]))
    return path[::-1]


def mentions(example, labels, axes):
    """Mentions of an example as (start, end, type, axes)."""
    inner = [i for i, (start, end) in enumerate(example.offsets) if start != end]
    if not inner:
        return []
    found = []
    for place, index in zip(inner, decode(labels[inner].clamp_min(1e-9).log())):
        start, end = example.offsets[place]
        if LABELS[index].startswith("B-"):
            found.append([start, end, LABELS[index][2:], [axes[place]]])
        elif LABELS[index].startswith("I-") and found:
            found[-1][1] = end
            found[-1][3].append(axes[place])
    return [(start, end, kind, torch.stack(rows).mean(0)) for start, end, kind, rows in found]


def calibrated(gold, found, results):
    """What to add to the score of `O`, as the dev figures have it: a model of few notes finds too much."""
    def shifted(shift):
        rows = [(labels.clamp_min(1e-9).log(), axes) for labels, axes in results]
        for labels, _ in rows:
            labels[:, 0] += shift
        return figures(gold, found, [(labels.softmax(-1), axes) for labels, axes in rows])
    tried = {shift: shifted(shift) for shift in (0.0, 0.25, 0.5, 0.75)}
    best = max(tried, key=lambda shift: (tried[shift]["exact_typed"] + tried[shift]["overlap"], -shift))
    return best, tried[best]


def figures(gold, found, results):
    """F1 of overlapping, equal, and equal and typed spans; share of equal spans with every axis right."""
    predicted = {}
    for example, (labels, axes) in zip(found, results):
        predicted.setdefault(example.note, []).extend(mentions(example, labels, axes))
    hits = dict.fromkeys(["overlap", "exact", "exact_typed"], 0)
    n_gold = n_predicted = n_right = 0
    axis_hits = [[0, 0] for _ in AXES]
    for note, entities in gold.items():
        own = predicted.get(note, [])
        n_gold += len(entities)
        n_predicted += len(own)
        spans = {(start, end): (kind, axes) for start, end, kind, axes in own}
        for entity in entities:
            match = spans.get((entity["start"], entity["end"]))
            if match:
                hits["exact"] += 1
                hits["exact_typed"] += match[0] == entity["type"]
                told = [bool(entity[axis]) for axis in AXES]
                read = [bool(value > 0.5) for value in match[1]]
                n_right += told == read
                for count, t, r in zip(axis_hits, told, read):
                    count[0] += t and r
                    count[1] += t + r
        free = sorted((start, end) for start, end, _, _ in own)
        for start, end in sorted((e["start"], e["end"]) for e in entities):
            match = next((m for m in free if m[0] < end and start < m[1]), None)
            if match:
                free.remove(match)
                hits["overlap"] += 1
    rates = {name: round(2 * n / max(1, n_gold + n_predicted), 4) for name, n in hits.items()}
    rates["axes"] = round(n_right / max(1, hits["exact"]), 4)
    return rates | {axis: round(2 * n / max(1, m), 3) for axis, (n, m) in zip(AXES, axis_hits)}
