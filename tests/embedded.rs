//! The private PostgreSQL: one body per promise in `src/embedded.rs`, on real processes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mission_control::embedded::{Config, Embedded};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// A data directory that every account can reach, as /tmp and most home directories are.
fn reachable() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

async fn start(data_dir: &Path) -> Embedded {
    Embedded::start(data_dir, &Config::default()).await.unwrap()
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn remember(url: &str, text: &str) {
    let mut conn = connect(url).await;
    sqlx::query("create table if not exists memory (text text not null)")
        .execute(&mut conn)
        .await
        .unwrap();
    sqlx::query("insert into memory (text) values ($1)")
        .bind(text)
        .execute(&mut conn)
        .await
        .unwrap();
}

async fn remembered(url: &str) -> Vec<String> {
    let mut conn = connect(url).await;
    sqlx::query_scalar("select text from memory order by text")
        .fetch_all(&mut conn)
        .await
        .unwrap()
}

fn is_alive(pid: i32) -> bool {
    // A zombie is dead, though its number is taken until somebody collects it.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.trim_start().starts_with('Z'))
    })
}

async fn ends(pid: i32) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while is_alive(pid) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    !is_alive(pid)
}

/// A process of its own that starts the server and then does nothing until it is killed.
struct Other {
    process: Child,
    server: i32,
    url: String,
}

impl Other {
    fn start(data_dir: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_other_process", "--ignored", "--nocapture"])
            .env("TEST_DATA_DIR", data_dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let line = lines
            .find_map(|line| line.split_once("server ").map(|(_, rest)| rest.to_owned()))
            .unwrap();
        let (server, url) = line.split_once(' ').unwrap();
        Self {
            process,
            server: server.parse().unwrap(),
            url: url.to_owned(),
        }
    }

    fn kill(mut self) -> (i32, String) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        (self.server, self.url)
    }

    /// The shell that waits for the process to die.
    fn watchdog(&self) -> i32 {
        let server = self.server.to_string();
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<i32>().ok())
            .find(|pid| {
                let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let args: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
                args.contains(&b"mission-control-postgres-watchdog".as_slice())
                    && args.contains(&server.as_bytes())
            })
            .unwrap()
    }
}

