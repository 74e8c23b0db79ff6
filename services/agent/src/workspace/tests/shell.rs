//! The shell examples of every file: they parse, and run against a server that holds them to the contract.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Output,
    sync::{Arc, Mutex},
};

use super::{contract, *};

const TASK: &str = "00000000-0000-0000-0000-0000000000aa";
/// A task about which the server says no.
const TAKEN: &str = "00000000-0000-0000-0000-0000000000bb";
const WORKER: &str = "00000000-0000-0000-0000-000000000006";
const BOARD: &str = "00000000-0000-0000-0000-000000000003";
const REFUSAL: &str = r#"{"detail": "another agent", "code": "task_already_claimed"}"#;

/// The shell examples of a file.
pub(super) fn examples(content: &str) -> Vec<&str> {
    let fences = ["```sh\n", "```bash\n", "```shell\n"];
    let mut found = Vec::new();
    for fence in fences {
        let blocks = content.split(fence).skip(1);
        found.extend(blocks.filter_map(|rest| rest.split("\n```").next()));
    }
    found
}

/// Every file that an agent can get, an imported one included.
fn everything(role: Role, base_url: &str) -> Vec<File> {
    let (agent, board) = (agent(role), board());
    let mut source = source(&agent, &board, Kind::Provision);
    source.base_url = base_url;
    let mut files = source.files().unwrap();
    if role != Role::Main {
        let mut imported = agent.clone();
        imported.runtime = Some(crate::agent::Runtime {
            key: "own".into(),
            workspace: "~/own".into(),
        });
        source.agent = &imported;
        files.extend(source.files().unwrap());
    }
    files
}

#[test]
fn every_shell_example_parses() {
    for role in ROLES {
        for file in everything(role, "http://127.0.0.1:8000") {
            for (example, shell) in examples(&file.content)
                .into_iter()
                .flat_map(|example| ["sh", "bash"].map(|shell| (example, shell)))
            {
                let output = Command::new(shell).args(["-n", "-c", example]).output();
                let output = output.unwrap();
                assert!(
                    output.status.success(),
                    "{role:?} {}: {example}\n{output:?}",
                    file.name
                );
            }
        }
    }
}

#[test]
fn a_token_stands_in_no_example() {
    for role in ROLES {
        for file in everything(role, "http://127.0.0.1:8000") {
            for example in examples(&file.content) {
                assert!(!example.contains(TOKEN), "{role:?} {}", file.name);
                // An argument of a program is seen by everybody on the machine.
                let tells = example.lines().any(|line| {
                    line.contains("curl") && line.contains("AUTH_TOKEN") && !line.contains("printf")
                });
                assert!(!tells, "{role:?} {}: {example}", file.name);
            }
        }
    }
}

/// The paths that a text mentions, each with the verb before it if there is one.
fn paths(text: &str) -> Vec<(Option<&str>, String)> {
    let found = text.match_indices("/api/v1/");
    found
        .map(|(at, _)| {
            let end = |c: char| !(c.is_ascii_alphanumeric() || "/_-${}.".contains(c));
            let rest = &text[at..];
            let path = &rest[..rest.find(end).unwrap_or(rest.len())];
            let before = text[..at].trim_end_matches(['"', '`', ' ']);
            let word = before.rsplit([' ', '`', '\n']).next().unwrap_or_default();
            let verbs = ["GET", "PUT", "POST", "PATCH", "DELETE"];
            let verb = verbs.contains(&word).then_some(word);
            (verb, path.trim_end_matches('.').to_owned())
        })
        .collect()
}

#[test]
fn every_path_that_a_file_mentions_is_one_that_its_reader_may_call() {
    for role in ROLES {
        let mut mentioned = 0;
        for file in everything(role, "http://127.0.0.1:8000") {
            for (method, path) in paths(&file.content) {
                mentioned += 1;
                assert!(
                    contract::is_catalogue(role, &path)
                        || contract::find(role, method, &path).is_some(),
                    "{role:?} {}: {method:?} {path}",
                    file.name
                );
            }
        }
        assert!(mentioned > 5, "{role:?}: {mentioned}");
    }
}

#[test]
fn every_operation_that_a_file_names_is_one_that_its_reader_may_call() {
    for role in ROLES {
        for file in everything(role, "http://127.0.0.1:8000") {
            let words = file
                .content
                .split(|c: char| !c.is_alphanumeric() && c != '_');
            for word in words.filter(|word| word.starts_with("agent_")) {
                assert!(
                    contract::is_operation(role, word),
                    "{role:?} {}: {word}",
                    file.name
                );
            }
        }
    }
}

