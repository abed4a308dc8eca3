use noteward::*;
use std::collections::BTreeMap;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let mode = std::env::args().nth(2).unwrap_or_default();
    let p = Pipeline::embedded();
    let (mut n, mut cross, mut out) = (0, 0, 0);
    let mut rs: BTreeMap<String,[u32;2]> = BTreeMap::new(); let mut ok = 0; let mut axes: BTreeMap<&str,[u32;3]> = BTreeMap::new();
    let mut errs: BTreeMap<String,Vec<String>> = BTreeMap::new();
    for line in std::fs::read_to_string(&path).unwrap().lines() {
        let v: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = v["text"].as_str().unwrap();
        let bytes: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
        let doc = p.segment(Note::new(v["id"].as_str().unwrap(), text));
        if mode == "sent" {
            println!("=== {}", v["id"]);
            for s in doc.sentences() { println!("[{}] {:?}", doc.section_of(s).map_or("-", |x| p.section_name(x.kind)), s.span.of(text)); }
            continue;
        }
        let mut ms: Vec<(Mention, &serde_json::Value)> = vec![];
        for e in v["entities"].as_array().unwrap() {
            n += 1;
            let (s, t) = (bytes[e["start"].as_u64().unwrap() as usize], bytes[e["end"].as_u64().unwrap() as usize]);
            match doc.sentences().iter().position(|x| x.span.start() < t && s < x.span.end()) {
                None => { out += 1; errs.entry("outside".into()).or_default().push(format!("{}: {:?}", v["id"], &text[s..t])); }
                Some(i) => {
                    let x = doc.sentences()[i];
                    if x.span.start() > s || x.span.end() < t { cross += 1; errs.entry("cross".into()).or_default().push(format!("{}: {:?} in {:?}", v["id"], &text[s..t], x.span.of(text))); }
                    else { ms.push((Mention { span: Span::new(text, s..t).unwrap(), kind: match e["type"].as_str().unwrap() { "symptom" => MentionType::Symptom, "finding" => MentionType::Finding, _ => MentionType::Diagnosis }, source: MentionSource::Lexicon, score: None, sentence: i as u32, concept: None }, e)); }
                }
            }
        }
        ms.sort_by_key(|m| m.0.span);
        let mentions: Vec<Mention> = ms.iter().map(|m| m.0).collect();
        for (a, (m, e)) in p.assert(&doc, &mentions).iter().zip(&ms) {
            let pred = [("negated", a.presence == Presence::Absent), ("possible", a.presence == Presence::Possible), ("historical", a.temporality == Temporality::Historical), ("hypothetical", a.temporality == Temporality::Hypothetical), ("other_experiencer", a.experiencer != Experiencer::Patient)];
            let mut all = true;
            let gv = |k: &str| e[k].as_bool().unwrap();
            if let Some(x) = a.presence_by { let g = match a.presence { Presence::Absent => gv("negated"), Presence::Possible => gv("possible"), _ => !gv("negated") && !gv("possible") }; rs.entry(p.rule_name(x.rule).into()).or_default()[!g as usize] += 1; }
            if let Some(x) = a.temporality_by { let g = match a.temporality { Temporality::Historical => gv("historical"), _ => gv("hypothetical") }; rs.entry(p.rule_name(x.rule).into()).or_default()[!g as usize] += 1; }
            if let Some(x) = a.experiencer_by { let g = gv("other_experiencer"); rs.entry(p.rule_name(x.rule).into()).or_default()[!g as usize] += 1; }
            for (k, b) in pred {
                let g = e[k].as_bool().unwrap();
                let c = axes.entry(k).or_default();
                if g && b { c[0] += 1 } else if b { c[1] += 1 } else if g { c[2] += 1 }
                if g != b { all = false;
                    let s = doc.sentences()[m.sentence as usize];
                    let lo = m.span.start().saturating_sub(110).max(s.span.start()); let hi = (m.span.end() + 60).min(s.span.end());
                    let (mut lo, mut hi) = (lo, hi); while !text.is_char_boundary(lo) { lo -= 1 } while !text.is_char_boundary(hi) { hi += 1 }
                    let rules: Vec<&str> = a.evidence().map(|x| p.rule_name(x.rule)).collect();
                    errs.entry(format!("{k} {}", if g { "MISSED" } else { "FALSE" })).or_default().push(format!("{} [{}] {}<<{}>>{} :: {}", v["id"].as_str().unwrap(), doc.section_of(&s).map_or("-", |x| p.section_name(x.kind)), text[lo..m.span.start()].replace('\n', "/"), m.span.of(text), text[m.span.end()..hi].replace('\n', "/"), rules.join(";")));
                }
            }
            ok += all as u32;
        }
    }
    if mode == "sent" { return }
    println!("n {n} cross {cross} outside {out} all axes {:.4}", ok as f64 / n as f64);
    for (k, [t, f, m]) in &axes { println!("{k}: F1 {:.3} tp {t} fp {f} fn {m}", 2. * *t as f64 / (2 * t + f + m) as f64); }
    if mode == "rules" { let mut v: Vec<_> = rs.into_iter().filter(|(_, [_, f])| *f > 0).collect(); v.sort_by_key(|(_, [t, f])| *t as i64 - *f as i64); for (k, [t, f]) in v.iter().take(120) { print!("{k} {t}/{f}; "); } return }
    if !mode.is_empty() { for (k, v) in errs.iter().filter(|(k, _)| k.starts_with(&mode) || mode == "all") { println!("## {k} {}", v.len()); for l in v { println!("{l}"); } } }
}
