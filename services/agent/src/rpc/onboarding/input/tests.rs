use serde_json::json;

use super::*;
use crate::onboarding::text;

/// A body as the edge reads it: fields by name, and none that the contract does not know.
fn body(json: &Value) -> UpdateOnboardingRequest {
    let map = json.as_object().unwrap();
    let known = [
        "question",
        "options",
        "status",
        "board_type",
        "objective",
        "success_metrics",
        "target_date",
        "user_profile",
        "lead_agent",
    ];
    assert!(
        map.keys().all(|key| known.contains(&key.as_str())),
        "{json}"
    );
    let text =
        |map: &Value, key: &str| map.get(key).map(|value| value.as_str().unwrap().to_owned());
    let options = map.get("options").and_then(Value::as_array);
    UpdateOnboardingRequest {
        board_id: String::new(),
        question: text(json, "question"),
        options: options
            .into_iter()
            .flatten()
            .map(|option| OnboardingOption {
                id: text(option, "id").unwrap(),
                label: text(option, "label").unwrap(),
            })
            .collect(),
        status: text(json, "status"),
        board_type: text(json, "board_type"),
        objective: text(json, "objective"),
        success_metrics: map.get("success_metrics").and_then(encode::to_struct),
        target_date: text(json, "target_date")
            .map(|at| encode::time(at.parse::<chrono::DateTime<chrono::Utc>>().unwrap())),
        user_profile: map.get("user_profile").map(|given| {
            assert_eq!(given.as_object().unwrap().len(), 5);
            OnboardingUserProfile {
                preferred_name: text(given, "preferred_name"),
                pronouns: text(given, "pronouns"),
                timezone: text(given, "timezone"),
                notes: text(given, "notes"),
                context: text(given, "context"),
            }
        }),
        lead_agent: map.get("lead_agent").map(|given| OnboardingLeadDraft {
            name: text(given, "name"),
            identity_profile: given.get("identity_profile").and_then(encode::to_struct),
            autonomy_level: text(given, "autonomy_level"),
            verbosity: text(given, "verbosity"),
            output_format: text(given, "output_format"),
            update_cadence: text(given, "update_cadence"),
            custom_instructions: text(given, "custom_instructions"),
        }),
    }
}

fn field(error: Error) -> String {
    chassis::Explain::fields(&error)[0].field.clone()
}

fn refused(json: Value) -> String {
    field(said(&body(&json)).unwrap_err())
}

#[test]
fn the_examples_that_agents_are_shown_are_taken_and_kept_as_they_are() {
    for example in [text::QUESTION, text::DRAFT] {
        let json: Value = serde_json::from_str(example).unwrap();
        let said = said(&body(&json)).unwrap();
        let kept: Value = serde_json::from_str(&said.content().unwrap()).unwrap();
        assert_eq!(kept, json);
    }
}

#[test]
fn every_word_of_the_prompt_is_taken() {
    for (key, words) in [
        ("autonomy_level", AUTONOMY.as_slice()),
        ("verbosity", &VERBOSITY),
        ("output_format", &FORMAT),
        ("update_cadence", &CADENCE),
    ] {
        for word in words {
            let json =
                json!({"status": "complete", "board_type": "general", "lead_agent": {key: word}});
            said(&body(&json)).unwrap();
        }
        let json =
            json!({"status": "complete", "board_type": "general", "lead_agent": {key: "whatever"}});
        assert_eq!(refused(json), format!("lead_agent.{key}"));
    }
}

#[test]
fn what_is_neither_a_question_nor_a_draft_is_refused_with_its_field() {
    let option = json!({"id": "a", "label": "A"});
    for (json, expected) in [
        (json!({}), "question"),
        (json!({"question": "a", "status": "complete"}), "question"),
        (json!({"question": " ", "options": [option]}), "question"),
        (json!({"question": "a"}), "options"),
        (
            json!({"question": "a", "options": vec![option.clone(); 21]}),
            "options",
        ),
        (
            json!({"question": "a", "options": [option, option]}),
            "options[1].id",
        ),
        (
            json!({"question": "a", "options": [{"id": "a", "label": " "}]}),
            "options[0].label",
        ),
        (json!({"status": "done"}), "status"),
        (json!({"status": "complete"}), "board_type"),
        (
            json!({"status": "complete", "board_type": "both"}),
            "board_type",
        ),
        (
            json!({"status": "complete", "board_type": "goal"}),
            "objective",
        ),
        (
            json!({"status": "complete", "board_type": "goal", "objective": "x", "success_metrics": {}}),
            "success_metrics",
        ),
        (
            json!({"status": "complete", "board_type": "general", "success_metrics": {"a": ["\0"]}}),
            "success_metrics",
        ),
        (
            json!({"status": "complete", "board_type": "general", "success_metrics": {"a": "x".repeat(60_000)}}),
            "success_metrics",
        ),
        (
            json!({"status": "complete", "board_type": "general", "lead_agent": {"name": "a\nb"}}),
            "lead_agent.name",
        ),
        (
            json!({"status": "complete", "board_type": "general", "lead_agent": {"identity_profile": {"a": {"b": 1}}}}),
            "lead_agent.identity_profile.a",
        ),
    ] {
        assert_eq!(refused(json.clone()), expected, "{json}");
    }
}

#[test]
fn a_goal_that_is_confirmed_is_judged_as_one_that_is_drafted() {
    let request = |board_type: &str| ConfirmOnboardingRequest {
        board_type: board_type.into(),
        ..ConfirmOnboardingRequest::default()
    };
    assert_eq!(field(confirmed(&request("")).unwrap_err()), "board_type");
    let incomplete = confirmed(&request("goal")).unwrap_err();
    assert_eq!(chassis::Explain::reason(&incomplete), "GOAL_INCOMPLETE");
    assert!(confirmed(&request("general")).is_ok());
}

#[test]
fn what_is_typed_goes_after_the_answer() {
    assert_eq!(
        answer(" Other ", Some(" by hand ")).unwrap(),
        "Other: by hand"
    );
    assert_eq!(answer("Yes", Some("  ")).unwrap(), "Yes");
    assert_eq!(answer(" ", None).unwrap_err().fields[0].field, "answer");
    let long = "x".repeat(5_001);
    assert_eq!(
        answer("a", Some(&long)).unwrap_err().fields[0].field,
        "other_text"
    );
}
