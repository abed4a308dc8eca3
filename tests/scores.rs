//! Scores as files: what they promise of intervals, and that `docs/scores.md` agrees with them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "support/program.rs"]
#[allow(dead_code, reason = "each test file uses a part of it")]
mod program;

use noteward::{
    Assume, Input, InputKind, InputValue, Outcome, Score, ScoreList, Sources, Window, check_score, load_scores,
};
use program::Workplace;
use proptest::prelude::*;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn scores() -> Vec<Score> {
    load_scores(None).unwrap()
}

fn score(id: &str) -> Score {
    scores().into_iter().find(|score| score.id == id).unwrap_or_else(|| panic!("{id}"))
}

/// What an input may be, from two numbers between 0 and 1 that place it and one that says how much of it is known.
fn known(input: &Input, place: f64) -> InputValue {
    let step = |n: usize| ((place * n as f64) as usize).min(n - 1);
    match input.kind {
        InputKind::YesNo => InputValue::Known(place < 0.5),
        InputKind::Choice => InputValue::Level(step(input.levels.len())),
        InputKind::Number => {
            let [low, high] = input.bounds.unwrap();
            // Whole where the formula says that the input is.
            let value = low + place * (high - low);
            let value = if input.scan { value.round() } else { value };
            InputValue::Number { low: value, high: value }
        }
    }
}

/// The same with less known: nothing, or a part.
fn less_known(input: &Input, state: InputValue, how: u8, spread: f64) -> InputValue {
    match (how % 4, state) {
        (0, _) => state,
        (1, InputValue::Known(_)) => InputValue::Possible,
        (1 | 2, InputValue::Number { low, high }) => {
            let [least, most] = input.bounds.unwrap();
            let (low, high) = (low - spread * (low - least), high + spread * (most - high));
            if input.scan {
                InputValue::Number { low: low.floor(), high: high.ceil() }
            } else {
                InputValue::Number { low, high }
            }
        }
        // What has a value of its own where nothing is stated is not an open input.
        _ if input.otherwise.is_some() => InputValue::Possible,
        _ => InputValue::Unknown,
    }
}

fn holds(wide: &Outcome, narrow: &Outcome) -> bool {
    let slack = 1e-9 * wide.max.abs().max(1.0);
    wide.min <= narrow.min + slack && narrow.max <= wide.max + slack
}

/// Where an input stands, and how much of it is known: at first, and after that.
type Place = (f64, u8, u8, f64);

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn intervals_keep_their_promises(
        places in prop::collection::vec((0.0f64..1.0, any::<u8>(), any::<u8>(), 0.0f64..1.0), 120),
    ) {
        for score in scores() {
            let inputs = score.inputs();
            let of = |make: &dyn Fn(&Input, &Place) -> InputValue| -> Vec<InputValue> {
                inputs.iter().zip(&places).map(|(input, place)| make(input, place)).collect()
            };
            let all = of(&|input, place| known(input, place.0));
            let some = of(&|input, place| less_known(input, known(input, place.0), place.1, place.3));
            let few: Vec<InputValue> = inputs.iter().zip(&places).zip(&some).map(|((input, place), state)| {
                less_known(input, *state, if place.2 % 2 == 0 { 0 } else { 3 }, 0.0)
            }).collect();
            let (all, some_known, few_known) = (score.evaluate(&all), score.evaluate(&some), score.evaluate(&few));
            let id = &score.id;
            prop_assert!(all.min == all.max && all.decided, "{id}: everything is known: {all:?}");
            for outcome in [&some_known, &few_known] {
                prop_assert!(outcome.min <= outcome.max && outcome.min.is_finite() && outcome.max.is_finite(), "{id}");
                prop_assert!(outcome.band_min <= outcome.band_max, "{id}");
            }
            prop_assert!(holds(&some_known, &all), "{id}: {some_known:?} does not hold {all:?}");
            prop_assert!(holds(&few_known, &some_known), "{id}: more that is known widens: {few_known:?} {some_known:?}");
            let adds_up = some_known.points.iter().all(|(low, high)| low <= high);
            prop_assert!(adds_up && some_known.points.len() == inputs.len(), "{id}");
            if let Some(settles) = some_known.would_settle {
                prop_assert!(!some_known.decided, "{id}");
                let mut settled = some.clone();
                settled[settles] = known(&inputs[settles], places[settles].0);
                let outcome = score.evaluate(&settled);
                // Numbers of formulas are tried at some values only.
                let exact = inputs[settles].kind != InputKind::Number || !inputs[settles].cuts.is_empty();
                prop_assert!(!exact || outcome.decided, "{id}: {} does not settle it", inputs[settles].name);
            }
        }
    }

    #[test]
    fn odd_values_are_no_fault(states in prop::collection::vec(0u8..8, 0..130), number in any::<f64>()) {
        let odd = |kind: &u8| match kind {
            0 => InputValue::Known(true),
            1 => InputValue::Possible,
            2 => InputValue::Number { low: number, high: -number },
            3 => InputValue::Number { low: f64::NAN, high: number },
            4 => InputValue::Level(usize::MAX),
            5 => InputValue::Level(0),
            6 => InputValue::Number { low: f64::NEG_INFINITY, high: f64::INFINITY },
            _ => InputValue::Unknown,
        };
        let states: Vec<InputValue> = states.iter().map(odd).collect();
        for score in scores() {
            let outcome = score.evaluate(&states);
            prop_assert!(outcome.min <= outcome.max && outcome.min.is_finite() && outcome.max.is_finite(), "{}", score.id);
        }
    }
}

