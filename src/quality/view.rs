//! A report as the checks see it: sentences with their part and phrases, findings with family, side and site.

use std::ops::Range;

use super::phrases::{Hit, Pattern, all_places, first_place};
use super::tables::{Kind, Tables};
use super::{Finding, Place, Report};
use crate::assertion::{Experiencer, Presence, Temporality};
use crate::document::{Document, SectionKind};
use crate::token::TokenKind;
use crate::{Span, token};

/// The part of a report that a section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Findings,
    Impression,
    /// History, technique, comparison, and what stands before the first heading.
    Background,
}

/// The sides that words name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sides {
    pub right: bool,
    pub left: bool,
}

impl Sides {
    pub fn is_known(self) -> bool {
        self.right || self.left
    }

    pub fn is_both(self) -> bool {
        self.right && self.left
    }

    pub fn meets(self, other: Sides) -> bool {
        self.right && other.right || self.left && other.left
    }

    pub fn with(self, other: Sides) -> Sides {
        Sides { right: self.right || other.right, left: self.left || other.left }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match (self.right, self.left) {
            (true, true) => "both sides",
            (true, false) => "right",
            (false, true) => "left",
            (false, false) => "no side",
        }
    }
}

/// A sentence of the report.
pub(super) struct SentenceView {
    pub role: Role,
    pub tokens: Range<usize>,
    pub hits: Vec<Hit>,
}

/// A finding in its sentence.
pub(super) struct Placed<'a> {
    pub finding: &'a Finding<'a>,
    pub sentence: usize,
    pub role: Role,
    /// Its family.
    pub group: Option<usize>,
    /// Its own tokens.
    pub tokens: Range<usize>,
    /// What its surroundings say of side and site.
    pub sides: Sides,
    sites: u64,
}

impl Placed<'_> {
    /// Whether it is said to be there, or may be, in the patient.
    pub fn is_stated(&self) -> bool {
        self.finding.presence != Presence::Absent && self.is_of_patient()
    }

    /// Whether it is said to be there and in this episode.
    pub fn is_present(&self) -> bool {
        self.finding.presence == Presence::Present
            && self.finding.temporality == Temporality::Current
            && self.is_of_patient()
    }

    fn is_of_patient(&self) -> bool {
        self.finding.experiencer == Experiencer::Patient && self.finding.temporality != Temporality::Hypothetical
    }

    /// Whether both may be at the same place: they share one, or one of them names none.
    pub fn may_be_at(&self, other: &Placed<'_>) -> bool {
        self.sites == 0 || other.sites == 0 || self.sites & other.sites != 0
    }

    pub fn place(&self) -> Place {
        Place { span: self.finding.span, mention_id: Some(self.finding.mention_id.to_owned()) }
    }
}

/// A report as the checks see it.
pub(super) struct ReportView<'a> {
    pub document: &'a Document,
    pub tables: &'a Tables,
    pub sentences: Vec<SentenceView>,
    pub findings: Vec<Placed<'a>>,
    /// Whether it has sections of findings and of an impression by these very kinds.
    has_report_sections: bool,
}

/// The kinds of sections that an imaging report has, whatever else counts as findings or impression in it.
const REPORT_SECTIONS: [&str; 2] = ["findings", "impression"];

