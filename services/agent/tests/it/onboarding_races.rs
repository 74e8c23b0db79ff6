//! Several at once in one onboarding: nothing is begun twice, and nothing that was said is lost.

use futures::future::join_all;
use proto::onboarding::v1::{OnboardingLeadDraft, OnboardingStatus};
use sqlx::PgPool;

use crate::{fixture::reason, onboarding::Scene};

#[sqlx::test(migrations = false)]
async fn of_many_who_start_at_once_one_begins_it(pool: PgPool) {
    let scene = Scene::start(pool).await;
    for round in 0..8 {
        let begun = join_all((0..8).map(|_| scene.begin_as(scene.world.admin()))).await;
        let begun: Vec<_> = begun.into_iter().map(Result::unwrap).collect();
        assert!(
            begun.iter().all(|it| it.id == begun[0].id),
            "round {round}: {begun:?}"
        );
        let prompts = "select count(*) from onboarding_message where onboarding_id = $1";
        let id = begun[0].id.parse().unwrap();
        assert_eq!(scene.world.tally(prompts, id).await, 1, "round {round}");
        let started = scene
            .world
            .until_heard("onboarding.started", round + 1)
            .await;
        assert_eq!(started.len(), round + 1);
        scene.cancel().await.unwrap();
    }
    assert_eq!(scene.counts().await.0, 8);
}

#[sqlx::test(migrations = false)]
async fn an_answer_and_a_question_at_once_are_both_kept(pool: PgPool) {
    let scene = Scene::start(pool).await;
    scene.begin().await;
    let mut expected = vec!["prompt".to_owned()];
    for round in 0..6 {
        let answers: Vec<String> = (0..4).map(|n| format!("answer {round}.{n}")).collect();
        let questions: Vec<String> = (0..4).map(|n| format!("question {round}.{n}")).collect();
        let (answered, asked) = tokio::join!(
            join_all(answers.iter().map(|text| scene.answer(text))),
            join_all(questions.iter().map(|text| scene.say(scene.question(text)))),
        );
        assert!(answered.iter().chain(&asked).all(Result::is_ok), "{round}");
        expected.extend(answers.into_iter().chain(questions));
    }
    let kept = scene.get().await.messages;
    assert_eq!(kept.len(), expected.len());
    for text in &expected[1..] {
        let found = kept
            .iter()
            .filter(|message| message.content.contains(text.as_str()))
            .count();
        assert_eq!(found, 1, "{text}");
    }
    let in_order = kept
        .windows(2)
        .all(|pair| pair[0].timestamp.unwrap().seconds <= pair[1].timestamp.unwrap().seconds);
    assert!(in_order);
    scene.until_told("answer 5.3").await;
}

#[sqlx::test(migrations = false)]
async fn a_draft_and_the_end_at_once_agree(pool: PgPool) {
    let scene = Scene::start(pool).await;
    for round in 0..8 {
        scene.begin().await;
        let draft = scene.draft(OnboardingLeadDraft::default());
        let (drafted, cancelled) = tokio::join!(scene.say(draft), scene.cancel());
        assert!(cancelled.is_ok(), "round {round}: {cancelled:?}");
        if let Err(status) = drafted {
            assert_eq!(reason(&status), "ONBOARDING_CLOSED", "round {round}");
        }
        let status = scene.get().await.status();
        assert_eq!(status, OnboardingStatus::Cancelled, "round {round}");
    }
}
