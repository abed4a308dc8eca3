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


def arguments(doc, packages):
    """The options that every script has, and the folder it works in."""
    if "--packages" in sys.argv[1:]:
        print("\n".join(packages))
        sys.exit(0)
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--noteward", default=ROOT / "target/release/noteward", type=pathlib.Path, help="the program")
    parser.add_argument("--work", required=True, type=pathlib.Path, help="folder for packages, notes and outputs; it stays")
    parser.add_argument("--copies", default=40, type=int, help="how often each patient of data/notes.csv comes again")
    parser.add_argument("--python", type=pathlib.Path, help="of a virtual environment that holds the packages; nothing is installed")
    parser.add_argument("--packages", action="store_true", help="print what the script needs, as pip takes it, and end")
    options = parser.parse_args()
    options.noteward = options.noteward.resolve()
    options.work = options.work.resolve()
    options.work.mkdir(parents=True, exist_ok=True)
    return options


LACKING = """
import importlib.metadata, sys
def found(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
print(" ".join(wanted for wanted in sys.argv[1:] if found(wanted.split("==")[0]) != wanted.split("==")[1]))
"""


def environment(folder, packages, python=None):
    """The folder of programs of a virtual environment that holds the packages: that of a Python, or one that is made. Ends the
    script where there is none."""
    if python:
        asked = subprocess.run([python, "-c", LACKING, *packages], capture_output=True, text=True)
        lacking = asked.stdout.strip() if asked.returncode == 0 else "any package"
        if lacking:
            print(f"skipped: {python} has not {lacking}")
            sys.exit(0)
        return python.parent.absolute()
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
