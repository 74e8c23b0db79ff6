//! What a person sees while the process starts.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use secrecy::ExposeSecret;

use crate::{options::Options, role::Role};

/// Steps of the start: a spinner on a terminal, log lines elsewhere.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Begins to show progress.
    pub(crate) fn start() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        bar.set_style(
            ProgressStyle::with_template("{spinner} {msg} {elapsed}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }

    /// Says what is being done now.
    pub(crate) fn step(&self, what: &'static str) {
        match &self.0 {
            Some(bar) => bar.set_message(what),
            None => tracing::info!(step = what, "starting"),
        }
    }

    /// Removes the spinner.
    pub(crate) fn done(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Says where to go. The link carries the token behind `#`, which a browser never sends to a server.
pub(crate) fn started(roles: &[Role], options: &Options) {
    let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
    tracing::info!(roles = names.join(" "), "started");
    if !roles.contains(&Role::ApiEdge) {
        return;
    }
    let base = &options.agent.base_url;
    println!("Mission Control is running at {base}");
    if let Some(token) = options
        .org
        .local_auth_token
        .as_ref()
        .filter(|_| roles.contains(&Role::Org))
    {
        println!("Sign in:  {base}/sign-in#token={}", token.expose_secret());
    }
    println!("API:      {base}/docs");
    println!("Ctrl-C stops everything.");
}