/// Least and greatest values as the papers state them.
#[test]
fn scores_have_the_published_range() {
    for (id, min, max) in [
        ("news2", 0.0, 20.0),
        ("mews", 0.0, 14.0),
        ("qsofa", 0.0, 3.0),
        ("sirs", 0.0, 4.0),
        ("sofa", 0.0, 24.0),
        ("kdigo_aki", 0.0, 3.0),
        ("padua", 0.0, 20.0),
        ("wells_pe", 0.0, 12.5),
        ("wells_dvt", -2.0, 9.0),
        ("perc", 0.0, 8.0),
        ("cha2ds2_vasc", 0.0, 9.0),
        ("cha2ds2_va", 0.0, 8.0),
        ("has_bled", 0.0, 9.0),
        ("curb65", 0.0, 5.0),
        ("child_pugh", 5.0, 15.0),
        ("meld", 6.0, 40.0),
        ("meld_na", 6.0, 40.0),
        ("meld_3", 6.0, 40.0),
        ("rcri", 0.0, 6.0),
        ("timi", 0.0, 7.0),
        ("centor", -1.0, 5.0),
        ("charlson", 0.0, 29.0),
        ("charlson_age", 0.0, 33.0),
        ("charlson_2011", 0.0, 24.0),
        ("lace", 0.0, 19.0),
        ("ada_risk", 0.0, 10.0),
        ("findrisc", 0.0, 26.0),
        ("fleischner_2017", 0.0, 11.0),
    ] {
        let score = score(id);
        let open: Vec<InputValue> = vec![InputValue::Possible; score.inputs().len()];
        let outcome = score.evaluate(&open);
        assert_eq!((outcome.min, outcome.max), (min, max), "{id}");
    }
}

/// Rows in the CSV files of `tests/scores`, made from the tables of the papers.
#[test]
fn rows_of_the_papers_agree() {
    let mut n_files = 0;
    for entry in fs::read_dir(root().join("tests/scores")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "csv") {
            continue;
        }
        let id = path.file_stem().unwrap().to_string_lossy().into_owned();
        let checked = check_score(&score(&id), &path, 1e-6).unwrap();
        assert!(checked.agrees() && checked.n_within == 0, "{}:\n{checked}", path.display());
        n_files += 1;
    }
    assert!(n_files >= 13, "{n_files} files");
}

