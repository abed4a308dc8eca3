#!/usr/bin/env python3
"""Word pieces per second of noteward's model and of peers with the same model on the same sentences, in turn.

model_ratio.py NOTES --peer-model DIR [--model DIR] [--python PYTHON] [--sentences 4000] [--runs 7]

Cuts NOTES into sentences with noteward and takes distinct ones, each as a note of its own. noteward reads them with its
embedded model (or `--model DIR`, in compact form) with one and with two threads: tokenising, inference and decoding, and also
the lexicon, assertion and writing Parquet, from `run.json` (total time less loading). `--peer-model` is the same model with
weights in floating point, which `model_peers.py` runs under PYTHON. Prints each run, then medians and their ratios.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

parser = argparse.ArgumentParser()
parser.add_argument("notes")
parser.add_argument("--peer-model", required=True)
parser.add_argument("--model")
parser.add_argument("--python", default=sys.executable)
parser.add_argument("--noteward", default="target/release/noteward")
parser.add_argument("--sentences", type=int, default=4000)
parser.add_argument("--runs", type=int, default=7)
parser.add_argument("--peers", default="ort:1,ort:2,hf:2", help="backend:threads, separated by commas")
arguments = parser.parse_args()
work = tempfile.mkdtemp()


def annotate(notes, out, *flags):
    command = [arguments.noteward, "annotate", notes, "--out", os.path.join(work, out), "--force", "--quiet", *flags]
    subprocess.run(command, check=True)
    return os.path.join(work, out)


def distinct_sentences():
    run = annotate(arguments.notes, "cut", "--recognizers", "lexicon", "--keep-sentences", "--keep-text", "--format", "jsonl")
    rows = lambda name: (json.loads(line) for line in open(os.path.join(run, name + ".jsonl"), encoding="utf8"))
    texts = {row["note_id"]: row["text"] for row in rows("texts")}
    cut = {texts[row["note_id"]][row["start"]:row["end"]] for row in rows("sentences")}
    cut = sorted(text for text in cut if any(c.isalpha() for c in text))
    random.Random(0).shuffle(cut)
    path = os.path.join(work, "sentences.jsonl")
    with open(path, "w", encoding="utf8") as file:
        for index, text in enumerate(cut[: arguments.sentences]):
            file.write(json.dumps({"note_id": str(index), "text": text}) + "\n")
    return path


def peer(backend, threads):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "model_peers.py")
    command = [arguments.python, script, arguments.peer_model, sentences, "--backend", backend, "--threads", str(threads)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(printed.strip().splitlines()[-1])["tokens_s"]


def noteward(threads):
    flags = ["--threads", str(threads)] + (["--model", arguments.model] if arguments.model else [])
    timings = json.load(open(os.path.join(annotate(sentences, "run", *flags), "run.json")))["timings"]
    return n_pieces / (timings["total_seconds"] - timings["load_seconds"])


def count_pieces():
    program = ("import json,sys;from tokenizers import Tokenizer;t=Tokenizer.from_file(sys.argv[1]);t.no_padding();"
               "t.no_truncation();x=[json.loads(l)['text'] for l in open(sys.argv[2],encoding='utf8')];"
               "print(sum(len(e.ids) for e in t.encode_batch(x)))")
    tokenizer = os.path.join(arguments.peer_model, "tokenizer.json")
    return int(subprocess.run([arguments.python, "-c", program, tokenizer, sentences], check=True, capture_output=True,
                              text=True).stdout)


sentences = distinct_sentences()
n_pieces = count_pieces()
print(f"{n_pieces} word pieces, special ones included, in {arguments.sentences} distinct sentences")
peers = [(backend, int(threads)) for backend, threads in (item.split(":") for item in arguments.peers.split(",") if item)]
rates = {}
for run in range(arguments.runs):
    for threads in (1, 2):
        rates.setdefault(("noteward", threads), []).append(noteward(threads))
    for backend, threads in peers:
        rates.setdefault((backend, threads), []).append(peer(backend, threads))
    print(f"run {run + 1}: " + ", ".join(f"{name} {threads}T {found[-1]:.0f}" for (name, threads), found in rates.items()),
          flush=True)
for (name, threads), found in rates.items():
    median = statistics.median(found)
    line = f"{name}, {threads} thread(s): median {median:.0f} word pieces/s"
    own = rates.get(("noteward", threads))
    if name != "noteward":
        line += f"; noteward {statistics.median(own) / median:.2f} times as fast"
    print(line)