/// A request as it arrived.
struct Seen {
    method: String,
    path: String,
    query: String,
    token: Option<String>,
    body: String,
}

/// A server that answers whatever the contract has for a role, and remembers what it was asked.
struct Server {
    base_url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    fn start(role: Role) -> Self {
        let listener = TcpListener::bind(test_ports::free_addr()).unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let remembered = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&mut stream);
                let (status, body) = answer(role, &request);
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                // Remembered before the answer goes out: whoever was answered finds it.
                remembered.lock().unwrap().push(request);
                stream.write_all((head + &body).as_bytes()).unwrap();
            }
        });
        Self { base_url, seen }
    }
}

fn read(stream: &mut TcpStream) -> Seen {
    let mut bytes = Vec::new();
    let mut part = [0; 4_096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |wanted: &str| {
                head.lines().skip(1).find_map(|line| {
                    let (name, value) = line.split_once(": ")?;
                    name.eq_ignore_ascii_case(wanted).then(|| value.to_owned())
                })
            };
            let length = header("content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                let mut line = head.lines().next().unwrap().split(' ');
                let (method, target) = (line.next().unwrap(), line.next().unwrap());
                let (path, query) = target.split_once('?').unwrap_or((target, ""));
                return Seen {
                    method: method.to_owned(),
                    path: path.to_owned(),
                    query: query.to_owned(),
                    token: header("x-agent-token"),
                    body: body.to_owned(),
                };
            }
        }
        let read = stream.read(&mut part).unwrap();
        assert!(read > 0, "a request broke off: {text}");
        bytes.extend_from_slice(&part[..read]);
    }
}

fn answer(role: Role, request: &Seen) -> (&'static str, String) {
    match request.path.as_str() {
        _ if request.path.contains(TAKEN) => ("409 Conflict", REFUSAL.to_owned()),
        "/api/v1/agent/catalogue" => {
            let lines = contract::calls(role).filter_map(|call| {
                let manual = call.manual.as_ref()?;
                Some(format!(
                    "{}\t{}\t{}\n",
                    call.method, call.path, manual.operation_id
                ))
            });
            ("200 OK", lines.collect())
        }
        _ => ("200 OK", "{}".to_owned()),
    }
}

/// Lays out a workspace as a gateway keeps it: each file for itself, or settings and heartbeat inside of AGENTS.md.
fn lay_out(directory: &Path, files: &[File], folded: bool) {
    let inside = ["TOOLS.md", "HEARTBEAT.md"];
    for file in files {
        if !folded || !inside.contains(&file.name) {
            std::fs::write(directory.join(file.name), &file.content).unwrap();
        }
    }
    if folded {
        let of = |name: &str| files.iter().find(|file| file.name == name);
        let texts =
            ["AGENTS.md", "TOOLS.md", "HEARTBEAT.md"].map(|name| &*of(name).unwrap().content);
        std::fs::write(directory.join("AGENTS.md"), texts.join("\n")).unwrap();
    }
}

/// Runs a script in a workspace, with nothing in its environment but what it is told.
fn run(directory: &Path, script: &str) -> Output {
    Command::new("sh")
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .envs([
            ("TASK_ID", TASK),
            ("WORKER_ID", WORKER),
            ("BOARD_ID", BOARD),
        ])
        .args(["-c", script])
        .output()
        .unwrap()
}

fn settings(files: &[File]) -> String {
    let tools = files.iter().find(|file| file.name == "TOOLS.md").unwrap();
    examples(&tools.content)[0].to_owned()
}

/// Holds a request to the contract: the token is the agent's, the role may call it, and every field exists.
fn judge(role: Role, request: &Seen) {
    let Seen {
        method,
        path,
        query,
        token,
        body,
    } = request;
    let what = format!("{role:?}: {method} {path}?{query} {body}");
    if path == "/healthz" || contract::is_catalogue(role, path) {
        assert_eq!((method.as_str(), token), ("GET", &None), "{what}");
        return;
    }
    assert_eq!(token.as_deref(), Some(TOKEN), "{what}");
    let call = contract::find(role, Some(method), path).unwrap_or_else(|| panic!("{what}"));
    let has = |name: &str| call.input.get_field_by_name(name).is_some();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap();
        assert!(
            has(name) && !value.is_empty() && !value.contains('$'),
            "{what}"
        );
    }
    assert!(call.has_body || body.is_empty(), "{what}");
    if !body.is_empty() {
        let body: serde_json::Value =
            serde_json::from_str(body).unwrap_or_else(|_| panic!("{what}"));
        for name in body.as_object().unwrap().keys() {
            assert!(has(name), "{name} in {what}");
        }
    }
}