#[test]
fn a_decided_score_needs_no_more() {
    let qsofa = score("qsofa");
    let number = |value| InputValue::Number { low: value, high: value };
    let two = qsofa.evaluate(&[number(30.0), number(80.0), InputValue::Unknown]);
    assert_eq!((two.min, two.max, two.decided, two.would_settle), (2.0, 3.0, true, None));
    let one = qsofa.evaluate(&[number(30.0), number(120.0), InputValue::Unknown]);
    assert_eq!((one.decided, one.would_settle, one.narrows_most), (false, Some(2), Some(2)));
    let open = qsofa.evaluate(&[number(30.0), InputValue::Unknown, InputValue::Unknown]);
    assert_eq!((open.decided, open.would_settle), (false, None));
    assert!(open.narrows_most.is_some());
}

#[test]
fn conventions_fill_what_is_not_known() {
    let wells = score("wells_dvt");
    let mut states = vec![InputValue::Unknown; wells.inputs().len()];
    states[0] = InputValue::Possible;
    wells.assume(&mut states, Assume::Absent);
    let outcome = wells.evaluate(&states);
    assert_eq!((outcome.min, outcome.max), (0.0, 1.0));
    for score in scores() {
        let mut states = vec![InputValue::Unknown; score.inputs().len()];
        score.assume(&mut states, Assume::Normal);
        let open = score.inputs().iter().zip(&states).filter(|(_, state)| **state == InputValue::Unknown);
        for (input, _) in open {
            let must_be_stated = input.demographic.is_some() || input.normal.is_none();
            assert!(must_be_stated, "{}: {} has no normal", score.id, input.name);
        }
    }
}

#[test]
fn every_score_says_what_it_is() {
    let scores = scores();
    for score in &scores {
        assert!(
            !score.not_for.is_empty() && !score.licence.is_empty() && !score.citation.text.is_empty(),
            "{}",
            score.id
        );
        for band in &score.bands {
            assert_eq!(band.advice.is_some(), band.source.is_some(), "{}: {}", score.id, band.name);
            let asks = band.advice.as_ref().is_none_or(|advice| advice.starts_with("for a clinician to consider: "));
            assert!(asks, "{}: {}", score.id, band.name);
        }
    }
    let names: BTreeSet<&str> = scores.iter().map(|score| score.id.as_str()).collect();
    assert_eq!(names.len(), scores.len());
    let files = fs::read_dir(root().join("models/scores")).unwrap();
    let files = files.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "toml"));
    assert_eq!(files.count(), scores.len(), "every file is carried");
}

fn between<'a>(text: &'a str, mark: &str) -> &'a str {
    let (begin, end) = (format!("<!-- {mark}: begin -->\n"), format!("<!-- {mark}: end -->"));
    text.split(&begin).nth(1).and_then(|rest| rest.split(&end).next()).unwrap_or_else(|| panic!("no part {mark}"))
}

/// The block of a language within a part of a page.
fn block<'a>(text: &'a str, language: &str) -> &'a str {
    text.split(&format!("```{language}\n")).nth(1).and_then(|rest| rest.split("```").next()).unwrap()
}

#[test]
fn the_example_of_the_guide_is_a_score() {
    let page = fs::read_to_string(root().join("docs/scores.md")).unwrap();
    let example = between(&page, "example");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("watch.toml"), block(example, "toml")).unwrap();
    let rows = folder.path().join("vectors.csv");
    fs::write(&rows, block(example, "csv")).unwrap();
    let scores = load_scores(Some(folder.path())).unwrap();
    let watch = scores.iter().find(|score| score.id == "stroke_unit_watch").unwrap();
    let checked = check_score(watch, &rows, 1e-6).unwrap();
    assert!(checked.agrees() && checked.n_equal == 4, "{checked}");
}

