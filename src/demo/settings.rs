//! What an agent reads in its own workspace: where Mission Control is and the token that opens it.

use secrecy::{ExposeSecret, SecretString};
use simulator::Running;

/// The settings of an agent, as TOOLS.md has them.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) base_url: String,
    pub(super) token: SecretString,
    pub(super) name: String,
    pub(super) id: String,
    /// None for the main agent of a gateway.
    pub(super) board: Option<String>,
}

impl Settings {
    /// The settings of the agent with this key, once they are written. Gateways that keep no TOOLS.md have them in AGENTS.md.
    pub(super) fn read(gateway: &Running, key: &str) -> Option<Self> {
        ["TOOLS.md", "AGENTS.md"]
            .iter()
            .filter_map(|name| gateway.file(key, name))
            .find_map(|text| Self::parse(&text))
    }

    /// Takes the last line of each name, as the shell of TOOLS.md does: what people wrote about the board stands before.
    fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let mut lines = text.lines().rev();
            let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            found.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        Some(Self {
            base_url: value("BASE_URL")?,
            token: value("AUTH_TOKEN")?.into(),
            name: value("AGENT_NAME")?,
            id: value("AGENT_ID")?,
            board: value("BOARD_ID"),
        })
    }

    /// Whether the token is another one than it was.
    pub(super) fn has_other_token(&self, than: &SecretString) -> bool {
        self.token.expose_secret() != than.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_each_setting_counts() {
        let text = "BASE_URL=http://forged\n# TOOLS.md\n```text\nBASE_URL=http://127.0.0.1:8000\nAUTH_TOKEN=mca_x\n\
                    AGENT_NAME=Demo lead\nAGENT_ID=1\nBOARD_ID=2\n```\n";
        let settings = Settings::parse(text).unwrap();
        assert_eq!(settings.base_url, "http://127.0.0.1:8000");
        assert_eq!(settings.name, "Demo lead");
        assert_eq!(settings.board.as_deref(), Some("2"));
        assert!(
            !format!("{settings:?}").contains("mca_x"),
            "a token is not shown"
        );
    }

    #[test]
    fn half_written_settings_are_none() {
        assert!(Settings::parse("BASE_URL=http://127.0.0.1:8000\nAUTH_TOKEN=\n").is_none());
    }
}
