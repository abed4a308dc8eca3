"""What the scripts of this folder share: a virtual environment with public packages, the program, and notes to run it on.

A script whose packages cannot be installed says so and ends with status 0: it proves nothing, and it fails nothing.
"""

import argparse
import csv
import datetime
import pathlib
import random
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments(doc):
    """The options that every script has, and the folder it works in."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--noteward", default=ROOT / "target/release/noteward", type=pathlib.Path, help="the program")
    parser.add_argument("--work", required=True, type=pathlib.Path, help="folder for packages, notes and outputs; it stays")
    parser.add_argument("--copies", default=40, type=int, help="how often each patient of data/notes.csv comes again")
    options = parser.parse_args()
    options.noteward = options.noteward.resolve()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    return options


def environment(folder, packages):
    """The folder of programs of a virtual environment that holds the packages; ends the script where it cannot be made."""
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    done = folder / "packages.txt"
    wanted = "\n".join(packages)
    if not done.exists() or done.read_text() != wanted:
        venv.create(folder, with_pip=True)
        installed = subprocess.run([programs / "python", "-m", "pip", "install", "--quiet", *packages])
        if installed.returncode != 0:
            print(f"skipped: cannot install {', '.join(packages)}")
            sys.exit(0)
        done.write_text(wanted)
    return programs


def run(*command, **options):
    """Runs a command, which is shown without the lines of scripts in it; the script ends where it fails."""
    print("$", " ".join("..." if "\n" in str(part) else str(part) for part in command), flush=True)
    subprocess.run([str(part) for part in command], check=True, **options)


def enlarge(target, copies, seed=1):
    """Writes data/notes.csv so many times: other patients, shifted times, some notes left out. The same seed, the same file."""
    csv.field_size_limit(1 << 30)
    with open(ROOT / "data/notes.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    chance = random.Random(seed)
    with open(target, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=rows[0].keys())
        writer.writeheader()
        for copy in range(copies):
            shifts = {}
            for row in rows:
                shift = shifts.setdefault(row["patient_id"], datetime.timedelta(minutes=chance.randrange(1_000_000)))
                if chance.random() < 0.2:
                    continue
                time = datetime.datetime.fromisoformat(row["note_time"]) + shift
                renamed = {name: f"{row[name]}-{copy}" for name in ("note_id", "patient_id", "encounter_id") if row[name]}
                writer.writerow({**row, **renamed, "note_time": time.isoformat()})
    return sorted({row["patient_id"] for row in rows})