/// The keys that a part of the file may have, from what the program expects in place of an unknown one.
fn expected_keys(text: &str) -> BTreeSet<String> {
    let error = Score::parse("x.toml", text, |_| None).unwrap_err().to_string();
    let list = error.split("expected one of ").nth(1).unwrap_or_else(|| panic!("{error}"));
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_guide_names_every_key() {
    let page = fs::read_to_string(root().join("docs/scores.md")).unwrap();
    let keys = |heading: &str| -> BTreeSet<String> {
        let part = page.split(heading).nth(1).unwrap().split("\n#").next().unwrap();
        let cells = part.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
        cells.flat_map(|cell| cell.split(", ").map(|key| key.trim_matches('`').to_owned())).collect()
    };
    assert_eq!(keys("### Keys of the file"), expected_keys("oops = 1"));
    assert_eq!(keys("### Keys of an input"), expected_keys("[[input]]\noops = 1"));
}

#[test]
fn the_guide_lists_every_score() {
    let path = root().join("docs/scores.md");
    let page = fs::read_to_string(&path).unwrap();
    let written = between(&page, "scores");
    let listed: String = scores().iter().map(told).collect();
    if std::env::var_os("UPDATE").is_some() {
        let marks = ("<!-- scores: begin -->\n", "<!-- scores: end -->");
        let (before, after) = (page.split(marks.0).next().unwrap(), page.split(marks.1).nth(1).unwrap());
        fs::write(&path, format!("{before}{}{listed}{}{after}", marks.0, marks.1)).unwrap();
    } else {
        assert_eq!(written, listed, "UPDATE=1 cargo test --test scores writes docs/scores.md");
    }
}

/// More inputs than this are not listed one by one.
const MANY: usize = 50;

/// A score as the guide tells it.
fn told(score: &Score) -> String {
    let list = ScoreList::new(std::slice::from_ref(score));
    let listed = &list.scores[0];
    let citation = &score.citation;
    let year = citation.year.map_or(String::new(), |year| format!(" ({year})"));
    let doi = citation.doi.as_ref().map_or(String::new(), |doi| format!(", doi:{doi}"));
    let by_default = if score.by_default { "computed by default" } else { "computed where it is named" };
    let mut page =
        format!("\n### {} (`{}`)\n\n{}. Pack `{}`, {by_default}.\n\n", score.name, score.id, score.title, score.pack);
    page += &format!("- *Source*: {}{year}{doi}\n", citation.text.trim_end_matches('.'));
    page += &format!("- *Licence*: {}\n- *Not for*: {}\n", score.licence, score.not_for);
    if !score.exclusions.is_empty() {
        let words: Vec<&str> = score.exclusions.iter().map(|exclusion| exclusion.words.as_str()).collect();
        page += &format!("- *Excluded*: {}\n", words.join("; "));
    }
    let bands: Vec<String> = score
        .bands
        .iter()
        .map(|band| match (band.from, band.above) {
            (Some(from), _) => format!("{} (from {from})", band.label),
            (_, Some(above)) => format!("{} (above {above})", band.label),
            _ => band.label.clone(),
        })
        .collect();
    page += &format!("- *Bands*: {}\n", bands.join(", "));
    let from_notes = listed.inputs.iter().filter(|input| input.from_notes).count();
    page += &format!("- *Inputs that notes, birth date and sex can give*: {from_notes} of {}\n\n", listed.inputs.len());
    if score.inputs().len() > MANY {
        return page + &format!("{} inputs, a row each of the table of codes beside its file.\n", score.inputs().len());
    }
    page += "| input | points | sources | window | beware |\n|---|---|---|---|---|\n";
    for input in score.inputs() {
        let window = match input.window {
            Window::Ever => "ever".to_owned(),
            Window::Hours(hours) if hours % 24 == 0 && hours > 48 => format!("{} d", hours / 24),
            Window::Hours(hours) => format!("{hours} h"),
        };
        let trap = input.trap.as_deref().unwrap_or("");
        page += &format!(
            "| `{}`: {} | {} | {} | {window} | {trap} |\n",
            input.name,
            input.words,
            points(input),
            from(input)
        );
    }
    page
}

/// The points of an input, in words.
fn points(input: &Input) -> String {
    if let Some(rule) = &input.rule {
        return format!("`{rule}`");
    }
    let mut told = if !input.cuts.is_empty() {
        let cuts = input.cuts.iter().map(|cut| match (cut.upto, cut.below) {
            (Some(upto), _) => format!("≤ {upto}: {}", cut.points),
            (_, Some(below)) => format!("< {below}: {}", cut.points),
            _ => format!("else {}", cut.points),
        });
        cuts.collect::<Vec<String>>().join(", ")
    } else if !input.levels.is_empty() {
        let levels = input.levels.iter().map(|level| match level.points {
            0.0 => level.name.clone(),
            points => format!("{}: {points}", level.name),
        });
        levels.collect::<Vec<String>>().join(", ")
    } else if input.points_absent != 0.0 {
        format!("no: {}", input.points_absent)
    } else {
        input.points.map_or("with others".to_owned(), |points| points.to_string())
    };
    if !input.unless.is_empty() {
        told += &format!(", unless {}", input.unless.join(" or "));
    }
    if let Some(group) = &input.group {
        told += &format!(" (most of {group})");
    }
    told
}

/// What satisfies an input, in words.
fn from(input: &Input) -> String {
    let mut names = BTreeSet::new();
    let mut add = |sources: &Sources| {
        for (name, is_there) in [
            ("codes", !sources.icd10cm.is_empty()),
            ("concepts", !sources.concepts.is_empty()),
            ("facts", !sources.facts.is_empty()),
            ("measurements", !(sources.measurements.is_empty() && sources.measured.is_empty())),
            ("file", !sources.columns.is_empty()),
        ] {
            if is_there {
                names.insert(name);
            }
        }
    };
    add(&input.sources);
    input.levels.iter().for_each(|level| add(&level.sources));
    if input.demographic.is_some() {
        names.insert("patient");
    }
    if input.derived.is_some() {
        names.insert("derived");
    }
    match names.is_empty() {
        true => "—".to_owned(),
        false => names.into_iter().collect::<Vec<&str>>().join(", "),
    }
}

/// A change of the guide's example, the line to which the error leads, and what it says.
const WRONG: &[(&str, &str, &str, &str)] = &[
    (
        "kind = \"yes_no\"",
        "kind = \"maybe\"",
        "kind = \"maybe\"",
        "unknown variant `maybe`, expected one of `yes_no`, `number`, `choice`",
    ),
    (
        "window = \"24h\"",
        "window = \"24\"",
        "window = \"24\"",
        "expected a window such as 12h, 7d or ever, found \"24\"",
    ),
    (
        "{ below = 90, points = 3 }, { upto = 180, points = 0 }",
        "{ upto = 180, points = 0 }, { below = 90, points = 3 }",
        "name = \"systolic_bp\"",
        "input \"systolic_bp\": expected ranges whose limits rise",
    ),
    (
        "bounds = [30, 300]\n",
        "",
        "name = \"systolic_bp\"",
        "input \"systolic_bp\": expected `bounds` of plausible numbers, the lower one first",
    ),
    (
        "unless = [\"new_confusion\"]",
        "unless = [\"confusion\"]",
        "name = \"previous_stroke\"",
        "input \"previous_stroke\": `unless` names \"confusion\", which is no other yes or no",
    ),
    ("by_decade(age), 0)", "by_decade(age))", "name = \"age\"", "input \"age\": if: expected 3 arguments, found 2"),
    (
        "by_decade(age), 0)",
        "by_century(age), 0)",
        "name = \"age\"",
        "input \"age\": \"by_century\" is no function: expected ln, exp, sqrt, abs, floor, round, min, max, if, or a table \
         of this score",
    ),
    (
        "if(previous_stroke,",
        "if(age,",
        "name = \"age\"",
        "input \"age\": expected a yes or no, or a comparison, found a number",
    ),
    ("from = 3\n", "", "name = \"close\"", "expected one of `from` and `above`"),
];

#[test]
fn files_that_are_wrong_are_refused_by_line() {
    let page = fs::read_to_string(root().join("docs/scores.md")).unwrap();
    let whole = block(&page, "toml");
    for (from, to, place, problem) in WRONG {
        let text = whole.replacen(from, to, 1);
        assert_ne!(text, whole, "{from}");
        let message = Score::parse("watch.toml", &text, |_| None).unwrap_err().to_string();
        let (line, found) = message.strip_prefix("watch.toml: line ").unwrap().split_once(": ").unwrap();
        assert_eq!(found, *problem);
        // The line itself, or the header of the table that it is in.
        let line: usize = line.parse().unwrap();
        let lines: Vec<&str> = text.lines().skip(line - 1).take(2).collect();
        assert!(lines.iter().any(|line| line.contains(place)), "line {line} is not at {place}: {lines:?}");
    }
}

#[test]
fn a_folder_of_scores_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |folder: &Path| load_scores(Some(folder)).unwrap_err().to_string();
    assert!(refused(folder.path()).contains("expected score files (*.toml), found none"));
    assert!(refused(&folder.path().join("none")).contains("listing the scores in"));
    let page = fs::read_to_string(root().join("docs/scores.md")).unwrap();
    let text = block(&page, "toml");
    fs::write(folder.path().join("a.toml"), text).unwrap();
    fs::write(folder.path().join("b.toml"), text).unwrap();
    assert!(refused(folder.path()).contains("is taken by another file of the folder"));
    // A file of the id of one of the program's scores takes its place.
    fs::remove_file(folder.path().join("b.toml")).unwrap();
    fs::write(folder.path().join("a.toml"), text.replacen("stroke_unit_watch", "news2", 1)).unwrap();
    let replaced = load_scores(Some(folder.path())).unwrap();
    assert_eq!(replaced.iter().filter(|score| score.id == "news2").count(), 1);
    assert_eq!(replaced.iter().find(|score| score.id == "news2").unwrap().name, "Stroke unit watch");
}

