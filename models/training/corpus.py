"""Annotated and plain notes as sentences of word pieces, cut and read by noteward itself.

The model is trained on what it will read: noteward's sentences, and for each word piece what noteward's lexicon says of it
(`lexicon:B-symptom` and so on) or, at the first piece, the section of the sentence (`section:plan` and so on).
"""
import json
import os
import random
import subprocess
import tempfile
from dataclasses import dataclass

TYPES = ["symptom", "finding", "diagnosis"]
LABELS = ["O"] + [f"{prefix}-{kind}" for kind in TYPES for prefix in "BI"]
AXES = ["negated", "possible", "historical", "hypothetical", "other_experiencer"]


@dataclass
class Example:
    """A sentence: word pieces, their places in the note (code points), and what is known of each."""
    note: str
    ids: list
    offsets: list
    inputs: list      # token type ids, with the lexicon's mentions
    section: int      # token type id of the section
    labels: list      # index into LABELS, -100 for special pieces
    axes: list        # per piece: a number for each of AXES inside mentions, else None
    soft: object = None  # probabilities of a teacher: labels, axes


class Inputs:
    """Names of the token types: 0 says nothing."""

    def __init__(self, names):
        self.names = list(names)
        self.index = {name: i for i, name in enumerate(self.names)}

    @classmethod
    def of_sections(cls, sections):
        return cls(["none"] + [f"lexicon:{label}" for label in LABELS[1:]] + [f"section:{s}" for s in sections])

    def get(self, name):
        return self.index.get(name, 0)


def read_jsonl(path):
    return [json.loads(line) for line in open(path, encoding="utf8")]


def cut(binary, path):
    """For each note: its text and its sentences as (start, end, section, [(start, end, type)]), in code points."""
    with tempfile.TemporaryDirectory() as out:
        command = [binary, "annotate", path, "--out", out, "--format", "jsonl", "--keep-sentences", "--keep-text",
                   "--recognizers", "lexicon", "--quiet"]
        status = subprocess.run(command).returncode
        if status not in (0, 1):  # 1: some notes were rejected
            raise SystemExit(f"{' '.join(command)}: exit status {status}")
        rows = lambda name: read_jsonl(os.path.join(out, name + ".jsonl"))
        notes = {row["note_id"]: (row["text"], []) for row in rows("texts")}
        found = {}
        for row in rows("mentions"):
            found.setdefault(row["note_id"], []).append((row["start"], row["end"], row["type"]))
        for row in rows("sentences"):
            start, end = row["start"], row["end"]
            inside = [m for m in found.get(row["note_id"], []) if start <= m[0] < end]
            notes[row["note_id"]][1].append((start, end, row["section"], inside))
    return notes


def examples(notes, gold, tokenizer, inputs, max_length=256):
    """Sentences of notes; `gold` gives the entities of each note, or is None for notes without annotation."""
    made = []
    for note, (text, sentences) in notes.items():
        entities = gold.get(note, []) if gold is not None else []
        for start, end, section, lexicon in sentences:
            words = text[start:end]
            if not any(c.isalpha() for c in words):
                continue
            encoded = tokenizer(words, truncation=True, max_length=max_length, return_offsets_mapping=True)
            inside = [e for e in entities if e["start"] < end and e["end"] > start]
            labels, axes, kinds = [], [], []
            for a, b in encoded["offset_mapping"]:
                if a == b:
                    labels.append(-100)
                    axes.append(None)
                    kinds.append(0)
                    continue
                a, b = a + start, b + start
                entity = next((e for e in inside if e["start"] < b and e["end"] > a), None)
                labels.append(0 if entity is None else label(a, entity["start"], entity["type"]))
                axes.append(None if entity is None else [float(entity[axis]) for axis in AXES])
                mention = next((m for m in lexicon if m[0] < b and m[1] > a), None)
                kinds.append(0 if mention is None else inputs.get("lexicon:" + LABELS[label(a, mention[0], mention[2])]))
            offsets = [(start + a, start + b) for a, b in encoded["offset_mapping"]]
            made.append(Example(note, encoded["input_ids"], offsets, kinds, inputs.get(f"section:{section}"), labels, axes))
    return made


def label(piece_start, start, kind):
    return LABELS.index(("B-" if piece_start <= start else "I-") + kind)


def distinct(found):
    """Each pair of sentence and labels once: copied sentences teach nothing new."""
    kept = {(tuple(e.ids), tuple(e.labels), e.section, str(e.axes)): e for e in found}
    return list(kept.values())


def batches(found, budget, shuffle):
    """Batches of similar length whose padded size stays under a budget of word pieces."""
    order = list(range(len(found)))
    if shuffle:
        random.shuffle(order)
    order.sort(key=lambda index: len(found[index].ids) // 3)
    grouped, group, longest = [], [], 0
    for index in order:
        longest = max(longest, len(found[index].ids))
        if group and longest * (len(group) + 1) > budget:
            grouped.append(group)
            group, longest = [], len(found[index].ids)
        group.append(index)
    if group:
        grouped.append(group)
    if shuffle:
        random.shuffle(grouped)
    return grouped


def seen(example, hide=None):
    """The token types of an example. `hide` is a random source that hides some of them, so that the model leans neither
    on the lexicon nor on the section alone."""
    kinds = list(example.inputs)
    section = example.section
    if hide is not None:
        if hide.random() < 0.25:
            kinds = [0] * len(kinds)
        else:
            hidden = False
            for place, kind in enumerate(kinds):
                begins = kind and (place == 0 or kinds[place - 1] == 0 or kind % 2 == 1)
                if begins:
                    hidden = hide.random() < 0.15
                if kind and hidden:
                    kinds[place] = 0
        if hide.random() < 0.1:
            section = 0
    if kinds:
        kinds[0] = section
    return kinds
