"""FHIR R4 by parsers that nobody here wrote: every bundle through `fhirclient` (R4) and `fhir.resources` (R4B).

    python3 tests/clients/fhir.py --work DIR

Notes of data/notes.csv are annotated and exported. The bundles are parsed by both packages; their references must resolve,
their spans must lie in the attached text, and annotating them must give the mentions of the notes they came from.
"""

import sys

from workplace import arguments, enlarge, environment, run

PACKAGES = ["fhir.resources==8.3.0", "fhirclient==4.4.0"]

PARSE = """
import base64, collections, json, sys
from fhir.resources.R4B.bundle import Bundle
from fhirclient.models.bundle import Bundle as StrictBundle
counts = collections.Counter()

def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)

for line in open(sys.argv[1]):
    bundle = json.loads(line)
    Bundle.model_validate(bundle)
    StrictBundle(bundle, strict=True)
    resources = [entry["resource"] for entry in bundle["entry"]]
    held = {f"{resource['resourceType']}/{resource['id']}" for resource in resources}
    assert len(held) == len(resources), "a resource stands twice in a bundle"
    text = base64.b64decode(resources[0]["content"][0]["attachment"]["data"]).decode()
    for resource in resources:
        counts[resource["resourceType"]] += 1
        for reference in references(resource):
            assert reference in held or reference.split("/")[0] in ("Patient", "Encounter"), reference
        for extension in resource.get("extension", []):
            parts = {part["url"]: part for part in extension.get("extension", [])}
            if "offset" in parts:
                start, length = parts["offset"]["valueInteger"], parts["length"]["valueInteger"]
                assert text[start:start + length].strip(), "a span without words"
                counts["spans"] += 1
print("fhir: parsed:", ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
"""


def main():
    options = arguments(__doc__, PACKAGES)
    work = options.work
    python = environment(work / "packages-fhir", PACKAGES, options.python) / "python"
    notes = work / "notes.csv"
    enlarge(notes, 1)
    run(options.noteward, "annotate", notes, "--out", work / "run", "--force", "--quiet")
    for profile in ["own", "present", "absent"]:
        fhir = work / f"fhir-{profile}"
        run(options.noteward, "export", work / "run", "--to", "fhir", "--out", fhir, "--force", "--profile", profile)
        run(python, "-c", PARSE, fhir / "bundles.ndjson")
    again = work / "run-again"
    run(options.noteward, "annotate", work / "fhir-own" / "bundles.ndjson", "--out", again, "--force", "--quiet")
    run(options.noteward, "diff", work / "run", again)


if __name__ == "__main__":
    sys.exit(main())
