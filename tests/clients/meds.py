"""MEDS by clients that nobody here wrote: the validators of `meds`, a cohort by `es-aces`, a model by `meds-tab`.

    python3.11 tests/clients/meds.py --work DIR

Notes of data/notes.csv, many times over, are annotated and exported; the clients run unmodified on the export. The task is
made up: whether a complication is stated in the 14 days after a note. What is proved is that the clients take the files, and
find in them what notes say; the copies share their texts, so the figures of the model say nothing about patients.
"""

import csv
import json
import shutil
import subprocess
import sys

from workplace import arguments, enlarge, environment, run

PACKAGES = ["meds==0.4.1", "es-aces==0.7.3", "meds-tab==0.2.0"]

TASK = """\
predicates:
  note:
    code: { regex: "^NOTE//.*" }
  complication:
    code: { regex: "^ICD10CM//(A41|I21|I26|I82|J18|J96|K56|K65|K91|N17|T8[0-8])[^/]*//present$" }
trigger: note
windows:
  input:
    start: null
    end: trigger
    start_inclusive: True
    end_inclusive: True
    index_timestamp: end
  target:
    start: trigger
    end: start + 14d
    start_inclusive: False
    end_inclusive: True
    label: complication
"""

VALIDATE = """
import json, pathlib, sys
import pyarrow.parquet as parquet
from meds import CodeMetadataSchema, DataSchema, DatasetMetadataSchema, SubjectSplitSchema
root = pathlib.Path(sys.argv[1])
seen, n_rows, codes = set(), 0, set()
for path in sorted(root.glob("data/**/*.parquet")):
    table = parquet.read_table(path)
    DataSchema.validate(table)
    rows = table.select(["subject_id", "time", "code"]).to_pylist()
    subjects, last = [], None
    for row in rows:
        if not subjects or subjects[-1] != row["subject_id"]:
            subjects.append(row["subject_id"])
            last = None
        assert last is None or (row["time"] is not None and row["time"] >= last), f"{path}: not in the order of time"
        last = row["time"]
    assert len(subjects) == len(set(subjects)) and seen.isdisjoint(subjects), f"{path}: a subject's rows are not together"
    seen.update(subjects)
    n_rows += len(rows)
    codes.update(row["code"] for row in rows)
metadata = parquet.read_table(root / "metadata/codes.parquet")
CodeMetadataSchema.validate(metadata)
assert set(metadata["code"].to_pylist()) == codes, "codes.parquet does not list the codes of the data"
splits = parquet.read_table(root / "metadata/subject_splits.parquet")
SubjectSplitSchema.validate(splits)
assert set(splits["subject_id"].to_pylist()) == seen, "subject_splits.parquet does not list the subjects of the data"
DatasetMetadataSchema.validate(json.loads((root / "metadata/dataset.json").read_text()))
print(f"meds: valid: {n_rows} rows, {len(seen)} subjects, {len(codes)} codes")
"""

COHORT = """
import pathlib, sys
import polars as pl
labels = pl.concat([pl.read_parquet(path) for path in sorted(pathlib.Path(sys.argv[1]).glob("**/*.parquet"))])
positive = labels["boolean_value"].sum()
assert 0 < positive < len(labels), "the cohort has labels of one kind only"
print(f"es-aces: {len(labels)} labels of {labels['subject_id'].n_unique()} subjects, {positive} positive")
"""

RESULT = """
import csv, pathlib, sys
[path] = pathlib.Path(sys.argv[1]).glob("**/best_trial/performance.log")
[best] = csv.DictReader(path.open())
tuning, test = float(best["tuning_auc"]), float(best["test_auc"])
# A model whose codes were dropped stands at exactly 0.5.
assert tuning > 0.6 and test > 0.6, f"the model learned nothing: tuning AUC {tuning}, test AUC {test}"
print(f"meds-tab: trained: tuning AUC {tuning:.3f}, test AUC {test:.3f}")
"""


def main():
    options = arguments(__doc__, PACKAGES)
    work = options.work
    programs = environment(work / "packages-meds", PACKAGES, options.python)
    python = programs / "python"
    notes = work / "notes.csv"
    names = enlarge(notes, options.copies)
    with open(work / "patients.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", "birth_date", "sex"])
        for copy in range(options.copies):
            for place, name in enumerate(names):
                writer.writerow([f"{name}-{copy}", f"{1940 + 3 * place}-06-15", ["female", "male"][(copy + place) % 2]])
    run(options.noteward, "annotate", notes, "--out", work / "run", "--force", "--quiet")
    meds = work / "meds"
    run(options.noteward, "export", work / "run", "--to", "meds", "--out", meds, "--force", "--patients", work / "patients.csv")
    run(python, "-c", VALIDATE, meds)

    cohort, tab = work / "cohort", work / "tab"
    for folder in (cohort, tab):
        shutil.rmtree(folder, ignore_errors=True)
    cohort.mkdir()
    (cohort / "task.yaml").write_text(TASK)
    shards = subprocess.run([programs / "expand_shards", meds / "data"], check=True, capture_output=True, text=True)
    data = ["data=sharded", "data.standard=meds", f"data.root={meds / 'data'}", f"data.shard={shards.stdout.strip()}"]
    run(programs / "aces-cli", "cohort_name=task", f"cohort_dir={cohort}", *data, "-m", cwd=work)
    run(python, "-c", COHORT, cohort / "task")

    # meds-tab refuses to aggregate values where there are none.
    described = json.loads((meds / "export.json").read_text())
    aggregations = ["code/count", "static/present"]
    if described["counts"]["measurements"]["written"] > 0:
        aggregations += ["value/min", "value/max"]
    common = [
        f"input_dir={meds / 'data'}",
        f"output_dir={tab}",
        "do_overwrite=False",
        "tabularization.min_code_inclusion_count=5",
        "tabularization.window_sizes=[7d,full]",
        f"tabularization.aggs=[{','.join(aggregations)}]",
    ]
    run(programs / "meds-tab-describe", f"input_dir={meds / 'data'}", f"output_dir={tab}", cwd=work)
    run(programs / "meds-tab-tabularize-static", *common, cwd=work)
    run(programs / "meds-tab-tabularize-time-series", *common, cwd=work)
    run(programs / "meds-tab-cache-task", *common, "task_name=task", f"input_label_dir={cohort / 'task'}", cwd=work)
    sweep = [
        "hydra.sweeper.n_trials=3",
        "hydra.sweeper.n_jobs=1",
        "tabularization.min_code_inclusion_count=range(5,20)",
        "+model_launcher.model.min_child_weight=interval(0.01,2)",
        "+model_launcher.model.eta=interval(0.05,0.3)",
    ]
    model = tab / "model"
    run(programs / "meds-tab-xgboost", "-m", *common, "task_name=task", f"output_model_dir={model}", *sweep, cwd=work)
    run(python, "-c", RESULT, model)


if __name__ == "__main__":
    sys.exit(main())
