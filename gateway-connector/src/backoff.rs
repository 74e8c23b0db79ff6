//! How long to wait before the next attempt.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// The wait after so many failures in a row: none, then half a second, doubled up to half a minute, give or take a fifth so
/// that many sessions do not come back in the same instant.
pub(crate) fn after(failures: u32) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let wait = FIRST
        .saturating_mul(2_u32.saturating_pow(failures - 1))
        .min(LONGEST);
    wait.mul_f64(rand::random_range(0.8..1.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded() {
        assert_eq!(after(0), Duration::ZERO);
        for failures in 1..200 {
            assert!(
                after(failures) >= FIRST.mul_f64(0.8) && after(failures) <= LONGEST.mul_f64(1.2)
            );
        }
        assert!(after(4) > after(1));
    }
}