#[test]
fn the_command_lists_and_checks() {
    let workplace = Workplace::new();
    let listed = workplace.run(&["scores", "list"]);
    assert_eq!(listed.status, 0, "{listed:?}");
    assert_eq!(listed.stdout.lines().count(), 1 + scores().len());
    assert!(listed.stdout.contains("news2"));
    let json = workplace.run(&["scores", "list", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(told[0]["id"], "news2");
    assert_eq!((told[0]["min"].as_f64(), told[0]["max"].as_f64()), (Some(0.0), Some(20.0)));

    workplace.write("good.csv", "respiratory_rate,systolic_bp,altered_mentation,expected\n22,100,no,2\n22,,no,2\n");
    let good = workplace.run(&["scores", "check", "qsofa", "good.csv"]);
    let summary = "qsofa: 2 rows: 1 equal, 1 within the interval of missing inputs, 0 differ, 0 unreadable\n";
    assert_eq!((good.status, good.stdout.as_str()), (0, summary));
    workplace.write("bad.csv", "respiratory_rate,systolic_bp,altered_mentation,expected\n22,100,no,3\n22,low,no,2\n");
    let bad = workplace.run(&["scores", "check", "qsofa", "bad.csv"]);
    let told = "line 2: expected 3, found 2\nline 3: systolic_bp: expected a number, or low..high\n\
                qsofa: 2 rows: 0 equal, 0 within the interval of missing inputs, 1 differ, 1 unreadable\n";
    assert_eq!((bad.status, bad.stdout.as_str()), (1, told));

    for (arguments, said) in [
        (&["qsofa", "none.csv"][..], "none.csv"),
        (&["nobody", "good.csv"], "\"nobody\" is no score: `noteward scores list` names them"),
        (&["news2", "good.csv"], "column 3 is no input of news2: expected respiratory_rate, oxygen_saturation"),
        (&["none.toml", "good.csv"], "reading the score none.toml"),
    ] {
        let refused = workplace.run(&[&["scores", "check"], arguments].concat());
        assert_eq!(refused.status, 2, "{refused:?}");
        assert!(refused.stderr.contains(said), "{refused:?}");
    }
}
