//! `docs/configuration.md`, written from the options themselves.

use clap::{Arg, CommandFactory};

use crate::cli::Cli;

const HEAD: &str = "# Configuration

Every option is a flag of `mission-control` and a variable of the same meaning; a flag goes before its variable. A value that makes no
sense stops the start with a line that names it. Written by `mission-control options`; do not edit by hand.
";

const PEERS: &str = "
### Peers

| Variable | Default | Meaning |
|---|---|---|
| `MC_PEER_<ROLE>` | | Where a role is that this process does not run, such as `MC_PEER_ORG=http://org:50051` or `MC_PEER_GATEWAY_CONNECTOR=http://connector:50051`. Needed for every role that is not here, the edge excepted |
";

/// The whole page.
pub fn markdown() -> String {
    let cli = Cli::command();
    let mut page = HEAD.to_owned();
    for name in ["serve", "demo"] {
        let Some(command) = cli.find_subcommand(name) else {
            continue;
        };
        page.push_str(&format!(
            "\n## `{name}`\n\n{}\n",
            sentence(command.get_about().map(ToString::to_string))
        ));
        let mut heading = None;
        for arg in command
            .get_arguments()
            .filter(|arg| arg.get_env().is_some())
        {
            let own = arg.get_help_heading().unwrap_or("General").to_owned();
            if heading.as_ref() != Some(&own) {
                page.push_str(&format!(
                    "\n### {own}\n\n| Variable | Flag | Default | Meaning |\n|---|---|---|---|\n"
                ));
                heading = Some(own);
            }
            page.push_str(&row(arg));
        }
        if name == "serve" {
            page.push_str(PEERS);
        }
    }
    page
}

fn row(arg: &Arg) -> String {
    let variable = arg
        .get_env()
        .map(|env| env.to_string_lossy().into_owned())
        .unwrap_or_default();
    let flag = arg
        .get_long()
        .map(|long| format!("`--{long}`"))
        .unwrap_or_default();
    let defaults: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    let default = if defaults.is_empty() {
        String::new()
    } else {
        format!("`{}`", defaults.join(","))
    };
    let help = arg
        .get_long_help()
        .or_else(|| arg.get_help())
        .map(ToString::to_string);
    format!(
        "| `{variable}` | {flag} | {default} | {} |\n",
        sentence(help)
    )
}

/// One line of text that fits in a table.
fn sentence(text: Option<String>) -> String {
    text.unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
