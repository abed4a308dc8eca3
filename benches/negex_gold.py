"""Turns the NegEx test kit (Chapman et al. 2001) into the form of the gold standard, so that its negations can be judged:

python3 benches/negex_gold.py negex.tsv > negex.jsonl
noteward evaluate --gold negex.jsonl --gold-spans

Each row is a number, a sentence, a concept in it, and `Negated` or `Affirmed`; the concept is searched in any case, and a row in
which it does not stand is counted on standard error. Only `negated_f1` means anything for it.
"""

import csv
import json
import sys


def main(path):
    n_without = 0
    with open(path, encoding="utf8") as file:
        for number, row in enumerate(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)):
            if number == 0:
                continue
            _, text, concept, label = row[:4]
            start = text.lower().find(concept.lower())
            # Lower case may change the length of a text; then the place would be wrong.
            if start < 0 or len(text.lower()) != len(text):
                n_without += 1
                continue
            entity = {"start": start, "end": start + len(concept), "text": text[start : start + len(concept)],
                      "type": "finding", "negated": label.lower().startswith("neg")}
            print(json.dumps({"id": str(number), "text": text, "entities": [entity]}))
    print(f"{n_without} rows without their concept", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