#[tokio::test]
#[ignore = "the other process of the tests below"]
async fn the_other_process() {
    let server = start(&PathBuf::from(std::env::var_os("TEST_DATA_DIR").unwrap())).await;
    println!("server {} {}", server.pid(), server.url());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_database_is_there_at_once_and_keeps_what_it_was_told() {
    let dir = reachable();
    let data = dir.path().join("data");
    let began = Instant::now();
    let first = start(&data).await;
    println!("first start: {:?}", began.elapsed());
    remember(first.url(), "one").await;
    let pid = first.pid();
    first.stop().await.unwrap();
    assert!(!is_alive(pid));

    let began = Instant::now();
    let second = start(&data).await;
    println!("second start: {:?}", began.elapsed());
    assert!(!second.adopted());
    assert_eq!(remembered(second.url()).await, ["one"]);
    second.stop().await.unwrap();
}

#[tokio::test]
async fn it_is_durable_closed_to_others_and_has_no_port() {
    let dir = reachable();
    let data = dir.path().join("data");
    let server = start(&data).await;
    let mut conn = connect(server.url()).await;
    for (name, expected) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("listen_addresses", ""),
        ("max_connections", "300"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
    ] {
        let value: String = sqlx::query_scalar("select current_setting($1)")
            .bind(name)
            .fetch_one(&mut conn)
            .await
            .unwrap();
        assert_eq!(value, expected, "{name}");
    }
    let upper: String = sqlx::query_scalar("select upper('é')")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(upper, "É", "the locale knows letters");
    let cluster = fs::metadata(data.join("postgres")).unwrap();
    assert_eq!(cluster.permissions().mode() & 0o077, 0);
    conn.close().await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn two_at_once_are_refused_with_the_first_one_s_process_id() {
    let dir = reachable();
    let server = start(dir.path()).await;
    let error = Embedded::start(dir.path(), &Config::default())
        .await
        .unwrap_err();
    let expected = format!("already running, pid {}: ", std::process::id());
    assert!(error.to_string().starts_with(&expected), "{error}");
    server.stop().await.unwrap();
    start(dir.path()).await.stop().await.unwrap();
}

#[tokio::test]
async fn it_dies_with_a_parent_that_is_killed_and_nothing_committed_is_lost() {
    let dir = reachable();
    for round in 0..3 {
        let other = Other::start(dir.path());
        remember(&other.url, &format!("round {round}")).await;
        let (server, _) = other.kill();
        // At once: the next start has to wait for the old server by itself.
        let next = start(dir.path()).await;
        assert!(!next.adopted());
        assert!(ends(server).await);
        assert_eq!(remembered(next.url()).await.len(), round + 1);
        next.stop().await.unwrap();
    }
}

#[tokio::test]
async fn it_dies_with_its_parent_though_nobody_starts_again() {
    let dir = reachable();
    let (server, _) = Other::start(dir.path()).kill();
    assert!(ends(server).await);
}

#[tokio::test]
async fn a_server_that_outlived_parent_and_watchdog_is_adopted() {
    let dir = reachable();
    let other = Other::start(dir.path());
    remember(&other.url, "before").await;
    kill(Pid::from_raw(other.watchdog()), Signal::SIGKILL).unwrap();
    let (server, url) = other.kill();
    assert!(is_alive(server));

    let adopted = start(dir.path()).await;
    assert!(adopted.adopted());
    assert_eq!((adopted.pid(), adopted.url()), (server, url.as_str()));
    assert_eq!(remembered(adopted.url()).await, ["before"]);
    adopted.stop().await.unwrap();
    assert!(ends(server).await);
}

#[tokio::test]
async fn a_pid_file_that_names_somebody_else_does_not_hold_up_the_start() {
    let dir = reachable();
    start(dir.path()).await.stop().await.unwrap();
    let pid = std::process::id();
    let path = dir.path().join("postgres/postmaster.pid");
    fs::write(
        &path,
        format!("{pid}\n/x\n1795344000\n5432\n/tmp\n\n  65538         3\nready   \n"),
    )
    .unwrap();
    start(dir.path()).await.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_killed_is_reported() {
    let dir = reachable();
    let server = start(dir.path()).await;
    let failure = server.failure();
    kill(Pid::from_raw(server.pid()), Signal::SIGKILL).unwrap();
    let error = tokio::time::timeout(Duration::from_secs(10), failure)
        .await
        .unwrap();
    assert!(
        error
            .to_string()
            .starts_with("the private PostgreSQL ended by itself"),
        "{error}"
    );
    server.stop().await.unwrap();
    start(dir.path()).await.stop().await.unwrap();
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_is_no_obstacle() {
    let dir = reachable();
    let data = dir
        .path()
        .join("a-directory-name-of-forty-characters-long")
        .join("d".repeat(60));
    let server = start(&data).await;
    assert!(
        server.url().contains("%2Ftmp%2Fmission-control-"),
        "{}",
        server.url()
    );
    remember(server.url(), "far").await;
    let (_, query) = server.url().split_once("host=").unwrap();
    let socket_dir = query.split('&').next().unwrap().replace("%2F", "/");
    assert_eq!(
        fs::metadata(&socket_dir).unwrap().permissions().mode() & 0o777,
        0o700
    );
    server.stop().await.unwrap();
    assert!(!Path::new(&socket_dir).exists());
}

#[tokio::test]
async fn a_directory_that_only_root_can_reach_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    let closed = dir.path().join("closed, with \"quotes\" and spaces");
    fs::DirBuilder::new().mode(0o700).create(&closed).unwrap();
    let data = closed.join("data");
    let server = start(&data).await;
    remember(server.url(), "hidden").await;
    server.stop().await.unwrap();
    let server = start(&data).await;
    assert_eq!(remembered(server.url()).await, ["hidden"]);
    server.stop().await.unwrap();

    let files = fs::canonicalize(data.join("postgres")).unwrap();
    if Uid::effective().is_root() {
        assert!(
            files.starts_with("/var/lib/mission-control"),
            "{}",
            files.display()
        );
        fs::remove_dir_all(files).unwrap();
    } else {
        assert!(
            files.starts_with(fs::canonicalize(&closed).unwrap()),
            "{}",
            files.display()
        );
    }
}

#[tokio::test]
async fn without_programs_it_says_what_to_install() {
    let dir = reachable();
    let config = Config {
        pg_bin: Some(dir.path().to_path_buf()),
        ..Config::default()
    };
    let error = Embedded::start(&dir.path().join("data"), &config)
        .await
        .unwrap_err();
    let expected = format!(
        "MC_PG_BIN={}: no PostgreSQL 15 or newer there",
        dir.path().display()
    );
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[tokio::test]
async fn files_of_another_version_are_refused_with_what_to_install() {
    let dir = reachable();
    start(dir.path()).await.stop().await.unwrap();
    fs::write(dir.path().join("postgres/PG_VERSION"), "9\n").unwrap();
    let error = Embedded::start(dir.path(), &Config::default())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("`sudo apt-get install postgresql-9`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_copy_of_a_stopped_data_directory_is_a_backup() {
    let dir = reachable();
    let (data, copy) = (dir.path().join("data"), dir.path().join("copy"));
    let server = start(&data).await;
    remember(server.url(), "kept").await;
    server.stop().await.unwrap();

    // As docs/operations.md has it; -L, since the files may lie elsewhere.
    let copied = Command::new("cp")
        .arg("-aL")
        .args([&data, &copy])
        .status()
        .unwrap();
    assert!(copied.success());
    fs::remove_dir_all(&data).unwrap();
    let server = start(&copy).await;
    assert_eq!(remembered(server.url()).await, ["kept"]);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_first_start_that_was_cut_off_is_begun_again() {
    let dir = reachable();
    fs::create_dir_all(dir.path().join("postgres.new/base")).unwrap();
    start(dir.path()).await.stop().await.unwrap();
}
