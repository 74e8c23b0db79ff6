//! A host of git repositories on this machine: real repositories behind git's own HTTP backend.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

/// The host.
pub(crate) struct GitHost {
    root: TempDir,
    address: SocketAddr,
    clones: Arc<AtomicUsize>,
}

#[derive(Clone)]
struct Served {
    root: PathBuf,
    clones: Arc<AtomicUsize>,
}

/// A repository on the host.
pub(crate) struct Repository {
    git: PathBuf,
    work: TempDir,
    pub(crate) url: String,
}

impl GitHost {
    pub(crate) async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind(test_ports::free_addr())
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let clones = Arc::<AtomicUsize>::default();
        let served = Served {
            root: root.path().to_owned(),
            clones: Arc::clone(&clones),
        };
        let app = Router::new().fallback(backend).with_state(served);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            root,
            address,
            clones,
        }
    }

    /// How often somebody fetched a repository.
    pub(crate) fn clones(&self) -> usize {
        self.clones.load(Ordering::SeqCst)
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// A repository without anything in it, whose branch is `main`.
    pub(crate) fn repository(&self, name: &str) -> Repository {
        let git = self.root.path().join(format!("{name}.git"));
        let made = ["init", "--quiet", "--bare", "--initial-branch=main"];
        run(Command::new("git").args(made).arg(&git));
        Repository {
            git,
            work: tempfile::tempdir().unwrap(),
            url: self.address(name),
        }
    }
}

impl Repository {
    /// Writes files, takes others away, and commits.
    pub(crate) fn commit(&self, written: &[(&str, &str)], removed: &[&str]) {
        for (path, text) in written {
            let path = self.work.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        for path in removed {
            std::fs::remove_file(self.work.path().join(path)).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=x"]);
    }

    pub(crate) fn link(&self, path: &str, to: &str) {
        std::os::unix::fs::symlink(to, self.work.path().join(path)).unwrap();
    }

    /// From now on commits go to this branch; the host's default stays.
    pub(crate) fn branch(&self, name: &str) {
        self.git(&["symbolic-ref", "HEAD", &format!("refs/heads/{name}")]);
    }

    pub(crate) fn default_branch(&self, name: &str) {
        self.branch(name);
    }

    fn git(&self, args: &[&str]) {
        let (git, work) = (self.git.as_path(), self.work.path());
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(git);
        command.arg("--work-tree").arg(work).args(args);
        run(command.current_dir(work));
    }
}

fn run(command: &mut Command) {
    let identity = ["AUTHOR", "COMMITTER"].into_iter().flat_map(|who| {
        [
            (format!("GIT_{who}_NAME"), "Ada"),
            (format!("GIT_{who}_EMAIL"), "ada@example.com"),
        ]
    });
    let command = command
        .envs(identity)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// git's HTTP backend, which is a CGI program.
async fn backend(State(served): State<Served>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    if parts.uri.path().ends_with("/git-upload-pack") && fetches(&body) {
        served.clones.fetch_add(1, Ordering::SeqCst);
    }
    let header = |name: &str| text(&parts.headers, name);
    let mut child = tokio::process::Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", Path::new(&served.root))
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    tokio::spawn(async move { stdin.write_all(&body).await });
    let output = child.wait_with_output().await.unwrap().stdout;
    answer(&output)
}

fn fetches(body: &Bytes) -> bool {
    body.windows(4).any(|word| word == b"want")
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).map(|value| value.to_str().unwrap());
    value.unwrap_or_default().to_owned()
}

fn answer(output: &[u8]) -> Response {
    let end = output
        .windows(4)
        .position(|word| word == b"\r\n\r\n")
        .unwrap();
    let head = std::str::from_utf8(&output[..end]).unwrap();
    let mut response = Response::builder();
    for line in head.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        if name == "Status" {
            let code: u16 = value[..3].parse().unwrap();
            response = response.status(StatusCode::from_u16(code).unwrap());
        } else {
            response = response.header(name, value);
        }
    }
    response
        .body(Body::from(output[end + 4..].to_vec()))
        .unwrap()
}
