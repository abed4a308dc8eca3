//! Reads expressions: precedence by descent, types checked on the way.

use super::expression::{Binary, Expression, Meaning, Type, Unary};

/// Reads an expression; `meaning` tells what a name stands for. The problem names the place where it lies.
pub(super) fn parse(text: &str, meaning: &dyn Fn(&str) -> Option<Meaning>) -> Result<(Expression, Type), String> {
    let symbols = symbols(text)?;
    let mut parser = Parser { symbols, next: 0, depth: 0, meaning };
    let parsed = parser.either()?;
    match parser.peek() {
        None => Ok(parsed),
        Some(symbol) => Err(format!("expected an operator or the end, found {}", symbol.words())),
    }
}

/// Deepest nesting of an expression.
const MAX_DEPTH: usize = 64;

/// A symbol of an expression.
#[derive(Clone, Debug, PartialEq)]
enum Symbol {
    Number(f64),
    Name(String),
    Text(String),
    Sign(&'static str),
}

impl Symbol {
    fn words(&self) -> String {
        match self {
            Symbol::Number(number) => number.to_string(),
            Symbol::Name(name) => format!("{name:?}"),
            Symbol::Text(text) => format!("'{text}'"),
            Symbol::Sign(sign) => format!("{sign:?}"),
        }
    }
}

/// The longest first.
const SIGNS: &[&str] = &["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "^", "(", ")", ","];

fn symbols(text: &str) -> Result<Vec<Symbol>, String> {
    let mut symbols = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |accepted: fn(char) -> bool| rest.find(|c| !accepted(c)).unwrap_or(rest.len());
        let length = if first.is_ascii_digit() || first == '.' {
            let length = word(|c| c.is_ascii_digit() || c == '.');
            let number =
                rest[..length].parse().map_err(|_| format!("expected a number, found {:?}", &rest[..length]))?;
            symbols.push(Symbol::Number(number));
            length
        } else if first.is_ascii_alphabetic() || first == '_' {
            let length = word(|c| c.is_ascii_alphanumeric() || c == '_');
            symbols.push(Symbol::Name(rest[..length].to_owned()));
            length
        } else if first == '\'' {
            let length = rest[1..].find('\'').ok_or("a quote is not closed")?;
            symbols.push(Symbol::Text(rest[1..=length].to_owned()));
            length + 2
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            symbols.push(Symbol::Sign(sign));
            sign.len()
        } else {
            return Err(format!("{first:?} means nothing in an expression"));
        };
        rest = rest[length..].trim_start();
    }
    Ok(symbols)
}

type Typed = (Expression, Type);

struct Parser<'a> {
    symbols: Vec<Symbol>,
    next: usize,
    depth: usize,
    meaning: &'a dyn Fn(&str) -> Option<Meaning>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Symbol> {
        self.symbols.get(self.next)
    }

    /// Takes the next symbol where it is this sign.
    fn takes(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Symbol::Sign(next)) if *next == sign);
        self.next += usize::from(found);
        found
    }

    /// Takes the next symbol where it is this word.
    fn takes_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Symbol::Name(next)) if next == word);
        self.next += usize::from(found);
        found
    }

    fn expects(&mut self, sign: &str) -> Result<(), String> {
        if self.takes(sign) {
            return Ok(());
        }
        let found = self.peek().map_or("the end".to_owned(), Symbol::words);
        Err(format!("expected {sign:?}, found {found}"))
    }

    fn either(&mut self) -> Result<Typed, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("expected at most {MAX_DEPTH} levels of brackets"));
        }
        let mut left = self.both()?;
        while self.takes_word("or") {
            let right = self.both()?;
            left = truths(Binary::Or, left, right)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn both(&mut self) -> Result<Typed, String> {
        let mut left = self.negation()?;
        while self.takes_word("and") {
            let right = self.negation()?;
            left = truths(Binary::And, left, right)?;
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Typed, String> {
        let mut negated = false;
        while self.takes_word("not") {
            negated = !negated;
        }
        let operand = self.comparison()?;
        if negated { Ok((Expression::Unary(Unary::Not, truth(operand)?.into()), Type::Truth)) } else { Ok(operand) }
    }

    fn comparison(&mut self) -> Result<Typed, String> {
        let left = self.sum()?;
        let Some(Symbol::Sign(sign @ ("<=" | ">=" | "==" | "!=" | "<" | ">"))) = self.peek().cloned() else {
            return Ok(left);
        };
        self.next += 1;
        if let Some(Symbol::Text(level)) = self.peek().cloned() {
            self.next += 1;
            return compared_with_level(left, sign, &level);
        }
        let right = number(self.sum()?)?;
        let left = number(left)?;
        let (function, sides) = match sign {
            "<" => (Binary::Less, (left, right)),
            ">" => (Binary::Less, (right, left)),
            "<=" => (Binary::AtMost, (left, right)),
            ">=" => (Binary::AtMost, (right, left)),
            _ => (Binary::Same, (left, right)),
        };
        let compared = Expression::Binary(function, sides.into());
        Ok((if sign == "!=" { Expression::Unary(Unary::Not, compared.into()) } else { compared }, Type::Truth))
    }

    fn sum(&mut self) -> Result<Typed, String> {
        let mut left = self.product()?;
        loop {
            let function = if self.takes("+") {
                Binary::Plus
            } else if self.takes("-") {
                Binary::Minus
            } else {
                return Ok(left);
            };
            let right = self.product()?;
            left = numbers(function, left, right)?;
        }
    }

    fn product(&mut self) -> Result<Typed, String> {
        let mut left = self.signed()?;
        loop {
            let function = if self.takes("*") {
                Binary::Times
            } else if self.takes("/") {
                Binary::Over
            } else {
                return Ok(left);
            };
            let right = self.signed()?;
            left = numbers(function, left, right)?;
        }
    }

    fn signed(&mut self) -> Result<Typed, String> {
        let mut negative = false;
        while self.takes("-") {
            negative = !negative;
        }
        let operand = self.power()?;
        if negative {
            Ok((Expression::Unary(Unary::Negate, number(operand)?.into()), Type::Number))
        } else {
            Ok(operand)
        }
    }

    fn power(&mut self) -> Result<Typed, String> {
        let base = self.operand()?;
        if !self.takes("^") {
            return Ok(base);
        }
        let negative = self.takes("-");
        let exponent = number(self.operand()?)?;
        let exponent = if negative { Expression::Unary(Unary::Negate, exponent.into()) } else { exponent };
        numbers(Binary::Power, base, (exponent, Type::Number))
    }

    fn operand(&mut self) -> Result<Typed, String> {
        let symbol = self.peek().cloned();
        self.next += 1;
        match symbol {
            Some(Symbol::Number(number)) => Ok((Expression::Number(number), Type::Number)),
            Some(Symbol::Sign("(")) => {
                let inner = self.either()?;
                self.expects(")")?;
                Ok(inner)
            }
            Some(Symbol::Name(name)) if self.takes("(") => self.call(&name),
            Some(Symbol::Name(name)) => match (self.meaning)(&name) {
                Some(Meaning::Value(index, kind)) => Ok((Expression::Value(index), kind)),
                Some(Meaning::Table(_)) => Err(format!("{name:?} is a table: expected {name}(number)")),
                None => Err(format!("{name:?} is no input, step or table of this score")),
            },
            Some(other) => Err(format!("expected a number, a name or a bracket, found {}", other.words())),
            None => Err("expected a number, a name or a bracket, found the end".to_owned()),
        }
    }

    fn call(&mut self, name: &str) -> Result<Typed, String> {
        let mut arguments = vec![self.either()?];
        while self.takes(",") {
            arguments.push(self.either()?);
        }
        self.expects(")")?;
        let function = match name {
            "ln" => Unary::Ln,
            "exp" => Unary::Exp,
            "sqrt" => Unary::Sqrt,
            "abs" => Unary::Abs,
            "floor" => Unary::Floor,
            "round" => Unary::Round,
            "min" | "max" => {
                let function = if name == "min" { Binary::Min } else { Binary::Max };
                let mut arguments = arguments.into_iter();
                let first = arguments.next().ok_or("expected an argument")?;
                return arguments.try_fold(first, |left, right| numbers(function, left, right));
            }
            "if" => {
                let [condition, then, otherwise] = exactly(name, arguments)?;
                let parts = (truth(condition)?, number(then)?, number(otherwise)?);
                return Ok((Expression::If(parts.into()), Type::Number));
            }
            _ => {
                let Some(Meaning::Table(table)) = (self.meaning)(name) else {
                    return Err(format!(
                        "{name:?} is no function: expected ln, exp, sqrt, abs, floor, round, min, max, if, or a table of this score"
                    ));
                };
                let [argument] = exactly(name, arguments)?;
                return Ok((Expression::Table(table, number(argument)?.into()), Type::Number));
            }
        };
        let [argument] = exactly(name, arguments)?;
        Ok((Expression::Unary(function, number(argument)?.into()), Type::Number))
    }
}

fn exactly<const N: usize>(name: &str, arguments: Vec<Typed>) -> Result<[Typed; N], String> {
    let found = arguments.len();
    arguments.try_into().map_err(|_| format!("{name}: expected {N} arguments, found {found}"))
}

fn compared_with_level((left, kind): Typed, sign: &str, level: &str) -> Result<Typed, String> {
    let Type::Choice(levels) = kind else { return Err(format!("expected a choice before '{level}'")) };
    let Some(index) = levels.iter().position(|name| name == level) else {
        return Err(format!("'{level}' is no level: expected one of {}", levels.join(", ")));
    };
    let compared = Expression::Binary(Binary::Same, (left, Expression::Number(index as f64)).into());
    match sign {
        "==" => Ok((compared, Type::Truth)),
        "!=" => Ok((Expression::Unary(Unary::Not, compared.into()), Type::Truth)),
        _ => Err(format!("levels are compared with == and !=, found {sign}")),
    }
}

/// A number, or a yes or no, which counts 1 or 0.
fn number((expression, kind): Typed) -> Result<Expression, String> {
    match kind {
        Type::Number | Type::Truth => Ok(expression),
        Type::Choice(_) => Err(format!("expected a number, found {}", kind.words())),
    }
}

fn truth((expression, kind): Typed) -> Result<Expression, String> {
    match kind {
        Type::Truth => Ok(expression),
        other => Err(format!("expected a yes or no, or a comparison, found {}", other.words())),
    }
}

fn numbers(function: Binary, left: Typed, right: Typed) -> Result<Typed, String> {
    Ok((Expression::Binary(function, (number(left)?, number(right)?).into()), Type::Number))
}

fn truths(function: Binary, left: Typed, right: Typed) -> Result<Typed, String> {
    Ok((Expression::Binary(function, (truth(left)?, truth(right)?).into()), Type::Truth))
}

#[cfg(test)]
mod tests {
    use super::super::interval::Interval;
    use super::*;

    fn meaning(name: &str) -> Option<Meaning> {
        match name {
            "a" => Some(Meaning::Value(0, Type::Number)),
            "b" => Some(Meaning::Value(1, Type::Number)),
            "yes" => Some(Meaning::Value(2, Type::Truth)),
            "kind" => Some(Meaning::Value(3, Type::Choice(vec!["solid".into(), "soft".into()]))),
            _ => None,
        }
    }

    /// With a = 2, b between 3 and 4, yes not known, kind soft.
    fn check(text: &str, low: f64, high: f64) {
        let values = [(2.0, 2.0), (3.0, 4.0), (0.0, 1.0), (1.0, 1.0)].map(|(low, high)| Interval { low, high });
        let (expression, _) = parse(text, &meaning).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        let found = expression.evaluate(&values, &[]);
        assert!((found.low - low).abs() < 1e-12 && (found.high - high).abs() < 1e-12, "{text}: {found:?}");
    }

    #[test]
    fn operators_bind_as_they_are_written() {
        check("1 + a * 3", 7.0, 7.0);
        check("(1 + a) * 3", 9.0, 9.0);
        check("10 - 3 - a", 5.0, 5.0);
        check("-a ^ 2", -4.0, -4.0);
        check("a ^ -1", 0.5, 0.5);
        check("12 / a / 3", 2.0, 2.0);
        check("not a > 3 and b >= 3", 1.0, 1.0);
        check("a == 2 or yes", 1.0, 1.0);
        check("1.5 * yes", 0.0, 1.5);
    }

    #[test]
    fn what_is_not_known_stays_open() {
        check("b - a", 1.0, 2.0);
        check("a - b", -2.0, -1.0);
        check("b > 3.5", 0.0, 1.0);
        check("if(yes, a, b)", 2.0, 4.0);
        check("if(b > 2, 1, 0)", 1.0, 1.0);
        check("round(b / a)", 2.0, 2.0);
        check("exp(ln(b))", 3.0, 4.0);
        check("max(a, b, 3.5)", 3.5, 4.0);
        check("abs(a - b)", 1.0, 2.0);
    }

    #[test]
    fn levels_are_compared_by_name() {
        check("kind == 'soft'", 1.0, 1.0);
        check("if(kind != 'solid' and yes, 2, 1)", 1.0, 2.0);
    }

    #[test]
    fn problems_are_named() {
        for (text, problem) in [
            ("a +", "expected a number, a name or a bracket, found the end"),
            ("a b", "expected an operator or the end, found \"b\""),
            ("c", "\"c\" is no input, step or table of this score"),
            ("kind + 1", "expected a number, found a choice"),
            ("kind == 'hard'", "'hard' is no level: expected one of solid, soft"),
            ("if(a, 1, 2)", "expected a yes or no, or a comparison, found a number"),
            ("(a", "expected \")\", found the end"),
            ("1.2.3", "expected a number, found \"1.2.3\""),
            ("a % b", "'%' means nothing in an expression"),
            ("kind == 'soft", "a quote is not closed"),
        ] {
            assert_eq!(parse(text, &meaning).map(|_| ()).unwrap_err(), problem, "{text}");
        }
        let deep = format!("{}a{}", "(".repeat(100), ")".repeat(100));
        assert_eq!(parse(&deep, &meaning).map(|_| ()).unwrap_err(), "expected at most 64 levels of brackets");
    }
}
