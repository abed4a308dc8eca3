#!/usr/bin/env python3
"""How long before a note names a complication it was warned of.

usage: warning_lead_time.py RUN WARNINGS [--scores DIR]

RUN is the output folder of `annotate --format jsonl`, WARNINGS that of `warn --format jsonl` over it. A complication is named by
the first note with a mention of it that is present or possible, of the patient, and not historical. A warning of it is the first
row of one of its scores whose lower band is one in which the score's file asks for action. Prints a table of patients with a
complication, then the patients without any, with the scores that alerted for them.
"""

import argparse
import datetime
import json
import os
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))

# Complication, beginnings of the ICD-10-CM codes that name it, and the scores that warn of it.
COMPLICATIONS = [
    ("sepsis", ["A40", "A41", "R65.2", "T81.4"], ["news2", "mews", "qsofa", "sirs", "sofa"]),
    ("thromboembolism", ["I26", "I82"], ["wells_pe", "wells_dvt", "padua", "caprini"]),
    ("kidney injury", ["N17"], ["kdigo_aki"]),
    ("heart failure", ["I50", "J81"], ["news2", "mews"]),
    ("diabetic complication", ["E10.1", "E11.0", "E11.1", "E11.2", "E11.3", "E11.4", "E11.5", "E11.6", "E13.1"],
     ["diabetes_complications", "news2", "mews", "kdigo_aki"]),
    ("stroke", ["I63", "G45"], ["cha2ds2_vasc", "cha2ds2_va"]),
    ("lung nodule", ["C34"], ["fleischner_2017", "brock", "mayo_nodule"]),
]
# What uneventful patients must not be warned of: the acute ones.
ACUTE = {"news2", "mews", "qsofa", "sirs", "sofa", "kdigo_aki", "wells_pe", "wells_dvt"}


def rows(path):
    with open(path, encoding="utf-8") as file:
        yield from (json.loads(line) for line in file)


def alert_bands(folder):
    """The bands of each score in which it calls for action."""
    bands = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".toml"):
            with open(os.path.join(folder, name), "rb") as file:
                score = tomllib.load(file)
            names = [band["name"] for band in score["band"]]
            first = next((i for i, band in enumerate(score["band"]) if band.get("alerts")), len(names))
            bands[score["id"]] = set(names[first:])
    return bands


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("warnings")
    parser.add_argument("--scores", default=os.path.join(HERE, "..", "models", "scores"))
    options = parser.parse_args()
    bands = alert_bands(options.scores)
    alerts, decided, total, patients = {}, 0, 0, set()
    for row in rows(os.path.join(options.warnings, "warnings.jsonl")):
        total += 1
        decided += row["decided"]
        patients.add(row["patient_id"])
        if row["band_min"] in bands.get(row["score"], ()):
            alerts.setdefault(row["patient_id"], []).append((row["time"], row["score"]))
    named = {}
    for mention in rows(os.path.join(options.run, "mentions.jsonl")):
        counts = mention["presence"] != "absent" and mention["temporality"] == "current"
        if not counts or mention["experiencer"] != "patient" or not mention["note_time"]:
            continue
        for complication, codes, _ in COMPLICATIONS:
            if any((mention["icd10cm"] or "").startswith(code) for code in codes):
                key = (mention["patient_id"], complication)
                named[key] = min(named.get(key, mention["note_time"]), mention["note_time"])
    print(f"{'patient':9}{'complication':24}{'first warning':22}{'by':26}{'first naming':22}{'lead':>10}")
    n_before = 0
    for (patient, complication), naming in sorted(named.items()):
        scores = next(scores for name, _, scores in COMPLICATIONS if name == complication)
        warned = sorted(alert for alert in alerts.get(patient, []) if alert[1] in scores)
        time, score = warned[0] if warned else ("never", "")
        lead = "-"
        if warned:
            between = datetime.datetime.fromisoformat(naming) - datetime.datetime.fromisoformat(time)
            lead = f"{between.total_seconds() / 3600:.1f} h"
            n_before += between.total_seconds() > 0
        print(f"{patient:9}{complication:24}{time:22}{score:26}{naming:22}{lead:>10}")
    eventful = {patient for patient, _ in named}
    print(f"\nwarned before the complication was named: {n_before} of {len(named)}")
    for patient in sorted(patients - eventful):
        acute = sorted({score for _, score in alerts.get(patient, []) if score in ACUTE})
        print(f"{patient:9}uneventful; acute alerts: {', '.join(acute) or 'none'}")
    print(f"\nwarnings {total}, decided {decided} ({decided / max(total, 1):.1%}), undecided {total - decided}")


if __name__ == "__main__":
    main()
