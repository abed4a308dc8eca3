#!/usr/bin/env python3
"""Loads a run into a real PostgreSQL server, twice, reads it back, and reads the notes out of it again.

    python3 tests/clients/omop_postgres.py [--program target/release/noteward] [--notes data/notes.csv]

A server of PostgreSQL 12 or later is started on loopback in a scratch folder, as an unprivileged user, and stopped at the
end. The tables of OMOP CDM 5.4, with their primary keys, foreign keys and required columns, are made from the official field
list (OHDSI/CommonDataModel, inst/csv/OMOP_CDMv5.4_Field_Level.csv), which --fields names. Where the server or the list is not
there, the script says so and ends; with --require it fails instead. Only Python's own library is needed.
"""

import argparse
import csv
import glob
import hashlib
import io
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSWORD = "Zebra/word@ine?1"
# Concepts that every load names, in the vocabulary of the test.
FIXED = [0, 32678, 32817, 32858, 4180186, 4171754, 4171755, 4171756, 4172704]
FIRST_OWN_CONCEPT = 2_000_000_001

checks = 0


def check(holds, what):
    """Counts a check; ends the script where it does not hold."""
    global checks
    checks += 1
    if not holds:
        sys.exit(f"FAILED: {what}")
    print(f"  ok: {what}")


def find_server(bin_folder):
    """The folder with initdb and pg_ctl; the newest server where there are several."""
    candidates = [bin_folder] if bin_folder else sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=version, reverse=True)
    found = shutil.which("initdb")
    candidates += [os.path.dirname(os.path.realpath(found))] if found and not bin_folder else []
    return next((folder for folder in candidates if os.path.exists(os.path.join(folder, "initdb"))), None)


def version(folder):
    digits = folder.split("/")[-2].split(".")[0]
    return int(digits) if digits.isdigit() else 0


class Server:
    """A PostgreSQL server of its own, which asks for a password."""

    def __init__(self, bin_folder, scratch):
        self.bin, self.folder = bin_folder, os.path.join(scratch, "server")
        os.mkdir(self.folder)
        self.user = {}
        if os.geteuid() == 0:
            # A server does not run as root.
            account = next(name for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})
            entry = pwd.getpwnam(account)
            self.user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
            os.chmod(scratch, 0o755)
        password_file = os.path.join(self.folder, "password")
        pathlib.Path(password_file).write_text(PASSWORD + "\n")
        os.chmod(password_file, 0o644)
        self.data = os.path.join(self.folder, "data")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.run("initdb", "-D", self.data, "-U", "etl", "-E", "UTF8", "--locale=C", "-A", "scram-sha-256",
                 f"--pwfile={password_file}", "-N")
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.run("pg_ctl", "-D", self.data, "-o", options, "-w", "-l", os.path.join(self.folder, "log"), "start")
        self.psql("CREATE DATABASE site", "postgres")

    def run(self, program, *arguments):
        command = [os.path.join(self.bin, program), *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder, **self.user)
        if done.returncode:
            sys.exit(f"{program} ended with {done.returncode}:\n{done.stdout}")

    def stop(self):
        subprocess.run([os.path.join(self.bin, "pg_ctl"), "-D", self.data, "-m", "immediate", "stop"], cwd=self.folder,
                       stdout=subprocess.DEVNULL, **self.user)

    def psql(self, sql, database="site"):
        """Runs statements; gives the rows of the last one, as text."""
        psql = os.path.join(self.bin, "psql")
        psql = psql if os.path.exists(psql) else "psql"
        command = [psql, "-X", "-q", "--csv", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "etl",
                   "-d", database, "-f", "-"]
        done = subprocess.run(command, input=sql, text=True, capture_output=True, env={**os.environ, "PGPASSWORD": PASSWORD})
        if done.returncode:
            sys.exit(f"psql: {done.stderr}")
        csv.field_size_limit(1 << 30)
        return list(csv.reader(io.StringIO(done.stdout)))

    def url(self, password=None):
        credentials = "etl" if password is None else "etl:" + "".join(f"%{byte:02X}" for byte in password.encode())
        return f"postgres://{credentials}@127.0.0.1:{self.port}/site"


def tables_of(fields):
    """The official tables: name to rows of the field list."""
    tables = {}
    with open(fields, encoding="latin-1", newline="") as file:
        for row in csv.DictReader(file):
            tables.setdefault(row["cdmTableName"].lower(), []).append(row)
    return tables


