//! The program run as a process in a folder of its own, and what it left there.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value};
use tempfile::TempDir;

/// A row of a table: column to value.
pub type Row = Map<String, Value>;

/// What a process said and how it ended.
#[derive(Debug)]
pub struct Finished {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A folder in which the program runs; names are relative to it.
pub struct Workplace {
    folder: TempDir,
}

impl Workplace {
    pub fn new() -> Workplace {
        Workplace { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders it stands in.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with_stdin(arguments, b"")
    }

    /// Runs the program in a folder of the workplace.
    pub fn run_in(&self, folder: &str, arguments: &[&str]) -> Finished {
        self.run_at(&self.path(folder), arguments, b"")
    }

    /// Runs the program with something on its standard input.
    pub fn run_with_stdin(&self, arguments: &[&str], stdin: &[u8]) -> Finished {
        self.run_at(self.folder.path(), arguments, stdin)
    }

    fn run_at(&self, folder: &Path, arguments: &[&str], stdin: &[u8]) -> Finished {
        let mut child = Command::new(env!("CARGO_BIN_EXE_noteward"))
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its standard input may be gone by now.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        let output = child.wait_with_output().unwrap();
        Finished {
            status: output.status.code().expect("the program ends by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs `annotate` into the folder `out` with tables in JSON Lines; where it finishes, the counts must add up. Unless the
    /// arguments choose recognisers, the lexicon alone runs, which is enough for most tests and much faster.
    pub fn annotate(&self, arguments: &[&str]) -> Finished {
        self.annotate_stdin(arguments, b"")
    }

    /// [`Workplace::annotate`] with something on standard input.
    pub fn annotate_stdin(&self, arguments: &[&str], stdin: &[u8]) -> Finished {
        let mut all = [&["annotate", "--out", "out", "--format", "jsonl"], arguments].concat();
        if !arguments.iter().any(|flag| ["--recognizers", "--model", "--config", "--print-config"].contains(flag)) {
            all.extend(["--recognizers", "lexicon"]);
        }
        let finished = self.run_with_stdin(&all, stdin);
        if finished.status != 2 {
            self.check_ledger(&finished);
        }
        finished
    }

    /// Counts, ledger, rejects and exit status must say the same.
    fn check_ledger(&self, finished: &Finished) {
        let counts = &self.run_file()["counts"];
        let count = |name: &str| counts[name].as_u64().unwrap();
        let notes = self.rows("notes.jsonl");
        let with_status = |status: &str| notes.iter().filter(|note| note["status"] == status).count() as u64;
        assert_eq!(count("read"), count("annotated") + count("empty") + count("rejected"));
        assert_eq!(count("read"), notes.len() as u64);
        for status in ["annotated", "empty", "rejected"] {
            assert_eq!(count(status), with_status(status), "{status}");
        }
        assert_eq!(count("rejected"), self.rows("rejects.jsonl").len() as u64);
        assert_eq!(count("mentions"), self.rows("mentions.jsonl").len() as u64);
        assert_eq!(count("facts"), self.rows("facts.jsonl").len() as u64);
        assert_eq!(count("facts"), notes.iter().filter_map(|note| note["facts"].as_u64()).sum::<u64>());
        assert_eq!(finished.status, i32::from(count("rejected") > 0), "{finished:?}");
        for reject in self.rows("rejects.jsonl") {
            let same = notes.iter().filter(|note| {
                note["status"] == "rejected"
                    && note["input"] == reject["file"]
                    && ["note_id", "record", "line", "byte_start", "byte_end", "reason"]
                        .iter()
                        .all(|column| note[*column] == reject[*column])
            });
            assert_eq!(same.count(), 1, "{reject:?}");
        }
    }

    /// The rows of a JSON Lines file of the output folder.
    pub fn rows(&self, name: &str) -> Vec<Row> {
        let text = String::from_utf8(self.read(&format!("out/{name}"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// One column of a JSON Lines table of the output folder.
    pub fn column(&self, name: &str, column: &str) -> Value {
        self.rows(name).iter().map(|row| row.get(column).cloned().unwrap_or_else(|| panic!("no {column}"))).collect()
    }

    /// `run.json`.
    pub fn run_file(&self) -> Value {
        serde_json::from_slice(&self.read("out/run.json")).unwrap()
    }
}
