//! What stops the server when this process can no longer do it itself.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context;
use nix::unistd::Pid;
use tokio::process::{Child, ChildStdin};

use super::account::Account;
use crate::data_dir::Lock;

/// Waits for its standard input to end, which it does with the process that holds the other end; then asks the server
/// for a fast shutdown, sees it gone, and lets go of the data directory's lock, which is its standard output.
///
/// $1 cluster, $2 the server's process id, $3 the socket's directory (removed if it is empty by then).
/// 1,200 turns of 50 ms: a server that takes more than a minute is left to the next start.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
read -r _
[ "$(head -n 1 "$1/postmaster.pid" 2>/dev/null)" = "$2" ] && kill -INT "$2" 2>/dev/null
turns=0
while [ -e "$1/postmaster.pid" ] && kill -0 "$2" 2>/dev/null && [ $turns -lt 1200 ]; do
    sleep 0.05
    turns=$((turns + 1))
done
rmdir "$3" 2>/dev/null
"#;

/// The running watchdog. Dropping it sets it off.
#[derive(Debug)]
pub(super) struct Watchdog {
    child: Child,
    _pipe: ChildStdin,
}

impl Watchdog {
    /// Sets a watchdog on a server. A shell rather than `PR_SET_PDEATHSIG`, which needs unsafe code, follows a thread
    /// instead of a process, and cannot be had for a server that was adopted.
    pub(super) fn set(
        account: &Account,
        lock: &Lock,
        cluster: &Path,
        server: Pid,
        socket_dir: &Path,
    ) -> anyhow::Result<Self> {
        let mut child = account
            .command(Path::new("/bin/sh"))
            .args(["-c", SCRIPT, "mission-control-postgres-watchdog"])
            .arg(cluster)
            .arg(server.to_string())
            .arg(socket_dir)
            .stdin(Stdio::piped())
            .stdout(lock.share()?)
            .stderr(Stdio::null())
            .spawn()
            .context("/bin/sh cannot be started to watch over PostgreSQL")?;
        let pipe = child.stdin.take().context("the pipe asked for above")?;
        Ok(Self { child, _pipe: pipe })
    }

    /// Calls it off: the server stays as it is.
    pub(super) async fn call_off(mut self) -> anyhow::Result<()> {
        self.child
            .kill()
            .await
            .context("the watchdog over PostgreSQL cannot be called off")
    }
}