#[test]
fn every_shell_example_runs_and_calls_what_the_contract_has() {
    for (role, folded) in ROLES
        .into_iter()
        .flat_map(|role| [(role, false), (role, true)])
    {
        let server = Server::start(role);
        let files = everything(role, &server.base_url);
        let directory = tempfile::tempdir().unwrap();
        lay_out(directory.path(), &files, folded);
        let settings = settings(&files);
        for file in files.iter().filter(|file| file.name != IMPORT) {
            for example in examples(&file.content) {
                let output = run(directory.path(), &format!("set -e\n{settings}\n{example}"));
                assert!(
                    output.status.success(),
                    "{role:?} {}: {example}\n{output:?}",
                    file.name
                );
            }
        }
        let seen = server.seen.lock().unwrap();
        seen.iter().for_each(|request| judge(role, request));
        let calls: Vec<_> = seen
            .iter()
            .map(|request| format!("{} {}", request.method, request.path))
            .collect();
        let claim = format!("PATCH /api/v1/agent/boards/{BOARD}/tasks/{TASK}");
        let ask = format!("POST /api/v1/agent/boards/{BOARD}/gateway/main/ask-user");
        for (call, of) in [
            ("POST /api/v1/agent/heartbeat", &ROLES[..]),
            ("GET /api/v1/agent/catalogue", &ROLES[..]),
            (&claim, &[Role::Lead, Role::Worker]),
            (&ask, &[Role::Lead]),
            ("POST /api/v1/agent/gateway/leads/broadcast", &[Role::Main]),
        ] {
            assert_eq!(
                calls.iter().any(|made| made == call),
                of.contains(&role),
                "{role:?} {call}"
            );
        }
        assert!(directory.path().join("api/operations.tsv").exists());
    }
}

#[test]
fn an_imported_agent_runs_its_section() {
    for role in [Role::Lead, Role::Worker] {
        let server = Server::start(role);
        let files = everything(role, &server.base_url);
        let import = files.iter().find(|file| file.name == IMPORT).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let own = format!("# My own\n\nAGENT_ID=another\n\n{}", import.content);
        std::fs::write(directory.path().join("AGENTS.md"), own).unwrap();
        let script = examples(&import.content).join("\n");
        let output = run(directory.path(), &format!("set -e\n{script}"));
        assert!(output.status.success(), "{output:?}");
        let seen = server.seen.lock().unwrap();
        seen.iter().for_each(|request| judge(role, request));
        assert!(seen.iter().any(|request| request.method == "PATCH"));
    }
}

#[test]
fn a_refusal_is_shown_and_fails() {
    let server = Server::start(Role::Worker);
    let files = everything(Role::Worker, &server.base_url);
    let directory = tempfile::tempdir().unwrap();
    lay_out(directory.path(), &files, false);
    let settings = settings(&files);
    let claim = format!(
        "{settings}\nmc PATCH \"/api/v1/agent/boards/$BOARD_ID/tasks/{TAKEN}\" '{{\"status\": \"in_progress\"}}'"
    );
    let output = run(directory.path(), &claim);
    assert!(!output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("{REFUSAL}\n409\n")
    );
    // Nothing listens there.
    let away = format!("{settings}\nBASE_URL=http://127.0.0.1:1\nmc POST /api/v1/agent/heartbeat");
    assert!(!run(directory.path(), &away).status.success());
}

#[test]
fn what_is_sent_arrives_as_it_was_meant() {
    let server = Server::start(Role::Worker);
    let files = everything(Role::Worker, &server.base_url);
    let directory = tempfile::tempdir().unwrap();
    lay_out(directory.path(), &files, false);
    let settings = settings(&files);
    let comment = format!(
        "{settings}\nmc POST \"/api/v1/agent/boards/$BOARD_ID/tasks/$TASK_ID/comments\" \
         '{{\"message\": \"@lead it'\\''s \\\"done\\\"\\nsee $HOME `x` %d 你好\"}}'"
    );
    assert!(run(directory.path(), &comment).status.success());
    let seen = server.seen.lock().unwrap();
    let body: serde_json::Value = serde_json::from_str(&seen[0].body).unwrap();
    assert_eq!(
        body["message"],
        "@lead it's \"done\"\nsee $HOME `x` %d 你好"
    );
}
