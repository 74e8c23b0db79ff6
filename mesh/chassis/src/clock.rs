//! Time as a parameter: components never read the system clock themselves.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// Tells the time, in the microseconds that PostgreSQL keeps.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Fixed(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is advanced. Clones share the time.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self(Source::Fixed(Arc::new(Mutex::new(at))))
    }

    /// The present moment, without what is finer than a microsecond.
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that reads the machine's clock"
            )]
            Source::System => Utc::now(),
            Source::Fixed(at) => *at.lock().expect("no holder of the clock panics"),
        };
        now.duration_trunc(TimeDelta::microseconds(1))
            .unwrap_or(now)
    }

    /// Moves a fixed clock; the system's clock ignores it.
    pub fn advance(&self, by: TimeDelta) {
        if let Source::Fixed(at) = &self.0 {
            *at.lock().expect("no holder of the clock panics") += by;
        }
    }
}
