use std::sync::atomic::Ordering;

use reqwest::StatusCode;

use crate::support::{problem, start};

const EXPORT: &str = "/api/v1/activity/export";

#[tokio::test]
async fn bytes_are_sent_as_they_come_with_their_type() {
    let edge = start().await;
    for (query, kind, file, content) in [
        (
            "",
            "application/x-ndjson",
            "activity.jsonl",
            "{\"id\":1}\n{\"exported\":1}\n",
        ),
        (
            "?format=csv",
            "text/csv; charset=utf-8",
            "activity.csv",
            "id\n1\n# exported 1\n",
        ),
    ] {
        let response = edge.get(&format!("{EXPORT}{query}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], kind);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(
            response.headers()["content-disposition"],
            format!("attachment; filename=\"{file}\"")
        );
        assert_eq!(response.text().await.unwrap(), content);
    }
}

#[tokio::test]
async fn what_fails_before_the_first_byte_is_a_problem() {
    let edge = start().await;
    let (status, code, _) = problem(edge.get(&format!("{EXPORT}?actor_id=late")).await).await;
    assert_eq!((status, &*code), (StatusCode::NOT_FOUND, "board_not_found"));
    let (status, ..) = problem(edge.get(&format!("{EXPORT}?format=xml")).await).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    edge.behind.hidden.store(true, Ordering::SeqCst);
    let (status, ..) = problem(edge.get(EXPORT).await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_fails_later_cuts_the_answer_short() {
    let edge = start().await;
    let response = edge.get(&format!("{EXPORT}?actor_id=cut")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.text().await.is_err(), "a reader has to notice");
}
