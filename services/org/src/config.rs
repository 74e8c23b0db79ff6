//! What an operator decides about identity.

use std::{ffi::OsStr, str::FromStr};

use clap::{
    Arg, Command, Error,
    builder::TypedValueParser,
    error::{ErrorKind, Result},
};
use secrecy::SecretString;

use crate::credential::LocalToken;

/// How people prove who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthMode {
    /// One shared token stands for one local person.
    #[default]
    Local,
}

impl FromStr for AuthMode {
    type Err = &'static str;

    fn from_str(mode: &str) -> std::result::Result<Self, Self::Err> {
        match mode.trim() {
            "local" => Ok(Self::Local),
            _ => Err("AUTH_MODE must be `local`"),
        }
    }
}

/// Identity settings.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(skip)]
pub struct Config {
    /// How people sign in: `local` (one shared token stands for one local person).
    #[arg(long, env = "AUTH_MODE", default_value = "local")]
    pub auth_mode: AuthMode,

    /// Token that signs in the local person: at least 50 visible ASCII characters, no placeholder. Generated once when
    /// everything runs in one process.
    #[arg(long, env = "LOCAL_AUTH_TOKEN", hide_env_values = true, value_parser = TokenParser)]
    pub local_auth_token: Option<SecretString>,
}

/// Refuses a weak token without repeating it: clap's own message would print the value.
#[derive(Clone)]
struct TokenParser;

impl TypedValueParser for TokenParser {
    type Value = SecretString;

    fn parse_ref(&self, cmd: &Command, _: Option<&Arg>, value: &OsStr) -> Result<SecretString> {
        let refuse =
            |why: String| Error::raw(ErrorKind::ValueValidation, format!("{why}\n")).with_cmd(cmd);
        let text = value
            .to_str()
            .ok_or_else(|| refuse("LOCAL_AUTH_TOKEN is not valid UTF-8".to_owned()))?;
        let secret = SecretString::from(text.trim());
        LocalToken::parse(&secret).map_err(|refusal| refuse(refusal.to_string()))?;
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use secrecy::ExposeSecret;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Cli {
        #[command(flatten)]
        org: Config,
    }

    fn parse(args: &[&str]) -> Result<Config> {
        Cli::try_parse_from([&["test"], args].concat()).map(|cli| cli.org)
    }

    #[test]
    fn a_good_token_is_kept_trimmed_and_never_shown() {
        let token = "q7".repeat(30);
        let config = parse(&["--local-auth-token", &format!(" {token} ")]).unwrap();
        assert_eq!(
            config.local_auth_token.as_ref().unwrap().expose_secret(),
            token
        );
        assert_eq!(config.auth_mode, AuthMode::Local);
        assert!(!format!("{config:?}").contains(&token));
    }

    #[test]
    fn a_bad_token_is_refused_in_a_line_that_does_not_repeat_it() {
        let error = parse(&["--local-auth-token", "hunter2"])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("LOCAL_AUTH_TOKEN has 7 characters; it needs at least 50"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
        let padded = format!("CHANGE-ME-{}", "z".repeat(60));
        let error = parse(&["--local-auth-token", &padded])
            .unwrap_err()
            .to_string();
        assert!(error.contains("placeholder `change-me`"), "{error}");
        assert!(!error.contains("zzz"), "{error}");
    }

    #[test]
    fn another_mode_is_refused() {
        let token = "q7".repeat(30);
        let error = parse(&["--auth-mode", "clerk", "--local-auth-token", &token]).unwrap_err();
        assert!(
            error.to_string().contains("AUTH_MODE must be `local`"),
            "{error}"
        );
    }
}
