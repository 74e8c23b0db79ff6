//! Configuration.

use std::time::Duration;

/// Options of the activity service.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Config {
    /// How many events a viewer of the live feed may be behind before its stream is ended; it then resumes.
    #[arg(long, env = "MC_FEED_BUFFER", default_value = "4096", value_parser = buffer)]
    pub feed_buffer: usize,
    /// How often a quiet stream of the live feed says that it lives.
    #[arg(long, env = "MC_FEED_KEEP_ALIVE", default_value = "15s", value_parser = duration)]
    pub feed_keep_alive: Duration,
    /// How long a stream of the live feed lasts. Its viewer then resumes with the rights that it has by that time: this bounds
    /// how long a right that was taken away still shows events.
    #[arg(long, env = "MC_FEED_MAX_AGE", default_value = "15m", value_parser = duration)]
    pub feed_max_age: Duration,
    /// How often the content of events that organizations no longer want to keep is taken out of the log.
    #[arg(long, env = "MC_EVENT_RETENTION_EVERY", default_value = "10m", value_parser = duration)]
    pub event_retention_every: Duration,
}

fn buffer(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(events @ 16..=1_048_576) => Ok(events),
        _ => Err("must be a number between 16 and 1048576".into()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration)
            if duration >= Duration::from_secs(1)
                && duration <= Duration::from_secs(24 * 60 * 60) =>
        {
            Ok(duration)
        }
        _ => Err("must be a duration between 1s and 24h, such as `15s` or `1h`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_sense_are_refused() {
        assert_eq!(duration("15s"), Ok(Duration::from_secs(15)));
        for text in ["0s", "25h", "15", "", "-1s"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
        assert_eq!(buffer("4096"), Ok(4096));
        for text in ["0", "15", "1048577", "many"] {
            assert!(buffer(text).is_err(), "{text:?}");
        }
    }
}
