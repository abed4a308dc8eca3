//! A trie over token keys: longest phrase at a token, in time linear in the phrase.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

use crate::token::{Gap, Token, tokenize};

const NONE: u32 = u32::MAX;

/// Phrases as sequences of token keys, each with one or more values.
///
/// A hyphen that touches words on both sides is no part of a phrase: `follow-up` and `follow up` are the same, both when
/// phrases are added and when a text is matched.
#[derive(Clone, Debug)]
pub(crate) struct PhraseTrie {
    compared: Compared,
    /// First keys apart from the rest: they are looked up for many more words.
    roots: FxHashMap<u64, u32>,
    edges: FxHashMap<(u32, u64), u32>,
    nodes: Vec<Node>,
    /// A value and the next entry of the same node.
    values: Vec<(u32, u32)>,
    /// Bits of first keys: most words of a note begin no phrase, and this says so without a look-up.
    filter: Vec<u64>,
    hyphen: u64,
}

/// A place in the trie, after the words that lead to it.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Its first entry in `values`, or `NONE`.
    first: u32,
    /// Bits of the keys that lead on: most phrases end where the text goes on, and this says so without a look-up.
    onward: u64,
}

impl Node {
    const EMPTY: Node = Node { first: NONE, onward: 0 };

    /// The bit of a key that leads on.
    fn bit(key: u64) -> u64 {
        1 << (key >> 58)
    }
}

/// By what words are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compared {
    /// As they are.
    Words,
    /// Without plural endings.
    Stems,
}

impl Compared {
    /// Size of the filter over first keys: wide for a lexicon, and small for the tables of rules, so that all of them stay in
    /// the nearest cache.
    fn filter_bits(self) -> u64 {
        match self {
            Compared::Words => 1 << 13,
            Compared::Stems => 1 << 17,
        }
    }

    /// The place of a first key in the filter: its word, and the bit there. The size is a power of two, so that no division
    /// is needed.
    fn filter_place(self, key: u64) -> (usize, u64) {
        let bit = key & (self.filter_bits() - 1);
        ((bit / 64) as usize, 1 << (bit % 64))
    }

    /// Appends the keys of the phrase that a text spells, full stops left out.
    pub fn append_keys(self, phrase: &str, keys: &mut Vec<u64>) {
        let tokens = tokenize(phrase, |_| false);
        let glued =
            |index: usize| tokens.get(index).is_some_and(|token| token.before == Gap::None && token.is_wordlike());
        let joins_words = |index: usize| index > 0 && tokens[index].before == Gap::None && glued(index + 1);
        let spelled = tokens
            .iter()
            .enumerate()
            .filter(|&(index, token)| !(token.is(phrase, '.') || token.is(phrase, '-') && joins_words(index)));
        keys.extend(spelled.map(|(_, token)| self.key(token)));
    }

    /// The key by which a token is compared.
    fn key(self, token: &Token) -> u64 {
        match self {
            Compared::Words => token.key,
            Compared::Stems => token.stem,
        }
    }
}

impl PhraseTrie {
    /// An empty trie.
    pub fn new(compared: Compared) -> PhraseTrie {
        PhraseTrie {
            compared,
            roots: FxHashMap::default(),
            edges: FxHashMap::default(),
            nodes: vec![Node::EMPTY],
            values: Vec::new(),
            filter: vec![0; compared.filter_bits() as usize / 64],
            hyphen: xxh3_64(b"-"),
        }
    }

    fn key(&self, token: &Token) -> u64 {
        self.compared.key(token)
    }

    /// Adds the phrase that a text spells, full stops left out.
    pub fn insert_text(&mut self, phrase: &str, value: u32) {
        let mut keys = Vec::new();
        self.compared.append_keys(phrase, &mut keys);
        self.insert(keys, value);
    }