impl<'a> ReportView<'a> {
    pub fn of(
        report: &Report<'a>,
        tables: &'a Tables,
        section_name: impl Fn(SectionKind) -> &'a str,
    ) -> ReportView<'a> {
        let document = report.document;
        let sentences: Vec<SentenceView> = document
            .sentences()
            .iter()
            .map(|sentence| {
                let section = document.section_of(sentence);
                let role = section.map_or(Role::Background, |section| tables.role(section_name(section.kind)));
                let tokens = sentence.tokens();
                let hits = tables.phrases.hits(document.tokens_of(sentence), tokens.start);
                SentenceView { role, tokens, hits }
            })
            .collect();
        let has = |name: &&str| document.sections().iter().any(|section| section_name(section.kind) == *name);
        let has_report_sections = REPORT_SECTIONS.iter().all(has);
        let mut view = ReportView { document, tables, sentences, findings: Vec::new(), has_report_sections };
        view.findings = view.placed(report.findings);
        view
    }

    /// Whether the note is an imaging report: its type names imaging, or it has findings and an impression and names imaging.
    pub fn is_imaging_report(&self) -> bool {
        let named = |kind: Kind, hits: &[Hit]| first_place(self.tables.of(kind), hits).is_some();
        let note_type = self.document.note().meta.note_type.as_deref().unwrap_or_default();
        let type_hits = self.tables.phrases.hits(&token::tokenize(note_type, |_| false), 0);
        if named(Kind::Imaging, &type_hits) {
            return true;
        }
        let has = |role: Role| self.sentences.iter().any(|sentence| sentence.role == role);
        !named(Kind::NoImaging, &type_hits)
            && has(Role::Findings)
            && has(Role::Impression)
            && self.has_report_sections
            && self.sentences.iter().any(|sentence| named(Kind::Imaging, &sentence.hits))
    }

    /// Sentences of a part, with their places.
    pub fn sentences_of(&self, role: Role) -> impl Iterator<Item = (usize, &SentenceView)> {
        self.sentences.iter().enumerate().filter(move |(_, sentence)| sentence.role == role)
    }

    /// Findings of a part.
    pub fn findings_of(&self, role: Role) -> impl Iterator<Item = &Placed<'a>> {
        self.findings.iter().filter(move |placed| placed.role == role)
    }

    /// Whether a phrase of a kind stands in a sentence.
    pub fn says(&self, sentence: &SentenceView, kind: Kind) -> bool {
        first_place(self.tables.of(kind), &sentence.hits).is_some()
    }

    /// The places of the phrases of a kind in a sentence.
    pub fn places_of(&self, sentence: &SentenceView, kind: Kind) -> Vec<Range<usize>> {
        all_places(self.tables.of(kind), &sentence.hits)
    }

    /// Whether a denial stands within so many tokens before a place.
    pub fn is_denied(&self, sentence: &SentenceView, place: &Range<usize>, n_tokens: usize) -> bool {
        let near = place.start.saturating_sub(n_tokens)..place.start;
        self.places_of(sentence, Kind::Denied).iter().any(|denial| near.contains(&denial.start))
    }

    /// Whether some of the tokens are masks of a de-identified text.
    pub fn has_mask(&self, tokens: Range<usize>) -> bool {
        let tokens = self.document.tokens().get(tokens).unwrap_or(&[]);
        tokens.iter().any(|token| token.kind == TokenKind::Mask)
    }

    /// The place of a run of tokens.
    pub fn place(&self, tokens: &Range<usize>) -> Option<Place> {
        let tokens = self.document.tokens().get(tokens.clone())?;
        let (first, last) = (tokens.first()?, tokens.last()?);
        Some(Place { span: first.span.cover(last.span), mention_id: None })
    }

    /// The sides that a run of tokens of a sentence names.
    pub fn sides(&self, sentence: &SentenceView, tokens: &Range<usize>) -> Sides {
        let none = self.places_of(sentence, Kind::NoSide);
        let names = |kind: Kind| {
            self.places_of(sentence, kind).iter().any(|place| {
                let inside = tokens.start <= place.start && place.end <= tokens.end;
                inside && !none.iter().any(|other| other.start <= place.start && place.end <= other.end)
            })
        };
        let both = names(Kind::Both);
        Sides { right: both || names(Kind::Right), left: both || names(Kind::Left) }
    }

    /// The findings with what stands around them.
    fn placed(&self, findings: &'a [Finding<'a>]) -> Vec<Placed<'a>> {
        let mut placed = Vec::with_capacity(findings.len());
        let index_of = |span: Span| self.document.sentences().partition_point(|s| s.span.end() <= span.start());
        for group in findings.chunk_by(|left, right| index_of(left.span) == index_of(right.span)) {
            let index = group.first().map_or(0, |finding| index_of(finding.span));
            let Some(sentence) = self.sentences.get(index) else { continue };
            let own: Vec<Range<usize>> = group.iter().map(|finding| self.tokens_of(finding.span)).collect();
            let surroundings = self.surroundings(sentence, &own);
            for ((finding, tokens), around) in group.iter().zip(own).zip(surroundings) {
                placed.push(Placed {
                    finding,
                    sentence: index,
                    role: sentence.role,
                    group: finding.concept_id.and_then(|concept| self.tables.group_of(concept)),
                    sides: self.sides(sentence, &around),
                    sites: self.sites(sentence, &around),
                    tokens,
                });
            }
        }
        placed
    }

    fn tokens_of(&self, span: Span) -> Range<usize> {
        let tokens = self.document.tokens();
        let start = tokens.partition_point(|token| token.span.end() <= span.start());
        start..tokens.partition_point(|token| token.span.start() < span.end())
    }

    /// For each finding of a sentence the tokens that speak of it: its own and those beside it, up to the last joining word
    /// before the next finding. Where nothing joins, what a preposition begins belongs to what stands before it.
    fn surroundings(&self, sentence: &SentenceView, own: &[Range<usize>]) -> Vec<Range<usize>> {
        let joins = self.places_of(sentence, Kind::Join);
        let prepositions = self.places_of(sentence, Kind::Preposition);
        let mut around: Vec<Range<usize>> = own.to_vec();
        if let Some(first) = around.first_mut() {
            first.start = sentence.tokens.start.min(first.start);
        }
        if let Some(last) = around.last_mut() {
            last.end = sentence.tokens.end.max(last.end);
        }
        for (index, pair) in own.windows(2).enumerate() {
            let [left, right] = pair else { continue };
            let gap = left.end..right.start;
            let join = joins.iter().rfind(|join| gap.start <= join.start && join.end <= gap.end);
            let border = match join {
                Some(join) => join.start,
                None if prepositions.iter().any(|place| place.start == gap.start) => gap.end,
                None => gap.start,
            };
            if let [left, right, ..] = &mut around[index..] {
                left.end = border.max(left.end);
                right.start = border.min(right.start);
            }
        }
        around
    }

    /// The sites that a run of tokens names, as bits.
    fn sites(&self, sentence: &SentenceView, tokens: &Range<usize>) -> u64 {
        let names = |patterns: &[Pattern]| {
            all_places(patterns, &sentence.hits)
                .iter()
                .any(|place| tokens.start <= place.start && place.end <= tokens.end)
        };
        let bits = self.tables.sites.iter().enumerate().filter(|(_, patterns)| names(patterns));
        bits.fold(0, |sites, (bit, _)| sites | 1 << bit)
    }
}
