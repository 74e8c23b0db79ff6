//! The windows and buckets of the dashboard. Everything is UTC.

use chrono::{DateTime, Datelike, Days, Months, NaiveTime, TimeDelta, Timelike, Utc};

/// How far back the dashboard looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    Hours24,
    Days3,
    Days7,
    Days14,
    Month1,
    Months3,
    Months6,
    Year1,
}

/// What a point of a series sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bucket {
    Hour,
    Day,
    /// From Monday.
    Week,
    Month,
}

/// A stretch of time, and the beginnings of its buckets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Not part of it.
    pub(crate) since: DateTime<Utc>,
    /// Part of it.
    pub(crate) until: DateTime<Utc>,
    /// The first begins at or before `since`, the last at or before `until`; never empty.
    pub(crate) buckets: Vec<DateTime<Utc>>,
}

impl Range {
    const ALL: [Self; 8] = [
        Self::Hours24,
        Self::Days3,
        Self::Days7,
        Self::Days14,
        Self::Month1,
        Self::Months3,
        Self::Months6,
        Self::Year1,
    ];

    /// Reads a key of the API.
    pub(crate) fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.key() == key)
    }

    /// The key of the API.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Hours24 => "24h",
            Self::Days3 => "3d",
            Self::Days7 => "7d",
            Self::Days14 => "14d",
            Self::Month1 => "1m",
            Self::Months3 => "3m",
            Self::Months6 => "6m",
            Self::Year1 => "1y",
        }
    }

    fn length(self) -> TimeDelta {
        match self {
            Self::Hours24 => TimeDelta::hours(24),
            Self::Days3 => TimeDelta::days(3),
            Self::Days7 => TimeDelta::days(7),
            Self::Days14 => TimeDelta::days(14),
            Self::Month1 => TimeDelta::days(30),
            Self::Months3 => TimeDelta::days(90),
            Self::Months6 => TimeDelta::days(180),
            Self::Year1 => TimeDelta::days(365),
        }
    }

    /// What a point sums up.
    pub(crate) fn bucket(self) -> Bucket {
        match self {
            Self::Hours24 => Bucket::Hour,
            Self::Days3 | Self::Days7 | Self::Days14 | Self::Month1 => Bucket::Day,
            Self::Months3 | Self::Months6 => Bucket::Week,
            Self::Year1 => Bucket::Month,
        }
    }

    /// The window that ends now, and the one of the same length just before.
    pub(crate) fn windows(self, now: DateTime<Utc>) -> (Window, Window) {
        let middle = now - self.length();
        (
            self.window(middle, now),
            self.window(middle - self.length(), middle),
        )
    }

    fn window(self, since: DateTime<Utc>, until: DateTime<Utc>) -> Window {
        let bucket = self.bucket();
        let first = bucket.begin(since);
        let buckets = std::iter::successors(Some(first), |begin| Some(bucket.next(*begin)))
            .take_while(|begin| *begin <= until)
            .collect();
        Window {
            since,
            until,
            buckets,
        }
    }
}

impl Bucket {
    /// The word of the API.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// When the bucket that holds a moment began.
    fn begin(self, at: DateTime<Utc>) -> DateTime<Utc> {
        let date = at.date_naive();
        let date = match self {
            Self::Hour => {
                let hour = NaiveTime::from_hms_opt(at.hour(), 0, 0).unwrap_or(NaiveTime::MIN);
                return date.and_time(hour).and_utc();
            }
            Self::Day => date,
            Self::Week => date - Days::new(date.weekday().num_days_from_monday().into()),
            Self::Month => date - Days::new(date.day0().into()),
        };
        date.and_time(NaiveTime::MIN).and_utc()
    }

    fn next(self, begin: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Hour => begin + TimeDelta::hours(1),
            Self::Day => begin + TimeDelta::days(1),
            Self::Week => begin + TimeDelta::weeks(1),
            Self::Month => begin + Months::new(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_has_twenty_five_hours_of_which_two_are_partial() {
        let (primary, comparison) = Range::Hours24.windows(at("2026-11-22T10:30:00Z"));
        assert_eq!(primary.buckets.len(), 25);
        assert_eq!(primary.buckets[0], at("2026-11-21T10:00:00Z"));
        assert_eq!(primary.buckets[24], at("2026-11-22T10:00:00Z"));
        assert_eq!(comparison.buckets.len(), 25);
        assert_eq!(
            (comparison.since, comparison.until),
            (at("2026-11-20T10:30:00Z"), primary.since)
        );
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let (quarter, _) = Range::Months3.windows(at("2026-11-22T10:30:00Z"));
        assert_eq!(quarter.buckets[0], at("2026-08-24T00:00:00Z"));
        assert_eq!(quarter.buckets.last(), Some(&at("2026-11-16T00:00:00Z")));
        let (year, _) = Range::Year1.windows(at("2026-03-31T23:59:59Z"));
        assert_eq!(year.buckets[0], at("2025-03-01T00:00:00Z"));
        assert_eq!(year.buckets[11], at("2026-02-01T00:00:00Z"));
        assert_eq!(year.buckets.last(), Some(&at("2026-03-01T00:00:00Z")));
        assert_eq!(year.buckets.len(), 13);
    }

    #[test]
    fn every_key_is_read_back() {
        let now = at("2026-02-28T00:00:00Z");
        for range in Range::ALL {
            assert_eq!(Range::parse(range.key()), Some(range));
            let (primary, comparison) = range.windows(now);
            for window in [&primary, &comparison] {
                assert!(window.buckets[0] <= window.since);
                assert!(window.buckets.last().unwrap() <= &window.until);
            }
            assert_eq!(primary.since, comparison.until);
        }
        assert_eq!(Range::parse("2d"), None);
        assert_eq!(Range::parse("7D"), None);
    }
}