def make_schema(server, tables, schema):
    """The tables of a schema without keys, which come when the vocabulary is there."""
    types = {"integer": "integer", "bigint": "bigint", "date": "date", "datetime": "timestamp", "float": "numeric"}

    def column(row):
        kind = row["cdmDatatype"].lower()
        kind = "text" if kind == "varchar(max)" else types.get(kind, kind)
        return f"{row['cdmFieldName'].lower()} {kind}{' NOT NULL' if row['isRequired'] == 'Yes' else ''}"

    statements = [f"CREATE SCHEMA {schema}"]
    for name, rows in tables.items():
        statements.append(f"CREATE TABLE {schema}.{name} ({', '.join(column(row) for row in rows)})")
    server.psql(";\n".join(statements))


def add_keys(server, tables, schema):
    statements = []
    for name, rows in tables.items():
        keys = [row["cdmFieldName"].lower() for row in rows if row["isPrimaryKey"] == "Yes"]
        if keys:
            statements.append(f"ALTER TABLE {schema}.{name} ADD PRIMARY KEY ({', '.join(keys)})")
    primary = {(name, row["cdmFieldName"].lower()) for name, rows in tables.items() for row in rows
               if row["isPrimaryKey"] == "Yes"}
    for name, rows in tables.items():
        for row in rows:
            other = (row["fkTableName"].lower(), row["fkFieldName"].lower())
            if row["isForeignKey"] == "Yes" and other in primary:
                statements.append(f"ALTER TABLE {schema}.{name} ADD FOREIGN KEY ({row['cdmFieldName'].lower()}) "
                                  f"REFERENCES {schema}.{other[0]} ({other[1]})")
    server.psql(";\n".join(statements))
    return len(statements)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def fill(server, schema, concepts, patients, encounters):
    """The vocabulary, persons and visits that the rows refer to."""
    statements = [f"INSERT INTO {schema}.domain VALUES ('Metadata', 'Metadata', 0)",
                  f"INSERT INTO {schema}.vocabulary VALUES ('None', 'None', '', '', 0)",
                  f"INSERT INTO {schema}.concept_class VALUES ('Undefined', 'Undefined', 0)"]
    for concept in concepts:
        statements.append(f"INSERT INTO {schema}.concept VALUES ({concept}, 'concept', 'Metadata', 'None', 'Undefined', NULL, "
                          f"'{concept}', '1970-01-01', '2099-12-31', NULL)")
    for number, patient in enumerate(patients, 1001):
        statements.append(f"INSERT INTO {schema}.person (person_id, gender_concept_id, year_of_birth, race_concept_id, "
                          f"ethnicity_concept_id, person_source_value) VALUES ({number}, 0, 1950, 0, 0, {quoted(patient)})")
    for number, (encounter, patient) in enumerate(encounters, 5001):
        statements.append(f"INSERT INTO {schema}.visit_occurrence (visit_occurrence_id, person_id, visit_concept_id, "
                          f"visit_start_date, visit_end_date, visit_type_concept_id, visit_source_value) SELECT {number}, "
                          f"person_id, 0, '2025-01-01', '2025-12-31', 32817, {quoted(encounter)} FROM {schema}.person WHERE "
                          f"person_source_value = {quoted(patient)}")
    server.psql(";\n".join(statements))


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def table(run, name):
    path = run / f"{name}.csv"
    return rows_of(path) if path.exists() else []


class Program:
    def __init__(self, path, scratch):
        self.path, self.scratch = path, scratch

    def run(self, *arguments, status=0, password=None):
        """Runs the program; what it says must never hold the password."""
        environment = {name: value for name, value in os.environ.items() if name != "PGPASSWORD"}
        environment |= {"PGPASSWORD": password} if password else {}
        done = subprocess.run([self.path, *map(str, arguments)], capture_output=True, text=True, cwd=self.scratch, env=environment)
        if PASSWORD in done.stderr + done.stdout or done.returncode != status:
            sys.exit(f"FAILED: {' '.join(map(str, arguments[:2]))} ended with {done.returncode}, not {status}:\n{done.stderr}")
        return done.stderr


def expected_terms(run):
    """What NOTE_NLP must say of each row of a run."""
    terms = []
    for name in ("mentions", "facts", "measurements"):
        for row in table(run, name):
            away = row["experiencer"] != "patient" or row["temporality"] == "hypothetical" or row["presence"] == "absent"
            exists = "N" if away else "" if row["presence"] == "possible" else "Y"
            past = "past" if row["temporality"] == "historical" else "present"
            words = row["text"] if "text" in row else row["value_text"]
            terms.append((row["note_id"], row["start"], words[:250], exists, past, row.get("icd10cm") or ""))
    return sorted(terms)


