//! What the free-form payload of a request means: it may carry the reason, and it may name tasks.

use serde_json::{Map, Value as Json};
use uuid::Uuid;

/// Where a payload may list tasks, in the order in which they count.
const LISTS: [&str; 3] = ["task_ids", "taskIds", "taskIDs"];
/// Where a payload may name one task.
const SINGLES: [&str; 3] = ["task_id", "taskId", "taskID"];

/// Makes sure that the request says why: the payload's own `reason` or `decision.reason`, else the given one, which is
/// then stored as `reason`. `None` when nobody says why.
pub(crate) fn reasoned(payload: Option<Json>, given: Option<String>) -> Option<Json> {
    if payload.as_ref().is_some_and(says_why) {
        return payload;
    }
    let reason = given
        .map(|reason| reason.trim().to_owned())
        .filter(|reason| !reason.is_empty())?;
    let mut fields = match payload {
        Some(Json::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.insert("reason".to_owned(), Json::String(reason));
    Some(Json::Object(fields))
}

fn says_why(payload: &Json) -> bool {
    [&payload["reason"], &payload["decision"]["reason"]]
        .into_iter()
        .any(|reason| {
            reason
                .as_str()
                .is_some_and(|reason| !reason.trim().is_empty())
        })
}

/// Tasks that a payload names. What is no UUID is none.
pub(crate) fn task_ids(payload: &Json) -> impl Iterator<Item = Uuid> {
    let listed = LISTS
        .into_iter()
        .filter_map(|key| payload[key].as_array())
        .flatten();
    let single = SINGLES.into_iter().map(|key| &payload[key]);
    listed
        .chain(single)
        .filter_map(|id| Uuid::try_parse(id.as_str()?).ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_reason_may_stand_in_three_places() {
        let own = json!({"reason": "done"});
        assert_eq!(reasoned(Some(own.clone()), Some("other".into())), Some(own));
        let decided = json!({"decision": {"reason": "done"}});
        assert_eq!(reasoned(Some(decided.clone()), None), Some(decided));
        assert_eq!(
            reasoned(None, Some("  why ".into())),
            Some(json!({"reason": "why"}))
        );
        assert_eq!(
            reasoned(Some(json!({"a": 1, "reason": " "})), Some("why".into())),
            Some(json!({"a": 1, "reason": "why"}))
        );
    }

    #[test]
    fn a_request_without_a_reason_is_none() {
        for payload in [
            None,
            Some(json!({})),
            Some(json!({"reason": ""})),
            Some(json!({"reason": 5})),
            Some(json!({"decision": "reason"})),
            Some(json!({"decision": {"reason": "  "}})),
        ] {
            assert_eq!(reasoned(payload.clone(), None), None, "{payload:?}");
            assert_eq!(reasoned(payload, Some("  ".into())), None);
        }
    }

    #[test]
    fn tasks_are_found_under_every_spelling_in_a_fixed_order() {
        let id = |n: u128| Uuid::from_u128(n).to_string();
        let payload = json!({
            "taskID": id(6), "taskId": id(5), "task_id": id(4),
            "taskIDs": [id(3)], "taskIds": [id(2), id(2)], "task_ids": [id(1), "nope", 7, null, {}],
        });
        let found: Vec<u128> = task_ids(&payload).map(|id| id.as_u128()).collect();
        assert_eq!(found, [1, 2, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn tasks_in_the_wrong_shape_are_ignored() {
        let id = Uuid::from_u128(1).to_string();
        let payload =
            json!({"task_ids": id, "task_id": [id], "taskId": null, "taskIds": {"a": id}});
        assert_eq!(task_ids(&payload).count(), 0);
    }
}
