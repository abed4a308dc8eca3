"""Kills a run at many points, lets it go on, and compares the outputs with those of a run that nothing disturbed.

    python3 benches/kill_resume.py target/release/noteward INPUT [--points 60] [--flags "--recognizers lexicon"]

INPUT has more than one part: 40 MB of notes with the lexicon alone. A kill comes when the output folder holds a drawn number
of bytes, over the parts, the assembly of the tables and their renames; not at a time. Some runs are killed twice before they finish. Then a run is stopped by SIGINT, one is begun while
another has the folder, and one meets a limit on the size of files, as on a full disk. Exits with 1 at the first difference.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time

PARTIAL = ".noteward-partial"


def size(folder):
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(path, name)).st_size
            except FileNotFoundError:
                pass
    return total


def outputs(folder):
    """Hashes of the output files, and run.json without what differs between equal runs."""
    hashes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "run.json":
            hashes[str(path.relative_to(folder))] = hashlib.blake2b(path.read_bytes()).hexdigest()
    run = json.loads((folder / "run.json").read_text())
    del run["timings"]
    run["config"].pop("out")
    return hashes, run


class Runs:
    def __init__(self, program, flags):
        self.program, self.flags = program, flags

    def start(self, out, *more, **options):
        command = [self.program, "annotate", *self.flags, "--out", out, *more]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)

    def finish(self, out, *more):
        process = self.start(out, *more)
        stderr = process.communicate()[1]
        return process.returncode, stderr


def wait_for(process, reached):
    while not reached():
        if process.poll() is not None:
            return False
        time.sleep(0.0005)
    return True


def n_parts(out):
    folder = out / PARTIAL / "parts"
    return len(list(folder.iterdir())) if folder.exists() else 0


def expect(condition, message):
    if not condition:
        sys.exit(f"FAILED: {message}")


def kill_points(runs, folder, undisturbed, total, status, n_points, drawn):
    n_killed = 0
    for point in range(n_points):
        out = folder / f"killed-{point}"
        n_kills = 1 + (point % 5 == 4)
        for kill in range(n_kills):
            target = size(out) + drawn.randrange(1, total * 2)
            process = runs.start(out, "--resume", "--threads", str(1 + (point + kill) % 3))
            if wait_for(process, lambda: size(out) >= target):
                process.kill()
                n_killed += 1
            process.communicate()
        done_before = n_parts(out)
        code, stderr = runs.finish(out, "--resume")
        expect(code == status, f"point {point}: exit status {code}: {stderr}")
        expect(outputs(out) == undisturbed, f"point {point}: the outputs differ")
        resumed = json.loads((out / "run.json").read_text())["timings"]["resumed_notes"]
        expect(done_before == 0 or resumed > 0, f"point {point}: {done_before} parts were done again")
        expect(not (out / PARTIAL).exists(), f"point {point}: the hidden folder is left")
        subprocess.run(["rm", "-r", out], check=True)
    expect(n_killed >= n_points * 2 // 3, f"only {n_killed} kills met a running program")
    print(f"{n_killed} kills at {n_points} points: the same bytes")


def stopped(runs, folder, undisturbed, status):
    out = folder / "stopped"
    process = runs.start(out)
    expect(wait_for(process, lambda: (out / PARTIAL / "writing").exists()), "the run ended before it was stopped")
    second_code, second = runs.finish(out, "--resume")
    expect(second_code == 2 and "another run is writing" in second, f"a second run was not refused: {second}")
    process.send_signal(signal.SIGINT)
    stderr = process.communicate()[1]
    expect(process.returncode == 2 and "--resume" in stderr, f"SIGINT: {process.returncode} {stderr}")
    expect(n_parts(out) > 0, "SIGINT: the part was not finished")
    expect(runs.finish(out, "--resume")[0] == status and outputs(out) == undisturbed, "after SIGINT the outputs differ")
    out = folder / "stopped-twice"
    process = runs.start(out)
    expect(wait_for(process, lambda: (out / PARTIAL / "writing").exists()), "the run ended before it was stopped")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.communicate()
    expect(process.returncode == 2, f"SIGINT twice: {process.returncode}")
    expect(runs.finish(out, "--resume")[0] == status and outputs(out) == undisturbed, "after two SIGINT they differ")
    print("SIGINT once and twice, and a second run: the same bytes")


def full_disk(runs, folder, undisturbed, status):
    largest = max(path.stat().st_size for path in (folder / "undisturbed").rglob("*") if path.is_file())
    for divisor in (2, 20, 200):
        out = folder / f"full-{divisor}"

        def limit():
            # The signal would kill; ignored, writes fail as on a full disk.
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest // divisor, largest // divisor))

        process = runs.start(out, preexec_fn=limit, restore_signals=False)
        stderr = process.communicate()[1]
        expect(process.returncode == 2, f"no room: exit status {process.returncode}: {stderr}")
        expect(not (out / "run.json").exists(), "no room: a description was left")
        expect(runs.finish(out, "--resume")[0] == status and outputs(out) == undisturbed, "after no room they differ")
    print("no room for a file at three sizes: the same bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("input")
    parser.add_argument("--points", type=int, default=60)
    parser.add_argument("--flags", default="--recognizers lexicon --format parquet,csv,jsonl")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    runs = Runs(arguments.program, [arguments.input, *arguments.flags.split()])
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        status, stderr = runs.finish(folder / "undisturbed")
        expect(status in (0, 1), stderr)
        undisturbed = outputs(folder / "undisturbed")
        total = size(folder / "undisturbed")
        kill_points(runs, folder, undisturbed, total, status, arguments.points, random.Random(arguments.seed))
        stopped(runs, folder, undisturbed, status)
        full_disk(runs, folder, undisturbed, status)


if __name__ == "__main__":
    main()
