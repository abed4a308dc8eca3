#!/usr/bin/env python3
"""to_gold.py RUN: the mentions of a run (written with --format jsonl) in the form of the gold standard, on stdout.

One object per note: id, entities [{start, end, text, type, negated, possible, historical, hypothetical,
other_experiencer, code}], offsets in code points.
"""
import collections
import json
import sys

run = sys.argv[1]
notes = collections.OrderedDict((json.loads(line)["note_id"], []) for line in open(f"{run}/notes.jsonl", encoding="utf8"))
for line in open(f"{run}/mentions.jsonl", encoding="utf8"):
    m = json.loads(line)
    notes[m["note_id"]].append({
        "start": m["start"], "end": m["end"], "text": m["text"], "type": m["type"],
        "negated": m["presence"] == "absent", "possible": m["presence"] == "possible",
        "historical": m["temporality"] == "historical", "hypothetical": m["temporality"] == "hypothetical",
        "other_experiencer": m["experiencer"] != "patient", "code": m["icd10cm"],
    })
for note_id, entities in notes.items():
    print(json.dumps({"id": note_id, "entities": entities}, ensure_ascii=False))
