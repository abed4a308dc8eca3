//! The commands of the guide to rules, run one after another: what the guide shows is what comes out.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

use std::path::Path;
use std::process::Command;

/// A command of the guide, and what is shown below it.
struct Step {
    command: String,
    shown: String,
}

/// The commands in the blocks marked `console`, in order.
fn steps(guide: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in guide.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), shown: String::new() }),
                None => {
                    let step = steps.last_mut().expect("a block starts with a command");
                    step.shown.push_str(line);
                    step.shown.push('\n');
                }
            }
        }
    }
    steps
}

#[test]
fn the_example_of_the_guide_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(root.join("docs/rules.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("lexicons")).unwrap();
    std::fs::copy(root.join("lexicons/cues.tsv"), folder.path().join("lexicons/cues.tsv")).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_noteward")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(program.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let steps = steps(&guide);
    assert!(steps.len() >= 8 && steps.iter().any(|step| step.command.starts_with("noteward diff")));
    for step in steps {
        let output = Command::new("sh")
            .args(["-c", &step.command])
            .current_dir(folder.path())
            .env("PATH", path.as_ref().unwrap())
            .output()
            .unwrap();
        let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(stderr, "", "{}", step.command);
        assert_eq!(stdout, step.shown, "{}", step.command);
    }
}
