#!/usr/bin/env python3
"""Cost of a large lexicon and of long notes.

usage: lexicon_scale.py NOTEWARD NOTES.csv [--terms N]... [--work DIR]

Writes tables of synthetic terms (two thousand, a hundred thousand and a million by default), two to five words each, made of
words of the notes and of words that no note holds, as those of terminologies are; a twentieth of the terms are single words that
no note holds, since each further mention costs time of its own. Builds each, annotates the notes with it
(lexicon alone, one thread), and then annotates the same 5 MB of text cut into notes of 5 KB, 50 KB, 500 KB and 5 MB. Prints
time and memory of each build, size, time to load, notes a second, and the processor's and the clock's seconds a megabyte of
note: one note alone leaves the threads that read and write idle, so that the clock shows what it waits for them.
"""

import argparse
import csv
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

csv.field_size_limit(sys.maxsize)

# Bytes of the longest note.
LONGEST = 5_000_000


def words_of(path):
    """Words of the notes by frequency, without the commonest, which no terminology begins its terms with."""
    counts = {}
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for word in re.findall(r"[a-z]{4,}", (row.get("text") or row.get("transcription") or "").lower()):
                counts[word] = counts.get(word, 0) + 1
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    return ranked[50:12000]


def made_word(rng):
    syllables = ["car", "di", "o", "my", "path", "ne", "phro", "sis", "itis", "hep", "at", "ic", "der", "mal", "os", "te", "al", "gia"]
    return "".join(rng.choice(syllables) for _ in range(rng.randint(3, 5)))


def terms(number, known, rng):
    """Distinct terms: the words of terminologies recur, so most come from a vocabulary that grows slowly."""
    made = [made_word(rng) for _ in range(min(150_000, 2_000 + number // 8))]
    vocabulary = known + made
    seen = set()
    while len(seen) < number:
        if rng.random() < 0.05:
            term = rng.choice(made)
        else:
            # Squared: some words are in very many terms.
            term = " ".join(vocabulary[int(len(vocabulary) * rng.random() ** 2)] for _ in range(rng.randint(2, 5)))
        if term not in seen:
            seen.add(term)
            yield term


def write_table(path, number, known):
    rng = random.Random(7)
    with open(path, "w", encoding="utf-8") as file:
        file.write("term,code,type,id\n")
        for index, term in enumerate(terms(number, known, rng)):
            concept = index // 4
            file.write(f"{term},X:{concept:07},{('symptom', 'finding', 'diagnosis')[concept % 3]},C{concept:07}\n")


def run(arguments):
    """Seconds of processor and peak megabytes of a process."""
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(message.decode())
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def annotate(program, notes, work, lexicon=None, repeats=3):
    """`run.json` of the fastest of some runs."""
    best = None
    for _ in range(repeats):
        out = os.path.join(work, "run")
        shutil.rmtree(out, ignore_errors=True)
        arguments = [program, "annotate", notes, "--out", out, "--recognizers", "lexicon", "--threads", "1", "--quiet"]
        processor_seconds, _ = run(arguments + (["--lexicon", lexicon] if lexicon else []))
        with open(os.path.join(out, "run.json"), encoding="utf-8") as file:
            found = json.load(file)
        found["processor_seconds"] = processor_seconds
        spent = found["timings"]["total_seconds"] - found["timings"]["load_seconds"]
        if best is None or spent < best[0]:
            best = (spent, found)
    return best


def cut_notes(notes, n_bytes, path):
    """The same 5 MB of text as notes of `n_bytes` each; gives the number of bytes."""
    with open(notes, newline="", encoding="utf-8") as file:
        texts = [row.get("text") or row.get("transcription") or "" for row in csv.DictReader(file)]
    text = "\n".join(texts).encode()
    text = (text * (1 + LONGEST // len(text)))[:LONGEST]
    with open(path, "w", encoding="utf-8") as file:
        for start in range(0, LONGEST, n_bytes):
            piece = text[start : start + n_bytes].decode(errors="ignore")
            file.write(json.dumps({"note_id": str(start), "text": piece}) + "\n")
    return LONGEST


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("notes")
    parser.add_argument("--terms", type=int, action="append")
    parser.add_argument("--work")
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    work = arguments.work or tempfile.mkdtemp(prefix="lexicon-scale-")
    os.makedirs(work, exist_ok=True)
    known = words_of(arguments.notes)
    random.Random(7).shuffle(known)
    print("terms      build s  build MB   file MB   load ms   notes/s  mentions")
    largest = None
    for number in arguments.terms or [2_000, 100_000, 1_000_000]:
        table, lexicon = (os.path.join(work, f"{number}.{ending}") for ending in ("csv", "lexicon"))
        write_table(table, number, known)
        seconds, megabytes = run([program, "lexicon", "build", table, "--out", lexicon, "--force", "--quiet"])
        spent, found = annotate(program, arguments.notes, work, lexicon)
        largest = lexicon
        print(
            f"{number:>9}  {seconds:>7.2f}  {megabytes:>8.0f}  {os.path.getsize(lexicon) / 1e6:>8.1f}"
            f"  {1000 * found['timings']['load_seconds']:>8.1f}  {found['counts']['read'] / spent:>8.0f}"
            f"  {found['counts']['mentions']:>8}"
        )
    print("\nbytes of note    s/MB  wall s/MB")
    for n_bytes in (LONGEST // 1000, LONGEST // 100, LONGEST // 10, LONGEST):
        path = os.path.join(work, "long.jsonl")
        total = cut_notes(arguments.notes, n_bytes, path)
        spent, found = annotate(program, path, work, largest, repeats=5)
        print(f"{n_bytes:>13}  {1e6 * found['processor_seconds'] / total:>6.3f}  {1e6 * spent / total:>9.3f}")
    if not arguments.work:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
