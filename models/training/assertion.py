"""Trains the linear model of the assertion: a logistic regression for each axis over what the rules decided and the words
around a mention.

python3 models/training/assertion.py --train train.features.jsonl --out models/default/assertion.safetensors
Features come from `cargo run --release --example assertion_features < train.jsonl`. Prints figures of a cross-validation in which
no note is in both parts, and of `--dev`, a file of the same form.
"""

import argparse
import json

import numpy as np
from safetensors.numpy import save_file
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

AXES = ["negated", "possible", "historical", "hypothetical", "other_experiencer"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", required=True)
    parser.add_argument("--dev")
    parser.add_argument("--out", required=True)
    parser.add_argument("--strength", type=float, default=0.5, help="inverse of the regularisation")
    parser.add_argument("--least", type=int, default=3, help="features of fewer mentions are left out")
    return parser.parse_args()


def read(path):
    with open(path, encoding="utf8") as file:
        return [json.loads(line) for line in file]


def matrix(rows, place):
    data, columns, starts = [], [], [0]
    for row in rows:
        values = {}
        for feature, value in row["features"]:
            if feature in place:
                values[place[feature]] = values.get(place[feature], 0.0) + value
        columns += values.keys()
        data += values.values()
        starts.append(len(columns))
    return csr_matrix((data, columns, starts), shape=(len(rows), len(place)), dtype=np.float64)


def fitted(x, y, strength):
    return LogisticRegression(C=strength, max_iter=300, solver="liblinear").fit(x, y)


def show(name, found, gold):
    found = found.astype(bool)
    scores = [2 * (found[:, k] & gold[:, k]).sum() / max(1, found[:, k].sum() + gold[:, k].sum()) for k in range(len(AXES))]
    figures = {axis: round(score, 3) for axis, score in zip(AXES, scores)}
    print(name, json.dumps({"all_axes": round((found == gold).all(1).mean(), 4)} | figures), flush=True)


def main():
    given = arguments()
    train = read(given.train)
    counts = {}
    for row in train:
        for feature in {feature for feature, _ in row["features"]}:
            counts[feature] = counts.get(feature, 0) + 1
    features = sorted(feature for feature, count in counts.items() if count >= given.least)
    place = {feature: index for index, feature in enumerate(features)}
    x = matrix(train, place)
    gold = np.array([row["gold"] for row in train], bool)
    show("rules", np.array([row["rules"] for row in train]), gold)
    notes = [row["note"] for row in train]
    crossed = np.zeros(gold.shape)
    for axis in range(len(AXES)):
        for known, held in GroupKFold(5).split(x, groups=notes):
            crossed[held, axis] = fitted(x[known], gold[known, axis], given.strength).predict_proba(x[held])[:, 1]
    show("cross-validated", crossed > 0.5, gold)
    models = [fitted(x, gold[:, axis], given.strength) for axis in range(len(AXES))]
    if given.dev:
        dev = read(given.dev)
        x_dev = matrix(dev, place)
        gold_dev = np.array([row["gold"] for row in dev], bool)
        show("rules, dev", np.array([row["rules"] for row in dev]), gold_dev)
        show("dev", np.stack([model.predict(x_dev) for model in models], 1), gold_dev)
    weights = np.stack([model.coef_[0] for model in models], 1).astype(np.float32)
    kept = np.abs(weights).max(1) >= 0.02
    tensors = {
        "features": np.array(features, np.uint64)[kept].view(np.int64),
        "weights": np.ascontiguousarray(weights[kept]),
        "bias": np.array([model.intercept_[0] for model in models], np.float32),
    }
    save_file(tensors, given.out)
    print(f"{int(kept.sum())} of {len(features)} features kept", flush=True)


if __name__ == "__main__":
    main()
