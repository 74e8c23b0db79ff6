//! What can be set from outside.

use std::{str::FromStr, time::Duration};

use url::Url;

/// Settings of gateways and agents.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Address at which agents reach Mission Control, written into every workspace: absolute, http or https. `auto`, where the
    /// edge runs in the same process, is the address that it listens on
    #[arg(long, env = "BASE_URL", default_value = AUTO, value_parser = base_url)]
    pub base_url: String,

    /// Pauses between attempts to put an agent in place, such as `2s,5s,1m`
    #[arg(
        long,
        env = "MC_LIFECYCLE_RETRY_SCHEDULE",
        default_value = "2s,5s,15s,30s,1m,2m,5m,10m,15m,15m"
    )]
    pub lifecycle_retry_schedule: Schedule,

    /// Time after which putting an agent in place is given up, such as `1h`
    #[arg(long, env = "MC_LIFECYCLE_DEADLINE", default_value = "1h", value_parser = duration)]
    pub lifecycle_deadline: Duration,

    /// Longest time that one attempt to put an agent in place may take, such as `30s`; after a crash it takes twice as long
    /// until another process goes on
    #[arg(long, env = "MC_LIFECYCLE_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub lifecycle_timeout: Duration,

    /// How long an agent that was woken has to call before it is woken again, such as `5m`; after the third time it is offline
    #[arg(long, env = "MC_CHECKIN_DEADLINE", default_value = "5m", value_parser = duration)]
    pub checkin_deadline: Duration,

    /// Pauses between attempts to deliver a notice to an agent, such as `2s,5s,1m`; after the last one it is given up
    #[arg(
        long,
        env = "MC_NOTICE_RETRY_SCHEDULE",
        default_value = "2s,5s,15s,1m,5m,15m,1h"
    )]
    pub notice_retry_schedule: Schedule,

    /// Longest time that one attempt to deliver a notice may take, such as `15s`
    #[arg(long, env = "MC_NOTICE_TIMEOUT", default_value = "15s", value_parser = duration)]
    pub notice_timeout: Duration,

    #[command(flatten)]
    pub skills: crate::skill::config::Config,

    #[command(flatten)]
    pub souls: crate::soul::config::Config,
}

/// Pauses between attempts: durations in words, separated by commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule(pub Vec<Duration>);

/// Attempts that a schedule may ask for.
const MAX_PAUSES: usize = 50;

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pauses: Vec<Duration> = text.split(',').map(duration).collect::<Result<_, _>>()?;
        if pauses.len() > MAX_PAUSES {
            return Err(format!("at most {MAX_PAUSES} pauses"));
        }
        Ok(Self(pauses))
    }
}

/// Longest duration that makes sense in any of these settings.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3_600);

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let duration = humantime::parse_duration(text)
        .map_err(|_| format!("`{text}` is not a duration such as `30s`, `5m` or `1h`"))?;
    if duration.is_zero() || duration > LONGEST {
        return Err(format!("`{text}` is not between a nanosecond and 30 days"));
    }
    Ok(duration)
}

/// Stands for the address of the edge in this process.
pub const AUTO: &str = "auto";

fn base_url(text: &str) -> Result<String, String> {
    if text == AUTO {
        return Ok(AUTO.to_owned());
    }
    absolute_url(text)
}

/// An address without what may follow its path.
pub(crate) fn absolute_url(text: &str) -> Result<String, String> {
    let trimmed = text.trim().trim_end_matches('/');
    let url = Url::parse(trimmed).map_err(|error| format!("not a URL: {error}"))?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !plain {
        return Err(
            "must be an absolute http or https URL without credentials, query or fragment"
                .to_owned(),
        );
    }
    Ok(trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_url_is_absolute_and_loses_its_slash() {
        assert_eq!(
            base_url("https://mc.example.com/").unwrap(),
            "https://mc.example.com"
        );
        assert_eq!(
            base_url("http://127.0.0.1:8000").unwrap(),
            "http://127.0.0.1:8000"
        );
        for bad in [
            "",
            "mc.example.com",
            "ftp://x",
            "http://",
            "http://u:p@h",
            "http://h/?a=b",
            "http://h/#a",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_schedule_is_a_list_of_durations() {
        let seconds = |n| Duration::from_secs(n);
        assert_eq!(
            "2s, 5s,1m".parse(),
            Ok(Schedule(vec![seconds(2), seconds(5), seconds(60)]))
        );
        for bad in ["", "2", "2s,,5s", "soon", "0s", "-1s", "99999d"] {
            assert!(bad.parse::<Schedule>().is_err(), "{bad}");
        }
    }
}
