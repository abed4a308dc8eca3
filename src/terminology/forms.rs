//! Terms of a terminology as surface forms: what is rewritten, and what is dropped because notes mean something else by it.

use rustc_hash::FxHashMap;

use crate::lexicon::forms::is_exact;
use crate::lexicon::trie::Compared;
use crate::lexicon::{TableSource, table};
use crate::{Error, Result};

/// Forms that no terminology may bring in.
#[derive(Clone, Debug, Default)]
pub(super) struct DroppedForms {
    rows: FxHashMap<Vec<u64>, Dropped>,
    longest: usize,
}

#[derive(Clone, Debug)]
struct Dropped {
    /// Whether the form is dropped in capitals too.
    always: bool,
    reason: String,
}

impl DroppedForms {
    /// Reads the table of `form`, `drop`, `reason` and `source`.
    pub fn parse(source: &TableSource) -> Result<DroppedForms> {
        let mut forms = DroppedForms::default();
        for row in table::rows(&source.name, &source.text, ["form", "drop", "reason", "source"])? {
            let [form, drop, reason, _] = row.cells;
            let problem = |problem: String| Err(Error::table(&source.name, row.line, problem));
            let always = match drop {
                "always" => true,
                "unless-capitals" => false,
                other => return problem(format!("drop: expected always or unless-capitals, found {other:?}")),
            };
            let mut words = Vec::new();
            Compared::Stems.append_keys(form, &mut words);
            if words.is_empty() || reason.is_empty() {
                return problem("expected a form that holds a word, and a reason".into());
            }
            // A form and its plural are one.
            forms.rows.insert(words, Dropped { always, reason: reason.to_owned() });
            forms.longest = forms.longest.max(form.len() + 4);
        }
        Ok(forms)
    }

    /// Why a form is dropped.
    pub fn reason(&self, form: &str) -> Option<&str> {
        if form.len() > self.longest {
            return None;
        }
        let mut words = Vec::new();
        Compared::Stems.append_keys(form, &mut words);
        let dropped = self.rows.get(&words)?;
        (dropped.always || !is_exact(form)).then_some(dropped.reason.as_str())
    }
}

/// Words at the ends of titles that notes leave out.
#[derive(Clone, Debug, Default)]
pub(super) struct Rewrites {
    rows: Vec<Rewrite>,
}

#[derive(Clone, Debug)]
struct Rewrite {
    terminology: String,
    at_start: bool,
    words: String,
}

impl Rewrites {
    /// Reads the table of `terminology`, `place`, `words` and `source`.
    pub fn parse(source: &TableSource) -> Result<Rewrites> {
        let mut rows = Vec::new();
        for row in table::rows(&source.name, &source.text, ["terminology", "place", "words", "source"])? {
            let [terminology, place, words, _] = row.cells;
            let at_start = match place {
                "start" => true,
                "end" => false,
                other => {
                    let problem = format!("place: expected start or end, found {other:?}");
                    return Err(Error::table(&source.name, row.line, problem));
                }
            };
            rows.push(Rewrite { terminology: terminology.into(), at_start, words: words.to_lowercase() });
        }
        // The longest first, so that no row hides another.
        rows.sort_by_key(|row: &Rewrite| std::cmp::Reverse(row.words.len()));
        Ok(Rewrites { rows })
    }

    /// A title without the words of the table; `None` where it holds none, or nothing else.
    pub fn rewrite(&self, terminology: &str, title: &str) -> Option<String> {
        let mut rest = title;
        while let Some(shorter) = self.once(terminology, rest) {
            rest = shorter;
        }
        (rest.len() < title.len() && rest.chars().any(char::is_alphabetic)).then(|| rest.to_owned())
    }

    fn once<'a>(&self, terminology: &str, title: &'a str) -> Option<&'a str> {
        let own = self.rows.iter().filter(|row| row.terminology == terminology);
        own.filter(|row| title.len() > row.words.len()).find_map(|row| {
            let cut = if row.at_start { row.words.len() } else { title.len() - row.words.len() };
            let (before, after) = title.split_at_checked(cut)?;
            let (words, rest) = if row.at_start { (before, after) } else { (after, before) };
            let touches = |c: char| !c.is_alphanumeric();
            let bounded = if row.at_start { rest.starts_with(touches) } else { rest.ends_with(touches) };
            (bounded && words.eq_ignore_ascii_case(&row.words)).then(|| rest.trim_matches([' ', ',', ';', '-', '(']))
        })
    }
}

/// A term as it is to be matched: blanks made single; in small letters where it is in capitals without being an abbreviation,
/// since a form in capitals matches only in capitals.
pub(super) fn clean(term: &str) -> String {
    let mut cleaned = String::with_capacity(term.len());
    for word in term.split_whitespace() {
        if !cleaned.is_empty() {
            cleaned.push(' ');
        }
        cleaned.push_str(word);
    }
    let is_shouted = !cleaned.chars().any(char::is_lowercase)
        && cleaned.split(|c: char| !c.is_alphabetic()).any(|word| word.chars().count() > LONGEST_ABBREVIATION);
    if is_shouted { cleaned.to_lowercase() } else { cleaned }
}

/// Longer words in capitals are words, not abbreviations.
const LONGEST_ABBREVIATION: usize = 6;

/// A title without what stands in brackets, as in `Essential (primary) hypertension`; `None` where nothing does.
pub(super) fn without_brackets(title: &str) -> Option<String> {
    let mut kept = String::new();
    let mut depth = 0usize;
    for character in title.chars() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(character),
            _ => {}
        }
    }
    let kept = clean(&kept.replace(" ,", ","));
    (kept.len() < title.len() && kept.chars().any(char::is_alphabetic)).then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_forms_by_their_case() {
        let text = "form\tdrop\treason\tsource\nall\tunless-capitals\ta word\t-\nms\talways\tambiguous\t-\n".into();
        let forms = DroppedForms::parse(&TableSource { name: "d".into(), text }).unwrap();
        assert_eq!((forms.reason("All"), forms.reason("ALL")), (Some("a word"), None));
        assert_eq!((forms.reason("MS"), forms.reason("M.S.")), (Some("ambiguous"), Some("ambiguous")));
        assert_eq!(forms.reason("all of it"), None);
    }

    #[test]
    fn rewrites_titles() {
        let text = "terminology\tplace\twords\tsource\nX\tend\tunspecified\t-\nX\tend\tuncomplicated\t-\nX\tstart\tunspecified\t-\n";
        let rewrites = Rewrites::parse(&TableSource { name: "r".into(), text: text.into() }).unwrap();
        let check = |title: &str, expected: Option<&str>| assert_eq!(rewrites.rewrite("X", title).as_deref(), expected);
        check("Cholera, unspecified", Some("Cholera"));
        check("Unspecified asthma, uncomplicated", Some("asthma"));
        check("Unspecified", None);
        check("Cholera", None);
        assert_eq!(rewrites.rewrite("Y", "Cholera, unspecified"), None);
        assert_eq!(without_brackets("Essential (primary) hypertension").as_deref(), Some("Essential hypertension"));
        assert_eq!(without_brackets("(x)"), None);
    }

    #[test]
    fn capitals_that_are_no_abbreviation_become_small() {
        assert_eq!(clean("  CHEST   PAINFUL "), "chest painful");
        assert_eq!(clean("COPD"), "COPD");
        assert_eq!(clean("Fever"), "Fever");
    }
}
