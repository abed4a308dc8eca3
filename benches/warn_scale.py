#!/usr/bin/env python3
"""Cost of NEWS2 at many moments of patients.

usage: warn_scale.py NOTEWARD [--moments N] [--per-patient N] [--threads N] [--work DIR]

Writes short notes of vital signs (a million by default, twenty a patient, four hours apart), annotates them by the lexicon alone,
and computes NEWS2 at the time of each note. Prints seconds, CPU seconds and memory of `warn`, and checks that it wrote a row for
each moment and how many of them are decided.
"""

import argparse
import csv
import datetime
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time


def vital_signs(rng, sick):
    temperature = rng.gauss(38.3 if sick else 36.8, 0.5)
    pulse = int(rng.gauss(115 if sick else 78, 10))
    systolic = int(rng.gauss(98 if sick else 128, 10))
    breaths = int(rng.gauss(25 if sick else 15, 2))
    saturation = min(100, int(rng.gauss(91 if sick else 97, 2)))
    oxygen = "on 3L NC" if sick else "on RA"
    signs = (
        f"VS: T {temperature:.1f} HR {pulse} BP {systolic}/{systolic // 2 + 10} RR {breaths} SpO2 {saturation}% {oxygen}."
    )
    return signs + (" Alert and oriented." if rng.random() < 0.8 else "")


def write_notes(path, n_moments, per_patient):
    rng = random.Random(20260101)
    begin = datetime.datetime(2025, 1, 1)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["note_id", "patient_id", "encounter_id", "note_time", "text"])
        for number in range(n_moments):
            patient, turn = divmod(number, per_patient)
            noted = begin + datetime.timedelta(hours=4 * turn + patient % 4, minutes=patient % 60)
            sick = patient % 10 == 0 and turn > per_patient // 2
            writer.writerow([f"n{number}", f"p{patient:07}", f"e{patient}", noted.isoformat(), vital_signs(rng, sick)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("noteward")
    parser.add_argument("--moments", type=int, default=1_000_000)
    parser.add_argument("--per-patient", type=int, default=20)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--work")
    options = parser.parse_args()
    work = options.work or tempfile.mkdtemp(prefix="warn_scale_")
    os.makedirs(work, exist_ok=True)
    notes, run, out = (os.path.join(work, name) for name in ("notes.csv", "run", "out"))
    if not os.path.exists(os.path.join(run, "run.json")):
        write_notes(notes, options.moments, options.per_patient)
        annotate = [options.noteward, "annotate", notes, "--out", run, "--recognizers", "lexicon", "--quiet", "--force"]
        subprocess.run(annotate, check=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    warn = [options.noteward, "warn", run, "--out", out, "--scores", "news2", "--force", "--json"]
    told = subprocess.run(warn + ["--threads", str(options.threads)], check=True, capture_output=True).stdout
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads(told)
    if report["rows"] != options.moments:
        sys.exit(f"expected {options.moments} rows, found {report['rows']}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    table = sum(
        os.path.getsize(os.path.join(folder, file)) for folder, _, files in os.walk(out) for file in files
    )
    print(f"moments      {options.moments}")
    print(f"decided      {report['scores'][0]['share_decided']:.3f}")
    print(f"threads      {options.threads}")
    print(f"seconds      {seconds:.1f}")
    print(f"cpu seconds  {cpu:.1f}")
    # The peak is that of the largest child, which may be annotate.
    print(f"peak MB      {after.ru_maxrss / 1024:.0f}")
    print(f"output MB    {table / 1e6:.0f}")
    if not options.work:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
