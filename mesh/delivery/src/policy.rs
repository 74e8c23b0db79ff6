//! When to try again, and when to stop.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::attempt::Outcome;

/// The jitter at most: a fifth of the pause on top of it.
const JITTER: f64 = 0.2;
/// What a target may ask for at most.
const LONGEST_WISH: Duration = Duration::from_secs(24 * 60 * 60);

/// How a queue is worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Pauses between attempts; one attempt more than pauses, then the delivery is dead.
    pub schedule: Vec<Duration>,
    /// Attempts at once in one worker.
    pub concurrency: usize,
    /// Attempts at once at one target, over all workers.
    pub per_target: usize,
    /// How long one attempt may take.
    pub timeout: Duration,
}

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Sent,
    Again(DateTime<Utc>),
    Dead(Option<Why>),
}

/// Why a delivery is given up although its sender would try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    ScheduleUsedUp,
    DeadlinePassed,
}

impl Why {
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::ScheduleUsedUp => "no attempt is left",
            Self::DeadlinePassed => "the deadline has passed",
        }
    }
}

/// Decides after an attempt that ended at `now`; `tries` counts it. `chance` (0 to 1) picks the jitter.
pub(crate) fn next(
    schedule: &[Duration],
    outcome: Outcome,
    tries: i32,
    now: DateTime<Utc>,
    deadline_at: Option<DateTime<Utc>>,
    chance: f64,
) -> Next {
    let wish = match outcome {
        Outcome::Done => return Next::Sent,
        Outcome::Dead => return Next::Dead(None),
        Outcome::Retry { after } => after.unwrap_or_default().min(LONGEST_WISH),
    };
    let Some(pause) = usize::try_from(tries - 1)
        .ok()
        .and_then(|index| schedule.get(index))
    else {
        return Next::Dead(Some(Why::ScheduleUsedUp));
    };
    let pause = (*pause).max(wish);
    let pause = pause + pause.mul_f64(JITTER * chance.clamp(0.0, 1.0));
    let at = TimeDelta::from_std(pause)
        .ok()
        .and_then(|pause| now.checked_add_signed(pause + TimeDelta::microseconds(1)));
    match (at, deadline_at) {
        (None, _) => Next::Dead(Some(Why::ScheduleUsedUp)),
        (Some(at), Some(deadline)) if at > deadline => Next::Dead(Some(Why::DeadlinePassed)),
        (Some(at), _) => Next::Again(at),
    }
}

/// Decides after an attempt that nobody reported on: the lease was pause enough.
pub(crate) fn after_loss(
    schedule: &[Duration],
    tries: i32,
    now: DateTime<Utc>,
    deadline_at: Option<DateTime<Utc>>,
) -> Next {
    if deadline_at.is_some_and(|deadline| deadline <= now) {
        return Next::Dead(Some(Why::DeadlinePassed));
    }
    match usize::try_from(tries) {
        Ok(tries) if tries <= schedule.len() => Next::Again(now),
        _ => Next::Dead(Some(Why::ScheduleUsedUp)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn pauses() -> impl Strategy<Value = Vec<Duration>> {
        prop::collection::vec((0_u64..1_000_000).prop_map(Duration::from_millis), 0..12)
    }

    fn wishes() -> impl Strategy<Value = Option<Duration>> {
        prop::option::of((0_u64..u64::MAX).prop_map(Duration::from_secs))
    }

    proptest! {
        #[test]
        fn it_never_comes_early_and_not_much_too_late(
            schedule in pauses(), tries in 1_i32..15, wish in wishes(), chance in 0.0..1.0_f64,
        ) {
            let next = next(&schedule, Outcome::Retry { after: wish }, tries, NOW, None, chance);
            match schedule.get(tries as usize - 1) {
                None => prop_assert_eq!(next, Next::Dead(Some(Why::ScheduleUsedUp))),
                Some(pause) => {
                    let Next::Again(at) = next else { panic!("{next:?}") };
                    let pause = (*pause).max(wish.unwrap_or_default().min(LONGEST_WISH));
                    let waited = (at - NOW).to_std().unwrap();
                    prop_assert!(waited >= pause);
                    prop_assert!(waited <= pause.mul_f64(1.0 + JITTER) + Duration::from_micros(2));
                }
            }
        }

        #[test]
        fn nothing_is_planned_beyond_the_deadline(
            schedule in pauses(), tries in 1_i32..15, chance in 0.0..1.0_f64, seconds in 0_i64..1_000,
        ) {
            let deadline = NOW + TimeDelta::seconds(seconds);
            match next(&schedule, Outcome::Retry { after: None }, tries, NOW, Some(deadline), chance) {
                Next::Again(at) => prop_assert!(at <= deadline),
                Next::Dead(why) => prop_assert!(why.is_some()),
                Next::Sent => prop_assert!(false),
            }
        }

        #[test]
        fn the_sender_has_the_last_word(schedule in pauses(), tries in 1_i32..15, chance in 0.0..1.0_f64) {
            prop_assert_eq!(next(&schedule, Outcome::Done, tries, NOW, Some(NOW), chance), Next::Sent);
            prop_assert_eq!(next(&schedule, Outcome::Dead, tries, NOW, None, chance), Next::Dead(None));
        }

        #[test]
        fn every_delivery_ends_after_one_attempt_more_than_pauses(schedule in pauses(), chance in 0.0..1.0_f64) {
            let mut tries = 1;
            while let Next::Again(_) = next(&schedule, Outcome::Retry { after: None }, tries, NOW, None, chance) {
                tries += 1;
            }
            prop_assert_eq!(tries as usize, schedule.len() + 1);
        }
    }
}
