"""Cost of copied text: the same amount of text with 0, 25, 50 and 75 % of it copied forward from the note before.

    python3 benches/copied_forward.py target/release/noteward NOTES.csv [--notes 400] [--threads 2] [--model DIR]

Notes are cut into sections, a heading and what stands below it, which is what clinicians carry forward from note to note.
Every made note is about as long as the notes of the source are on average. The given share of its bytes is sections of the
made note before, the newest first; the rest is sections of the source, each used once. So the made files have the same number
of notes and about the same number of bytes, and what differs is how much of the text is distinct.

Each share runs with and without the cache, which must give the same bytes. Fails where that does not hold, where the
program does not exit with 0, or where the processor's time does not follow the distinct text within a fifth.
"""

import argparse
import csv
import filecmp
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SHARES = (0, 25, 50, 75)


# A heading in capitals, with the comma or the line break before it.
HEADING = re.compile(r"(?=(?:^|[,\n])\s*[A-Z][A-Z /&,-]{2,40}:)")


def sections(text):
    """The sections of a note, with what parts them."""
    return [section for section in HEADING.split(text) if section.strip()]


def n_bytes_of(sections):
    return sum(len(section.encode()) for section in sections)


def copied_forward(texts, share, n_notes):
    """Notes of which about `share` per cent is copied from the note before, each with the bytes that are not."""
    source = [sections(text) for text in texts if text.strip()]
    fresh = (section for parts in source for section in parts)
    length = sum(map(n_bytes_of, source)) / len(source)
    before = []
    n_written = n_copied = 0
    for _ in range(n_notes):
        # Sections are copied as a whole, so that each note makes up for what the ones before copied too much or too little.
        wanted = (n_written + length) * share / 100 - n_copied
        copied = []
        for section in before:
            if n_bytes_of(copied) + len(section.encode()) / 2 <= wanted:
                copied.append(section)
        new = []
        while n_bytes_of(copied) + n_bytes_of(new) < length:
            section = next(fresh, None)
            if section is None:
                return
            new.append(section)
        n_written += n_bytes_of(copied) + n_bytes_of(new)
        n_copied += n_bytes_of(copied)
        # What is newest is copied first, as when a note begins with the last one's assessment.
        before = new + copied
        yield "".join(copied + new), n_bytes_of(new)


def make(path, texts, share, n_notes):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["note_id", "text"])
        n_bytes = n_fresh = 0
        for number, (text, fresh) in enumerate(copied_forward(texts, share, n_notes)):
            writer.writerow([number, text])
            n_bytes += len(text.encode())
            n_fresh += fresh
    return n_bytes, n_fresh


def run(program, notes, out, flags):
    """The description of a run, and the processor's seconds, which other work on the machine hardly changes."""
    process = subprocess.Popen([program, "annotate", notes, "--out", out, "--force", "--quiet", *flags])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{notes} {flags}: exit status {process.returncode}")
    return json.loads((out / "run.json").read_text()), usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("notes")
    parser.add_argument("--notes", dest="n_notes", type=int, default=400)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--runs", type=int, default=3, help="of these the one that took the processor least counts")
    parser.add_argument("--model")
    arguments = parser.parse_args()
    csv.field_size_limit(1 << 30)
    with open(arguments.notes, newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    flags = ["--threads", arguments.threads] + (["--model", arguments.model] if arguments.model else [])
    print(f"{'copied':>7} {'MB':>6} {'uncached s':>11} {'cached s':>9} {'notes/s':>8} {'hits':>6} {'distinct':>9} {'cost':>6}")
    first = None
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for share in SHARES:
            notes = folder / f"copied-{share}.csv"
            n_bytes, n_fresh = make(notes, texts, share, arguments.n_notes)
            runs = [run(arguments.program, notes, folder / "cached", flags) for _ in range(arguments.runs)]
            cached, cpu_seconds = min(runs, key=lambda pair: pair[1])
            uncached, _ = run(arguments.program, notes, folder / "uncached", [*flags, "--no-cache"])
            for table in ("mentions.parquet", "notes.parquet"):
                if not filecmp.cmp(folder / "cached" / table, folder / "uncached" / table, shallow=False):
                    sys.exit(f"{share} %: {table} differs with the cache")
            cache = cached["timings"]["cache"]
            seconds = cached["timings"]["total_seconds"] - cached["timings"]["load_seconds"]
            per_byte = cpu_seconds / n_bytes
            distinct = n_fresh / n_bytes
            first = first or (per_byte, distinct)
            relative_cost, relative_text = per_byte / first[0], distinct / first[1]
            print(
                f"{share:6} % {n_bytes / 1e6:6.2f} {uncached['timings']['total_seconds']:11.1f} {seconds:9.1f} "
                f"{cached['counts']['read'] / seconds:8.1f} {cache['hit_rate']:6.1%} {relative_text:9.2f} {relative_cost:6.2f}",
                flush=True,
            )
            if abs(relative_cost - relative_text) > 0.2:
                sys.exit(f"{share} %: the cost is {relative_cost:.2f}, the distinct text {relative_text:.2f}")


if __name__ == "__main__":
    main()
