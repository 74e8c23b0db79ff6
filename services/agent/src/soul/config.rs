//! What can be set about souls from outside.

use crate::config::absolute_url;

/// Settings of souls.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Config {
    /// Address of the public directory of souls
    #[arg(
        long = "souls-directory-url",
        env = "MC_SOULS_DIRECTORY_URL",
        default_value = "https://souls.directory",
        value_parser = absolute_url
    )]
    pub directory_url: String,

    /// Whether a worker that nobody gave a soul gets the one of the public directory that fits its role. What it gets stays
    /// with it, whatever the directory says later
    #[arg(
        long = "role-souls",
        env = "MC_ROLE_SOULS",
        default_value_t = false,
        action = clap::ArgAction::Set
    )]
    pub role_souls: bool,
}
