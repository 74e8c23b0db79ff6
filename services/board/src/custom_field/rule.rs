//! What one value must be: of its type and, where an expression is given, matched by it as a whole. Judging takes time in
//! proportion to the value, whatever the expression.

use regex::{Regex, RegexBuilder};
use serde_json::Value as Json;
use url::Url;

use super::{Kind, Refusal, moment};

/// Most memory of a compiled expression, bytes.
const MAX_COMPILED: usize = 1 << 20;

/// Deepest nesting of groups in an expression.
const MAX_NESTING: u32 = 50;

/// Most bytes of one value as JSON.
pub(crate) const MAX_VALUE: usize = 20_000;

/// Largest magnitude up to which every whole number is one of its own as JSON readers hold numbers.
const EXACT: u64 = 1 << 53;

/// The rule of one field.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    kind: Kind,
    whole: Option<Regex>,
}

impl Rule {
    pub(crate) fn new(kind: Kind, regex: Option<&str>) -> Result<Self, Refusal> {
        let refuse = |why: &str| Refusal::RegexInvalid {
            why: why.to_owned(),
        };
        let Some(pattern) = regex else {
            return Ok(Self { kind, whole: None });
        };
        if !kind.takes_regex() {
            return Err(refuse("goes only with texts, dates and addresses"));
        }
        // By itself first: what is no expression must not become one by what is put around it.
        compile(pattern).map_err(|why| refuse(&why))?;
        let whole = compile(&format!(r"\A(?:{pattern})\z")).map_err(|why| refuse(&why))?;
        Ok(Self {
            kind,
            whole: Some(whole),
        })
    }

    /// Says what is wrong with a value that is not null.
    pub(crate) fn check(&self, value: &Json) -> Result<(), String> {
        if value.to_string().len() > MAX_VALUE {
            return Err(format!("must be at most {MAX_VALUE} bytes of JSON"));
        }
        if !is_of(self.kind, value) {
            return Err(wanted(self.kind).to_owned());
        }
        match (&self.whole, value) {
            (Some(whole), Json::String(text)) if !whole.is_match(text) => {
                Err("must match the expression of the field as a whole".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(MAX_COMPILED)
        .dfa_size_limit(MAX_COMPILED)
        .nest_limit(MAX_NESTING)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "is too large".to_owned(),
            _ => "cannot be read; look-around and references back are not supported".to_owned(),
        })
}

fn is_of(kind: Kind, value: &Json) -> bool {
    match (kind, value) {
        (Kind::Text | Kind::TextLong, Json::String(_))
        | (Kind::Decimal, Json::Number(_))
        | (Kind::Boolean, Json::Bool(_))
        | (Kind::Json, Json::Object(_) | Json::Array(_)) => true,
        (Kind::Integer, Json::Number(number)) => number
            .as_i64()
            .is_some_and(|number| number.unsigned_abs() <= EXACT),
        (Kind::Date, Json::String(text)) => moment::is_date(text),
        (Kind::DateTime, Json::String(text)) => moment::is_moment(text),
        (Kind::Url, Json::String(text)) => is_web_address(text),
        _ => false,
    }
}

/// `http` or `https`, then a host. A browser's parser forgives more than this.
fn is_web_address(text: &str) -> bool {
    let scheme = |scheme: &str| {
        text.split_at_checked(scheme.len())
            .is_some_and(|(head, rest)| {
                head.eq_ignore_ascii_case(scheme) && !rest.starts_with(['/', '\\'])
            })
    };
    let clean = |character: char| !character.is_whitespace() && !character.is_control();
    (scheme("http://") || scheme("https://"))
        && text.chars().all(clean)
        && Url::parse(text).is_ok_and(|url| url.host_str().is_some_and(|host| !host.is_empty()))
}

const fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::TextLong => "must be a text",
        Kind::Integer => "must be a whole number of at most 2^53 either way",
        Kind::Decimal => "must be a number",
        Kind::Boolean => "must be true or false",
        Kind::Date => "must be an ISO 8601 date",
        Kind::DateTime => "must be an ISO 8601 date and time",
        Kind::Url => "must be an http or https address with a host",
        Kind::Json => "must be an object or a list",
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    fn fits(kind: Kind, regex: Option<&str>, value: &Json) -> bool {
        Rule::new(kind, regex).unwrap().check(value).is_ok()
    }

    #[test]
    fn each_type_takes_its_own() {
        let (text, whole, decimal) = (json!("x"), json!(7), json!(1.5));
        let values = [
            text,
            whole,
            decimal,
            json!(true),
            json!("2026-01-31"),
            json!("2026-01-31T14:30Z"),
            json!("https://example.com/x"),
            json!({}),
            json!([1]),
        ];
        let table: [(Kind, &str); 9] = [
            (Kind::Text, "+   +++  "),
            (Kind::TextLong, "+   +++  "),
            (Kind::Integer, " +       "),
            (Kind::Decimal, " ++      "),
            (Kind::Boolean, "   +     "),
            (Kind::Date, "    +    "),
            (Kind::DateTime, "    ++   "),
            (Kind::Url, "      +  "),
            (Kind::Json, "       ++"),
        ];
        for (kind, row) in table {
            for (value, mark) in values.iter().zip(row.chars()) {
                assert_eq!(fits(kind, None, value), mark == '+', "{kind:?} {value}");
            }
        }
    }

    #[test]
    fn a_whole_number_is_one_that_readers_can_hold() {
        assert!(fits(Kind::Integer, None, &json!(9_007_199_254_740_992_i64)));
        assert!(!fits(
            Kind::Integer,
            None,
            &json!(9_007_199_254_740_993_i64)
        ));
        assert!(!fits(Kind::Integer, None, &json!(1.5)));
    }

    #[test]
    fn an_address_has_a_scheme_and_a_host() {
        for good in [
            "http://a",
            "HTTPS://example.com:8080/x?y#z",
            "https://[::1]/",
            "http://1.2.3.4",
        ] {
            assert!(fits(Kind::Url, None, &json!(good)), "{good}");
        }
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "http:example.com",
            "http:///x",
            "https://",
            "http://a b",
            "javascript:alert(1)",
            "http://\\x",
            "http://exa mple.com",
            "http://a:99999",
        ] {
            assert!(!fits(Kind::Url, None, &json!(bad)), "{bad}");
        }
    }