def mapping_of(run, path):
    """A mapping that knows every code but each seventh, and the concepts that it names."""
    codes = {("ICD10CM", row["icd10cm"]) for row in table(run, "mentions") if row["icd10cm"]}
    codes |= {("LOINC", row["loinc"]) for row in table(run, "measurements") if row["loinc"]}
    codes |= {("UCUM", row["unit"]) for row in table(run, "measurements") if row["unit"]}
    codes |= {("note_class", row["note_type"]) for row in table(run, "notes")}
    mapping = {code: FIRST_OWN_CONCEPT + 2 * index for index, code in enumerate(sorted(codes)) if index % 7}
    mapping[("CDM", "note_nlp.note_nlp_id")] = FIRST_OWN_CONCEPT - 1
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["system", "code", "concept_id", "source_concept_id"])
        rows.writerows([*code, concept, concept + 1] for code, concept in mapping.items())
    return mapping


def numbers(server, schema):
    query = "SELECT " + ", ".join(f"(SELECT count(*) FROM {schema}.{name})" for name in ("note", "note_nlp", "measurement"))
    return [int(number) for number in server.psql(query)[0]]


def contents(server, schema):
    """A hash of all rows, with their numbers."""
    rows = [server.psql(f"SELECT * FROM {schema}.{name} ORDER BY 1") for name in ("note", "note_nlp", "measurement")]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", default=ROOT / "target/release/noteward", type=pathlib.Path)
    arguments.add_argument("--notes", default=ROOT / "data/notes.csv", type=pathlib.Path)
    arguments.add_argument("--fields", default=ROOT.parent / "shared/data/omop/OMOP_CDMv5.4_Field_Level.csv", type=pathlib.Path)
    arguments.add_argument("--bin", help="folder of initdb and pg_ctl")
    arguments.add_argument("--require", action="store_true", help="fail where something is missing")
    options = arguments.parse_args()
    server_bin = find_server(options.bin)
    for path, missing in ((server_bin, "a PostgreSQL server (apt-get install --no-install-recommends postgresql)"),
                          (options.fields.exists(), f"the official field list ({options.fields})"),
                          (options.program.exists(), f"the program ({options.program}; cargo build --release)")):
        if not path:
            print(f"skipped: {missing} is not there")
            sys.exit(1 if options.require else 0)
    with tempfile.TemporaryDirectory(prefix="noteward-omop-") as scratch:
        server = Server(server_bin, scratch)
        try:
            prove(server, Program(options.program.resolve(), scratch), options, pathlib.Path(scratch))
        finally:
            server.stop()
    print(f"{checks} checks hold")


