//! Every file fits for the largest of everything that people can say.

use super::*;

/// Characters that gateways put around what they fold into AGENTS.md.
const FOLDING: usize = 300;

/// A text of so many characters, half of them line breaks: the worst that setting off can meet.
fn long(length: usize) -> String {
    "a\n".repeat(length / 2)
}

fn largest(role: Role, text: fn(usize) -> String) -> (Agent, Facts, Person) {
    let mut agent = agent(role);
    agent.name = "n".repeat(100);
    let profile = [
        "role",
        "communication_style",
        "emoji",
        "purpose",
        "personality",
        "autonomy_level",
        "verbosity",
        "output_format",
        "update_cadence",
        "what_nobody_knows",
    ];
    let mut profile: serde_json::Map<_, _> = profile
        .into_iter()
        .map(|key| (key.to_owned(), json!(text(profile::MAX_VALUE))))
        .collect();
    profile.insert(
        "custom_instructions".to_owned(),
        json!(text(profile::MAX_INSTRUCTIONS)),
    );
    agent.identity_profile = Some(profile.into());
    let board = Facts {
        name: text(200),
        description: text(10_000),
        objective: Some(text(5_000)),
        success_metrics: Some(json!({"m": text(10_000)})),
        target_date: Some(DateTime::UNIX_EPOCH),
        ..board()
    };
    let user = Person {
        name: Some(text(1_000)),
        preferred_name: Some(text(1_000)),
        pronouns: Some(text(1_000)),
        timezone: Some(text(1_000)),
        notes: Some(text(5_000)),
        context: Some(text(5_000)),
    };
    (agent, board, user)
}

#[test]
fn every_file_fits_and_so_does_what_is_folded_into_one() {
    let texts: [fn(usize) -> String; 2] = [long, |length| "x".repeat(length)];
    for (role, text) in ROLES
        .into_iter()
        .flat_map(|role| texts.map(|text| (role, text)))
    {
        let (agent, board, user) = largest(role, text);
        let (name, root) = (text(200), format!("/{}", "r".repeat(999)));
        let url = format!("https://{}", "u".repeat(190));
        let mut source = source(&agent, &board, Kind::Provision);
        (source.gateway_name, source.workspace_root) = (&name, &root);
        (source.base_url, source.user) = (&url, Some(&user));
        let files = source.files().unwrap();
        let size = |file: &File| file.content.chars().count();
        for file in &files {
            assert!(
                size(file) < MAX_CHARS,
                "{role:?} {}: {}",
                file.name,
                size(file)
            );
        }
        let folded = ["AGENTS.md", "TOOLS.md", "HEARTBEAT.md"];
        let folded = files.iter().filter(|file| folded.contains(&file.name));
        let sizes: Vec<_> = folded.map(size).collect();
        let sum = sizes.iter().sum::<usize>() + FOLDING;
        assert!(sum < MAX_CHARS, "{role:?}: {sum}, {sizes:?}");
    }
}