    /// Adds a phrase with a value; later values of the same phrase come after earlier ones. Empty phrases are ignored.
    pub fn insert(&mut self, phrase: impl IntoIterator<Item = u64>, value: u32) {
        let mut node = 0;
        for key in phrase {
            if node == 0 {
                let (word, bit) = self.compared.filter_place(key);
                self.filter[word] |= bit;
            }
            let fresh = self.nodes.len() as u32;
            node = match node {
                0 => *self.roots.entry(key).or_insert(fresh),
                _ => {
                    self.nodes[node as usize].onward |= Node::bit(key);
                    *self.edges.entry((node, key)).or_insert(fresh)
                }
            };
            if node == fresh {
                self.nodes.push(Node::EMPTY);
            }
        }
        if node == 0 {
            return;
        }
        let entry = self.values.len() as u32;
        self.values.push((value, NONE));
        let mut last = self.nodes[node as usize].first;
        if last == NONE {
            self.nodes[node as usize].first = entry;
            return;
        }
        while self.values[last as usize].1 != NONE {
            last = self.values[last as usize].1;
        }
        self.values[last as usize].1 = entry;
    }

    /// Whether a phrase may begin with a token: seldom yes where none does, never no where one does.
    pub fn may_begin(&self, token: &Token) -> bool {
        let (word, bit) = self.compared.filter_place(self.key(token));
        self.filter.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// The longest phrase at the start of `tokens` that `accept` takes: how many tokens it uses, and its value.
    ///
    /// `accept` gets the number of tokens and each value of the phrase, in the order in which they were added.
    pub fn longest(&self, tokens: &[Token], mut accept: impl FnMut(usize, u32) -> bool) -> Option<(usize, u32)> {
        let first = tokens.first()?;
        if !self.may_begin(first) {
            return None;
        }
        let mut node = *self.roots.get(&self.key(first))?;
        let mut used = 1;
        let mut best = None;
        loop {
            if let Some(value) = self.values_of(node).find(|&value| accept(used, value)) {
                best = Some((used, value));
            }
            let Some(next) = tokens.get(used) else { break };
            let mut step = 1;
            let mut key = self.key(next);
            if next.key == self.hyphen
                && next.before == Gap::None
                && let Some(word) = tokens.get(used + 1)
                && word.before == Gap::None
                && word.is_wordlike()
            {
                step = 2;
                key = self.key(word);
            }
            match self.child(node, key) {
                Some(child) => node = child,
                None => break,
            }
            used += step;
        }
        best
    }

    /// Every key that occurs in a phrase.
    pub fn keys(&self) -> impl Iterator<Item = u64> {
        self.roots.keys().copied().chain(self.edges.keys().map(|&(_, key)| key))
    }

    /// The node to which a key leads from another.
    fn child(&self, node: u32, key: u64) -> Option<u32> {
        let leads_on = self.nodes.get(node as usize)?.onward & Node::bit(key) != 0;
        if leads_on { self.edges.get(&(node, key)).copied() } else { None }
    }

    fn values_of(&self, node: u32) -> impl Iterator<Item = u32> {
        let mut entry = self.nodes.get(node as usize).map_or(NONE, |node| node.first);
        std::iter::from_fn(move || {
            let &(value, next) = self.values.get(entry as usize)?;
            entry = next;
            Some(value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(phrases: &[&str]) -> PhraseTrie {
        let mut trie = PhraseTrie::new(Compared::Stems);
        for (value, phrase) in phrases.iter().enumerate() {
            trie.insert_text(phrase, value as u32);
        }
        trie
    }

    #[test]
    fn finds_the_longest_phrase() {
        let trie = trie(&["chest", "chest pain", "chest pain on exertion", "follow-up", "(-)"]);
        let check = |text: &str| trie.longest(&tokenize(text, |_| false), |_, _| true);
        assert_eq!(check("chest pain on effort"), Some((2, 1)));
        assert_eq!(check("Chest-Pain"), Some((3, 1)));
        assert_eq!(check("chest - pain"), Some((1, 0)));
        assert_eq!(check("follow up"), Some((2, 3)));
        assert_eq!(check("(-) x"), Some((3, 4)));
        assert_eq!(check("pain"), None);
        assert_eq!(check(""), None);
    }

    #[test]
    fn a_refused_value_leaves_the_next_or_a_shorter_one() {
        let trie = trie(&["us", "us", "us army"]);
        let tokens = tokenize("us army", |_| false);
        assert_eq!(trie.longest(&tokens, |_, value| value == 1), Some((1, 1)));
    }
}
