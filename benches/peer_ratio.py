#!/usr/bin/env python3
"""Notes per second of noteward and of a peer on the same notes, in turn, and their ratio.

peer_ratio.py NOTES.csv --peer COMMAND [--noteward BIN] [--runs N] [--flags ...]: COMMAND is run by the shell and prints one
JSON line with `notes_s`. noteward is timed as a whole process (start, tables, reading, writing Parquet), with one and with
two threads. Prints each run, then medians and ratios.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("notes")
parser.add_argument("--peer")
parser.add_argument("--noteward", default="target/release/noteward")
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("--flags", default="--recognizers lexicon")
arguments = parser.parse_args()


def noteward(threads):
    out = tempfile.mkdtemp()
    command = [arguments.noteward, "annotate", arguments.notes, "--out", out, "--force", "--quiet"]
    command += arguments.flags.split() + ["--threads", str(threads)]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - start
    counts = json.load(open(os.path.join(out, "run.json")))["counts"]
    shutil.rmtree(out)
    return counts["read"] / seconds, counts["text_bytes"] / 1e6 / seconds


def peer():
    printed = subprocess.run(arguments.peer, shell=True, check=True, capture_output=True, text=True).stdout
    return json.loads(printed.strip().splitlines()[-1])["notes_s"]


rates = {1: [], 2: []}
megabytes = {1: [], 2: []}
peers = []
for run in range(arguments.runs):
    for threads in (1, 2):
        notes_s, mb_s = noteward(threads)
        rates[threads].append(notes_s)
        megabytes[threads].append(mb_s)
    peers += [peer()] if arguments.peer else []
    print(f"run {run + 1}: 1 thread {rates[1][-1]:.0f}, 2 threads {rates[2][-1]:.0f}, peer {peers[-1] if peers else '-'} notes/s")
for threads in (1, 2):
    rate = statistics.median(rates[threads])
    line = f"{threads} thread(s): median {rate:.0f} notes/s, {statistics.median(megabytes[threads]):.1f} MB/s"
    if peers:
        line += f", {rate / statistics.median(peers):.1f} times the peer's {statistics.median(peers):.0f} notes/s"
    print(line)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"peak memory of the largest child process: {peak:.0f} MB")