    #[test]
    fn an_expression_matches_the_whole_value() {
        let regex = Some("a|ab");
        assert!(fits(Kind::Text, regex, &json!("ab")));
        assert!(!fits(Kind::Text, regex, &json!("abc")));
        assert!(!fits(Kind::Text, regex, &json!("ab\n")));
        assert!(!fits(Kind::Text, Some("^a$"), &json!("b\na\nb")));
        assert!(fits(Kind::Date, Some("2026.*"), &json!("2026-01-31")));
        assert!(!fits(Kind::Date, Some("2027.*"), &json!("2026-01-31")));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for bad in [
            "(",
            "a)|(b",
            "(?=x)",
            r"(a)\1",
            r"\w{1000}{1000}",
            &"(".repeat(200),
            "(?x) a # b",
        ] {
            let refusal = Rule::new(Kind::Text, Some(bad)).unwrap_err();
            assert_eq!(refusal.reason(), "REGEX_INVALID", "{bad}");
        }
        for kind in [Kind::Integer, Kind::Decimal, Kind::Boolean, Kind::Json] {
            assert!(Rule::new(kind, Some("a")).is_err());
        }
    }

    #[test]
    fn an_expression_that_is_slow_elsewhere_is_fast_here() {
        let rule = Rule::new(Kind::Text, Some("(a+)+b")).unwrap();
        let began = Instant::now();
        assert!(rule.check(&json!("a".repeat(15_000))).is_err());
        assert!(began.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_value_has_an_end() {
        assert!(!fits(Kind::TextLong, None, &json!("x".repeat(MAX_VALUE))));
        assert!(fits(
            Kind::TextLong,
            None,
            &json!("x".repeat(MAX_VALUE - 2))
        ));
    }
}
