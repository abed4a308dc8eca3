use noteward::*;
fn main() {
    let p = Pipeline::embedded();
    let (mut tp, mut fp, mut fn_, mut tn, mut miss) = (0, 0, 0, 0, 0);
    let mut out = vec![];
    for line in std::fs::read_to_string("/work/shared/data/assertion/negex-dev.tsv").unwrap().lines().skip(1) {
        let c: Vec<&str> = line.split('\t').collect();
        let (text, concept, label) = (c[1], c[2], c[3].to_lowercase());
        let low = text.to_ascii_lowercase();
        let Some(s) = low.find(&concept.to_ascii_lowercase()) else { miss += 1; continue };
        let e = s + concept.len();
        let doc = p.segment(Note::new(c[0], text));
        let Some(i) = doc.sentences().iter().position(|x| x.span.start() <= s && e <= x.span.end()) else { miss += 1; out.push(format!("NOSENT {label} {concept} :: {text}")); if label.starts_with("neg") { fn_ += 1 } continue };
        let m = Mention { span: Span::new(text, s..e).unwrap(), kind: MentionType::Finding, source: MentionSource::Lexicon, score: None, sentence: i as u32, concept: None };
        let a = p.assert(&doc, &[m])[0];
        let g = label.starts_with("neg"); let b = a.presence == Presence::Absent;
        if g && b { tp += 1 } else if b { fp += 1 } else if g { fn_ += 1 } else { tn += 1 }
        if g != b { let r: Vec<&str> = a.evidence().map(|x| p.rule_name(x.rule)).collect(); out.push(format!("{} {concept} :: {text} :: {}", if g { "MISSED" } else { "FALSE" }, r.join(";"))); }
    }
    println!("tp {tp} fp {fp} fn {fn_} tn {tn} miss {miss} F1 {:.4}", 2. * tp as f64 / (2 * tp + fp + fn_) as f64);
    for l in out { println!("{}", l.chars().take(420).collect::<String>()); }
}
