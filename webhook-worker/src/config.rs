//! Options of the component.

use std::{fmt, str::FromStr, time::Duration};

use chrono::TimeDelta;

/// Most pauses of a schedule.
const PAUSES_MAX: usize = 20;
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Options of outbound webhooks.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Pauses before a webhook that failed is sent again, such as `200ms`, `5s` or `5m`, separated by commas. After the
    /// attempt that follows the last pause it is given up.
    #[arg(
        long,
        env = "MC_WEBHOOK_RETRY_SCHEDULE",
        default_value = "5s,5m,30m,2h,5h,10h,14h"
    )]
    pub webhook_retry_schedule: Schedule,
    /// Whether webhooks may go to loopback, private and link-local addresses.
    #[arg(long, env = "MC_WEBHOOK_ALLOW_PRIVATE_ADDRESSES", default_value_t = false, action = clap::ArgAction::Set)]
    pub webhook_allow_private_addresses: bool,
    /// How long a receiver may take to answer.
    #[arg(long, env = "MC_WEBHOOK_TIMEOUT", default_value = "15s", value_parser = timeout)]
    pub webhook_timeout: Duration,
}

/// Pauses between the attempts of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

impl Schedule {
    pub(crate) fn pauses(&self) -> Vec<Duration> {
        self.0.clone()
    }

    /// How long a delivery may take in all: the schedule with the jitter on top of its pauses, and a day in which a slow
    /// receiver may catch up.
    pub(crate) fn patience(&self) -> TimeDelta {
        let pauses: Duration = self.0.iter().sum();
        let patience = pauses.mul_f64(1.2) + Duration::from_secs(24 * 60 * 60);
        TimeDelta::from_std(patience).expect("twenty pauses of at most a week are a bounded time")
    }
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pauses: Vec<_> = text.split(',').map(pause).collect::<Result<_, _>>()?;
        if pauses.len() > PAUSES_MAX {
            return Err(format!("at most {PAUSES_MAX} pauses"));
        }
        Ok(Self(pauses))
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pause) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", humantime::format_duration(*pause))?;
        }
        Ok(())
    }
}

fn pause(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text.trim()) {
        Ok(pause) if !pause.is_zero() && pause <= PAUSE_MAX => Ok(pause),
        _ => Err(format!(
            "`{text}` is no pause: durations such as `200ms`, `5s` or `5m`, each at most 7 days, separated by commas"
        )),
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(timeout)
            if timeout >= Duration::from_millis(100) && timeout <= Duration::from_secs(60) =>
        {
            Ok(timeout)
        }
        _ => Err("must be a duration between 100ms and 60s, such as `15s`".into()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        config: Config,
    }

    #[test]
    fn the_defaults_are_sound() {
        Cli::command().debug_assert();
        let config = Cli::parse_from(["test"]).config;
        let pauses = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400].map(Duration::from_secs);
        assert_eq!(config.webhook_retry_schedule.pauses(), pauses);
        assert!(!config.webhook_allow_private_addresses);
        assert_eq!(config.webhook_timeout, Duration::from_secs(15));
    }

    #[test]
    fn a_schedule_is_durations_in_words() {
        let schedule: Schedule = "200ms, 5s,1h 30m".parse().unwrap();
        let expected = [200, 5_000, 5_400_000].map(Duration::from_millis);
        assert_eq!(schedule.pauses(), expected);
        assert_eq!(schedule.to_string(), "200ms,5s,1h 30m");
    }

    #[test]
    fn values_without_sense_are_refused() {
        let many = ["1s"; 21].join(",");
        for text in ["", "5", "0s", "-1s", "5s,", "5s;5m", "soon", "8d", &many] {
            assert!(text.parse::<Schedule>().is_err(), "{text:?}");
        }
        for text in ["", "15", "99ms", "61s"] {
            assert!(timeout(text).is_err(), "{text:?}");
        }
    }
}
