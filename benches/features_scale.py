"""Time and peak memory of `noteward features` over synthetic runs, a small one and one so many times larger.

    pip install pyarrow
    python3 benches/features_scale.py target/release/noteward
    python3 benches/features_scale.py target/release/noteward --patients 20000 --mentions 1000000 --times 10 --threads 2

A run is a folder with the tables that annotate writes, filled with mentions of a vocabulary in which a few concepts are
frequent and most are rare, a third of it text carried forward from earlier notes. Counts must add up, the larger run must
have as many times the index rows, and its peak memory may not exceed the bound.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

NOTES_PER_PATIENT = 8
N_CONCEPTS = 3000
FIRST = 1_600_000_000
DAY = 86_400
LETTERS = "ABCDEFGHIJKLMNRSZ"
SECTIONS = ["assessment", "plan", "history_of_present_illness", "physical_exam", "family_history", "medications"]
NOTE_SCHEMA = pa.schema(
    [
        ("note_id", pa.string()),
        ("patient_id", pa.string()),
        ("encounter_id", pa.string()),
        ("note_time", pa.timestamp("us")),
        ("note_type", pa.string()),
        ("author", pa.string()),
        ("status", pa.string()),
        ("mentions", pa.uint32()),
        ("sections", pa.string()),
    ]
)
MENTION_SCHEMA = pa.schema(
    [
        ("note_id", pa.string()),
        ("patient_id", pa.string()),
        ("type", pa.string()),
        ("presence", pa.string()),
        ("temporality", pa.string()),
        ("experiencer", pa.string()),
        ("segment_hash", pa.string()),
        ("concept_id", pa.string()),
        ("concept_name", pa.string()),
        ("icd10cm", pa.string()),
    ]
)


def concepts(chance):
    """Identifier, name, type and code of each concept."""
    made = []
    for number in range(N_CONCEPTS):
        code = f"{chance.choice(LETTERS)}{chance.randrange(100):02d}.{chance.randrange(10)}"
        made.append((f"concept-{number}", f"Concept {number}", chance.choice(["symptom", "finding", "diagnosis"]), code))
    return made


def make(folder, n_patients, n_mentions):
    """Writes a run."""
    chance = random.Random(7)
    vocabulary = concepts(chance)
    per_note = n_mentions / (n_patients * NOTES_PER_PATIENT)
    folder.mkdir()
    (folder / "run.json").write_text(
        json.dumps({"version": "0", "config": {}, "lexicon": {"blake3": ""}, "rules": {"blake3": ""}, "model": None})
    )
    note_writer = pq.ParquetWriter(folder / "notes.parquet", NOTE_SCHEMA, compression="zstd")
    mention_writer = pq.ParquetWriter(folder / "mentions.parquet", MENTION_SCHEMA, compression="zstd")
    notes, mentions, written, owed = [], [], 0, 0.0

    def flush():
        note_writer.write_table(pa.Table.from_pylist(notes, NOTE_SCHEMA))
        mention_writer.write_table(pa.Table.from_pylist(mentions, MENTION_SCHEMA))
        notes.clear()
        mentions.clear()

    for patient in range(n_patients):
        said = []
        seconds = FIRST + chance.randrange(300) * DAY
        for number in range(NOTES_PER_PATIENT):
            note_id = f"n{patient}-{number}"
            seconds += chance.randrange(1, 40 * DAY)
            owed += per_note
            here = int(owed)
            owed -= here
            for place in range(here):
                if said and chance.random() < 0.33:
                    row = dict(chance.choice(said))
                else:
                    concept, name, kind, code = vocabulary[int(chance.paretovariate(0.35) - 1) % N_CONCEPTS]
                    row = {
                        "patient_id": f"p{patient:08d}",
                        "type": kind,
                        "presence": chance.choices(["present", "possible", "absent"], [6, 1, 3])[0],
                        "temporality": chance.choices(["current", "historical", "hypothetical"], [8, 1, 1])[0],
                        "experiencer": chance.choices(["patient", "family"], [19, 1])[0],
                        "segment_hash": f"{patient:010x}{number:05x}{place:05x}",
                        "concept_id": concept,
                        "concept_name": name,
                        "icd10cm": code,
                    }
                    said.append(row)
                mentions.append({**row, "note_id": note_id})
            written += here
            notes.append(
                {
                    "note_id": note_id,
                    "patient_id": f"p{patient:08d}",
                    "encounter_id": f"e{patient}",
                    "note_time": seconds * 1_000_000,
                    "note_type": chance.choice(["progress note", "nursing", "radiology report", "discharge summary"]),
                    "author": f"a{chance.randrange(40)}",
                    "status": "annotated",
                    "mentions": here,
                    "sections": ";".join(chance.sample(SECTIONS, 3)),
                }
            )
        if len(mentions) > 100_000:
            flush()
    flush()
    note_writer.close()
    mention_writer.close()
    return written


def enlarge(run, folder, times):
    """Writes a run of so many times the patients: the same rows under other identifiers."""
    folder.mkdir()
    shutil.copy(run / "run.json", folder)
    for name, schema in [("notes", NOTE_SCHEMA), ("mentions", MENTION_SCHEMA)]:
        table = pq.read_table(run / f"{name}.parquet")
        with pq.ParquetWriter(folder / f"{name}.parquet", schema, compression="zstd") as writer:
            for number in range(times):
                more = table
                for place, column in enumerate(table.column_names):
                    if column in ("note_id", "patient_id"):
                        named = pc.binary_join_element_wise(table[column], f"{number:03}", "-")
                        more = more.set_column(place, schema.field(column), named)
                writer.write_table(more, row_group_size=100_000)


def measure(program, run, out, flags):
    """Wall and processor seconds, peak resident bytes, and features.json."""
    start = time.monotonic()
    process = subprocess.Popen([program, "features", run, "--out", out, "--quiet", *flags])
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"exit status {process.returncode}")
    return wall, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * 1024, json.loads((out / "features.json").read_text())


def check(counts, n_patients, n_mentions):
    mentions, use = counts["mentions"], counts["note_use"]
    parts = ["without_patient", "not_in_cohort", "without_concept", "without_value", "denied", "implausible", "kept"]
    if mentions["read"] != n_mentions or mentions["read"] != sum(mentions[part] for part in parts):
        sys.exit(f"mentions do not add up: {mentions}")
    if use["pairs"] != sum(use[part] for part in ["used", "without_time", "after_index", "dropped"]):
        sys.exit(f"notes do not add up: {use}")
    if counts["written"]["wide_rows"] != n_patients:
        sys.exit(f"{counts['written']['wide_rows']} rows of {n_patients} patients")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("--patients", type=int, default=20_000)
    parser.add_argument("--mentions", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=10, help="how many times the larger run is larger; 1: none")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="128MiB")
    parser.add_argument("--most-megabytes", type=int, default=1000)
    parser.add_argument("--folder", help="where the runs are written")
    arguments = parser.parse_args()
    flags = ["--threads", str(arguments.threads), "--memory", arguments.memory]
    os.environ.setdefault("POLARS_MAX_THREADS", str(arguments.threads))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        folder = pathlib.Path(folder)
        small = folder / "run-1"
        n_small = make(small, arguments.patients, arguments.mentions)
        for times in sorted({1, arguments.times}):
            n_patients, n_mentions = arguments.patients * times, n_small * times
            run = folder / f"run-{times}"
            if times > 1:
                enlarge(small, run, times)
            wall, user, system, peak, counts = measure(arguments.program, run, folder / f"out-{times}", flags)
            check(counts, n_patients, n_mentions)
            rows, columns = counts["written"]["long_rows"], counts["written"]["wide_columns"]
            print(
                f"{n_mentions} mentions, {n_patients} patients: {wall:.1f} s, processor {user:.1f} s + {system:.1f} s, "
                f"{peak / 1e6:.0f} MB; {rows} long rows, {columns} wide columns"
            )
            if peak > arguments.most_megabytes * 1e6:
                sys.exit(f"more than {arguments.most_megabytes} MB")


if __name__ == "__main__":
    main()
