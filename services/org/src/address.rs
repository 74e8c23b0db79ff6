//! E-mail addresses: the one form in which they are kept and compared.

/// Longest address, in characters.
pub(crate) const MAX: usize = 320;
/// Longest part before the `@`, and longest part after it.
const LOCAL_MAX: usize = 64;
const DOMAIN_MAX: usize = 255;
const LABEL_MAX: usize = 63;
/// What the part before the `@` may hold beside letters and digits.
const LOCAL_MARKS: &str = "!#$%&'*+-/=?^_`{|}~";

/// The address in lower case without blanks around it; `None` for what is no address. Quoted local parts and addresses of
/// bare numbers in brackets are not accepted: nobody is invited by them.
pub(crate) fn normal(text: &str) -> Option<String> {
    let address = text.trim().to_lowercase();
    let (local, domain) = address.split_once('@')?;
    let is_good = address.chars().count() <= MAX && is_local(local) && is_domain(domain);
    is_good.then_some(address)
}

/// Whether an address that was kept in any form is this normal one.
pub(crate) fn is(kept: Option<&str>, normal: &str) -> bool {
    kept.is_some_and(|kept| kept.trim().to_lowercase() == normal)
}

fn is_local(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .chars()
                .all(|c| c.is_alphanumeric() || LOCAL_MARKS.contains(c))
    };
    local.chars().count() <= LOCAL_MAX && local.split('.').all(is_atom)
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.chars().count() <= LABEL_MAX
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    domain.chars().count() <= DOMAIN_MAX && domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        for (text, expected) in [
            ("  Ann@Example.COM ", "ann@example.com"),
            ("o'neil+mc@a-b.example", "o'neil+mc@a-b.example"),
            ("Zoë@exämple.org", "zoë@exämple.org"),
            ("root@intranet", "root@intranet"),
        ] {
            assert_eq!(normal(text).as_deref(), Some(expected));
            assert!(is(Some(text), expected));
        }
        assert!(!is(None, "ann@example.com"));
        assert!(!is(Some("bob@example.com"), "ann@example.com"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@@example.com",
            "a b@example.com",
            "ann@exam ple.com",
            ".ann@example.com",
            "ann.@example.com",
            "a..b@example.com",
            "ann@.com",
            "ann@example.com.",
            "ann@-example.com",
            "ann@example-.com",
            "ann\0@example.com",
            "<ann@example.com>",
            "ann@example.com\r\nbcc: x@y.z",
            &long,
        ] {
            assert_eq!(normal(text), None, "{text:?}");
        }
    }
}