def prove(server, program, options, scratch):
    print("annotating, making the tables")
    notes = options.notes.resolve()
    run = scratch / "run"
    program.run("annotate", notes, "--out", run, "--format", "csv", "--quiet")
    mapping = mapping_of(run, scratch / "concepts.csv")
    ledger = table(run, "notes")
    patients = sorted({row["patient_id"] for row in ledger})
    encounters = sorted({(row["encounter_id"], row["patient_id"]) for row in ledger if row["encounter_id"]})
    concepts = sorted({*FIXED, *mapping.values(), *(concept + 1 for concept in mapping.values())})
    tables = tables_of(options.fields)
    for schema in ("cdm", "lacking"):
        make_schema(server, tables, schema)
        known = patients if schema == "cdm" else patients[1:]
        fill(server, schema, concepts, known, [visit for visit in encounters if visit[1] in known])
        n_keys = add_keys(server, tables, schema)
    print(f"  {len(tables)} tables with {n_keys} keys")

    print("loading twice")
    common = ["--to", "omop", "--quiet", "--ids", scratch / "ids.csv", "--concepts", scratch / "concepts.csv"]
    target = ["--postgres", server.url(), "--schema", "cdm", "--person-key", "source"]
    program.run("export", run, *common, *target, "--out", scratch / "first", password=PASSWORD)
    first, hashed = numbers(server, "cdm"), contents(server, "cdm")
    annotated = [row for row in ledger if row["status"] == "annotated"]
    check(first[:2] == [len(annotated), len(expected_terms(run))], f"{first} rows of note, note_nlp, measurement were loaded")
    program.run("export", run, *common, *target[:1], server.url(PASSWORD), *target[2:], "--out", scratch / "second")
    check(contents(server, "cdm") == hashed, "a second load changes nothing")
    report = json.loads((scratch / "second/export.json").read_text())
    check(all(count == 0 for what, count in report["rows"].items() if what != "notes_without_their_visit"), "and says so")

    print("reading back")
    source = {row["number"]: row["source_id"] for row in rows_of(scratch / "ids.csv")}
    query = ("SELECT t.note_id, t.\"offset\", t.lexical_variant, COALESCE(t.term_exists, ''), t.term_temporal, t.term_modifiers, "
             "t.note_nlp_concept_id, t.note_nlp_source_concept_id, substr(n.note_text, t.\"offset\"::int + 1, "
             "length(t.lexical_variant)), p.person_source_value, n.note_datetime, COALESCE(v.visit_source_value, '') "
             "FROM cdm.note_nlp t JOIN cdm.note n USING (note_id) JOIN cdm.person p USING (person_id) "
             "LEFT JOIN cdm.visit_occurrence v USING (visit_occurrence_id)")
    loaded = server.psql(query)
    code = {row[5]: (row[5].split("Code=ICD10CM:") + [""])[1].split(",")[0] for row in loaded}
    check(sorted((source[row[0]], *row[1:5], code[row[5]]) for row in loaded) == expected_terms(run),
          "note, offset, words, term_exists, term_temporal and code are those of the run")
    check(all(row[2] == row[8] for row in loaded), "each term stands in note_text at its offset")
    wanted = {row[5]: mapping.get(("ICD10CM", code[row[5]]), 0) for row in loaded if code[row[5]]}
    check(all(int(row[6]) == wanted.get(row[5], int(row[6])) for row in loaded), "concepts are those of the mapping, or 0")
    check(any(wanted.values()) and not all(wanted.values()), "there are both")
    of_note = {row["note_id"]: (row["patient_id"], row["note_time"].replace("T", " "), row["encounter_id"]) for row in ledger}
    check(all((row[9], row[10], row[11]) == of_note[source[row[0]]] for row in loaded), "persons, times and visits are theirs")
    compare_measurements(server, run, source)

    print("replacing, and living beside another system")
    other = scratch / "other"
    program.run("annotate", notes, "--out", other, "--format", "csv", "--quiet", "--recognizers", "lexicon")
    program.run("export", other, *common, *target, "--out", scratch / "third", password=PASSWORD)
    check(numbers(server, "cdm")[:2] == [len(annotated), len(expected_terms(other))], "another run replaces the rows of its notes")
    program.run("export", run, *common, *target, "--out", scratch / "fourth", password=PASSWORD)
    check(numbers(server, "cdm") == first, "and the first run those of the other")
    program.run("export", other, *common, *target, "--out", scratch / "trial", "--nlp-system", "trial", password=PASSWORD)
    check(numbers(server, "cdm")[1] == first[1] + len(expected_terms(other)), "a system of another name has rows of its own")

    print("refusing")
    told = program.run("export", run, *common, *target[:3], "lacking", *target[4:], "--out", scratch / "lacking", status=1,
                       password=PASSWORD)
    gone = {row["note_id"] for row in ledger if row["patient_id"] == patients[0]}
    check({row["note_id"] for row in rows_of(scratch / "lacking/lost_notes.csv")} == gone, "notes of an unknown person are named")
    check(numbers(server, "lacking")[0] == len(annotated) - len(gone), "and the others are loaded")
    server.psql("UPDATE lacking.note SET note_text = note_text || '.' WHERE note_id = (SELECT max(note_id) FROM lacking.note)")
    program.run("export", run, *common, *target[:3], "lacking", *target[4:], "--out", scratch / "text", status=1, password=PASSWORD)
    lost = {row["reason"] for row in rows_of(scratch / "text/lost_notes.csv")}
    check("other_text_in_database" in lost, "a note with another text is not loaded")
    program.run("export", run, *common, *target[:3], "lacking", *target[4:], "--out", scratch / "replaced", "--replace-notes",
                status=1, password=PASSWORD)
    replaced = json.loads((scratch / "replaced/export.json").read_text())["rows"]["note_replaced"]
    check(replaced == 1, "unless notes are to be replaced")
    server.psql("ALTER TABLE lacking.note_nlp DROP COLUMN term_exists")
    told = program.run("export", run, *common, *target[:3], "lacking", "--out", scratch / "column", status=2, password=PASSWORD)
    check("table lacking.note_nlp has no column term_exists" in told, "a missing column is named")
    server.psql("DROP TABLE lacking.note_nlp")
    told = program.run("export", run, *common, *target[:3], "lacking", "--out", scratch / "table", status=2, password=PASSWORD)
    check("holds no table lacking.note_nlp" in told, "a missing table is named")
    told = program.run("export", run, *common, *target, "--out", scratch / "wrong", status=2, password="wrong")
    check("password authentication failed" in told, "a wrong password is told")

    print("reading notes out of the database")
    query = ("SELECT note_id, person_id, visit_occurrence_id, note_datetime, note_title, note_text FROM cdm.note WHERE note_id > 0 "
             "ORDER BY note_id")
    again = scratch / "again"
    program.run("annotate", f"{server.url(PASSWORD)}?query={query}", "--out", again, "--format", "csv", "--quiet")
    columns = ["start", "end", "text", "type", "presence", "temporality", "experiencer", "section", "segment_hash", "icd10cm",
               "note_time", "note_type"]

    def rows(folder, names):
        return sorted([names(row["note_id"]), *(row[column] for column in columns)] for row in table(folder, "mentions"))

    check(rows(again, lambda note: source[note]) == rows(run, lambda note: note), "its mentions are those of the file")
    described = json.loads((again / "run.json").read_text())
    shown = f"{server.url()}?query={query}"
    check([described["inputs"][0]["path"], described["config"]["input"]] == [shown, [shown]], "run.json shows no password")
    program.run("annotate", f"{server.url()}?query={query}", "--out", again, "--format", "csv", "--quiet", "--resume",
                password=PASSWORD)
    mention = table(again, "mentions")[0]["mention_id"]
    told = program.run("why", again, mention, status=2)
    check("--notes" in told and "--keep-text" in told, "why says how it gets the text")
    program.run("why", again, mention, "--notes", f"{server.url(PASSWORD)}?query={query}")
    told = program.run("annotate", f"{server.url()}?query=SELECT note_id, note_text FROM cdm.note", "--out", scratch / "no", status=2,
                       password=PASSWORD)
    check("ORDER BY" in told, "a query without an order is refused")
    told = program.run("annotate", f"{server.url()}?query=SELECT note_id FROM cdm.note ORDER BY 1", "--out", scratch / "no", status=2,
                       password=PASSWORD)
    check("no column holds the text" in told, "a query without a text is refused")
    bad = scratch / "bad"
    program.run("annotate", f"{server.url()}?query=SELECT note_id, note_text, note_text::date FROM cdm.note ORDER BY 1", "--out", bad,
                status=1, password=PASSWORD)
    told = (bad / "rejects.jsonl").read_text()
    words = server.psql("SELECT note_text FROM cdm.note ORDER BY note_id LIMIT 1")[0][0].split()[0]
    check("SQLSTATE 22" in told and words not in told, "an error of the server is told without the value that it quotes")
    writing = "WITH gone AS (DELETE FROM cdm.note_nlp RETURNING note_id) SELECT note_id, 'x' AS text FROM gone ORDER BY 1"
    program.run("annotate", f"{server.url()}?query={writing}", "--out", scratch / "write", "--quiet", status=1, password=PASSWORD)
    check(numbers(server, "cdm")[1] > first[1], "a query that writes does not")

    print("loading what was read from the database")
    kept = scratch / "kept"
    program.run("annotate", f"{server.url()}?query={query}", "--out", kept, "--format", "csv", "--quiet", "--keep-text",
                password=PASSWORD)
    before = numbers(server, "cdm")
    program.run("export", kept, "--to", "omop", "--quiet", "--concepts", scratch / "concepts.csv", "--tables", "note_nlp,measurement",
                "--postgres", server.url(), "--schema", "cdm", "--out", scratch / "fifth", password=PASSWORD)
    check(numbers(server, "cdm") == before, "its rows stand in the place of those of the file")
    for path in scratch.rglob("*"):
        if path.suffix in (".json", ".csv", ".jsonl") and "server" not in path.parts:
            check_silent(path)


def compare_measurements(server, run, source):
    """Values of MEASUREMENT are rows of the run, and their event is the term that they stand in."""
    query = ("SELECT t.note_id, t.\"offset\", m.value_as_number, m.unit_source_value, m.value_source_value FROM cdm.measurement m "
             "JOIN cdm.note_nlp t ON m.measurement_event_id = t.note_nlp_id")
    loaded = server.psql(query)
    of_run = {(row["note_id"], row["start"], row["value_text"][:50]): (row["value"], row["unit"])
              for row in table(run, "measurements")}
    if not of_run:
        print("  (the run has no measurements)")
        return
    check(len(loaded) == numbers(server, "cdm")[2], "every measurement has its term")

    def agrees(row):
        value, unit = of_run[(source[row[0]], row[1], row[4])]
        return unit == row[3] and (float(value) == float(row[2]) if value else not row[2])

    check(all(agrees(row) for row in loaded), f"{len(loaded)} measurements have value and unit of the run")


def check_silent(path):
    if PASSWORD.encode() in path.read_bytes():
        sys.exit(f"FAILED: {path.name} holds the password")


if __name__ == "__main__":
    main()
