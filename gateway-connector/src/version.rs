//! Calendar versions of gateways.

use std::{fmt, str::FromStr};

/// `YYYY.M.D`, perhaps with a leading `v` and a trailing `-REVISION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Calver {
    year: u16,
    month: u8,
    day: u8,
    revision: u16,
}

/// Text that is no calendar version.
#[derive(Debug, thiserror::Error)]
#[error("must be a calendar version such as 2026.2.9 or 2026.2.9-1")]
pub struct NotCalver;

impl FromStr for Calver {
    type Err = NotCalver;

    fn from_str(text: &str) -> Result<Self, NotCalver> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let (date, revision) = match text.split_once('-') {
            Some((date, revision)) => (date, revision.parse().map_err(|_| NotCalver)?),
            None => (text, 0),
        };
        let mut parts = date.split('.');
        let mut next = || parts.next().ok_or(NotCalver);
        let year = next()?.parse().map_err(|_| NotCalver)?;
        let month = next()?.parse().map_err(|_| NotCalver)?;
        let day = next()?.parse().map_err(|_| NotCalver)?;
        let lawful = year >= 2000 && (1..=12).contains(&month) && (1..=31).contains(&day);
        if parts.next().is_some() || !lawful {
            return Err(NotCalver);
        }
        Ok(Self {
            year,
            month,
            day,
            revision,
        })
    }
}

impl fmt::Display for Calver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.year, self.month, self.day)?;
        if self.revision > 0 {
            write!(f, "-{}", self.revision)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_date_then_revision() {
        let parse = |text: &str| text.parse::<Calver>().unwrap();
        assert_eq!(parse("2026.02.9"), parse("v2026.2.9"));
        assert!(parse("2026.2.9") < parse("2026.2.10"));
        assert!(parse("2026.2.9") < parse("2026.2.9-1"));
        assert!(parse("2026.9.6") > parse("2026.7.1"));
        for wrong in [
            "dev",
            "",
            "2026.2",
            "2026.13.1",
            "2026.2.0-beta",
            "2026.2.9.1",
        ] {
            assert!(wrong.parse::<Calver>().is_err(), "{wrong}");
        }
    }
}
