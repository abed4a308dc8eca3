"""Peak memory over a small and a large input, which must not differ by more than 15 %.

    python3 benches/bounded_memory.py target/release/noteward NOTES.csv --small 100 --large 2000
    python3 benches/bounded_memory.py target/release/noteward NOTES.csv --small 20 --large 200 --flags "--threads 2"

Sizes are megabytes. The inputs are the notes, repeated under other ids and with other numbers in them, written to the
folder of temporary files. Counts of the larger run must add up, and the exit status must be 0.
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

MOST = 0.15


def make(path, texts, megabytes):
    """A CSV file of at least so many megabytes."""
    n_notes = round_number = 0
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["note_id", "text"])
        while file.tell() < megabytes * 1_000_000:
            round_number += 1
            for text in texts:
                # Other numbers make other sentences.
                varied = text.replace("1", str(round_number % 10)).replace("3", str(round_number % 7))
                writer.writerow([f"n{n_notes}", varied])
                n_notes += 1
                if n_notes % 256 == 0 and file.tell() >= megabytes * 1_000_000:
                    break
    return n_notes


def run(program, notes, out, flags):
    """Peak resident bytes, and the description of the run."""
    process = subprocess.Popen([program, "annotate", notes, "--out", out, "--quiet", *flags])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{notes}: exit status {process.returncode}")
    return usage.ru_maxrss * 1024, json.loads((out / "run.json").read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("notes")
    parser.add_argument("--small", type=int, default=100)
    parser.add_argument("--large", type=int, default=2000)
    parser.add_argument("--flags", default="--recognizers lexicon --threads 2")
    arguments = parser.parse_args()
    csv.field_size_limit(1 << 30)
    with open(arguments.notes, newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    peaks = []
    for megabytes in (arguments.small, arguments.large):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            n_notes = make(folder / "notes.csv", texts, megabytes)
            peak, described = run(arguments.program, folder / "notes.csv", folder / "out", arguments.flags.split())
            counts, timings = described["counts"], described["timings"]
            if not counts["read"] == n_notes == counts["annotated"] + counts["empty"] + counts["rejected"]:
                sys.exit(f"{n_notes} notes were written, and {counts} counted")
            size = counts["text_bytes"] / 1e6
            print(
                f"{size:8.1f} MB of text, {counts['read']} notes, {counts['mentions']} mentions: peak {peak / 1e6:.1f} MB, "
                f"{timings['total_seconds']:.1f} s, {size / timings['total_seconds']:.1f} MB/s",
                flush=True,
            )
            peaks.append(peak)
    growth = peaks[1] / peaks[0] - 1
    print(f"growth {growth:+.1%}")
    if growth > MOST:
        sys.exit(f"the peak grew by more than {MOST:.0%}")


if __name__ == "__main__":
    main()
