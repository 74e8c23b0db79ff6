//! What can become of an agent, whatever happens in whatever order: played through with the rules themselves.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use uuid::Uuid;

use crate::{
    agent::Wake,
    job::{Job, Kind, Step, Wish},
    phase::{self, Change, MAX_WAKES, Phase, Status},
    waking::{self, Due, Next},
};

const PATIENCE: TimeDelta = TimeDelta::minutes(5);

/// What happens to an agent.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Update(Wish),
    Move,
    Delete,
    Retry,
    WakeNow,
    /// Its job does its next step.
    Advance,
    /// Its job fails for good.
    GiveUp,
    Call,
    /// Its gateway refuses to wake it.
    Refuse,
    Pause,
    Resume,
    /// Minutes.
    Pass(i64),
}

/// An agent, with what is planned for it.
#[derive(Clone, Debug)]
struct Life {
    now: DateTime<Utc>,
    phase: Phase,
    leaving: bool,
    gone: bool,
    provisioned_at: Option<DateTime<Utc>>,
    last_seen_at: Option<DateTime<Utc>>,
    wake: Wake,
    job: Option<Job>,
    /// A wake-up that is due, when, and whether it waits for the board.
    due: Option<(Due, DateTime<Utc>, bool)>,
    paused: bool,
}

impl Life {
    fn begin() -> Self {
        let mut life = Self {
            now: DateTime::UNIX_EPOCH,
            phase: Phase::Pending,
            leaving: false,
            gone: false,
            provisioned_at: None,
            last_seen_at: None,
            wake: Wake::default(),
            job: None,
            due: None,
            paused: false,
        };
        life.plan(Kind::Provision, Wish::default());
        life
    }

    fn plan(&mut self, kind: Kind, wish: Wish) {
        self.job = Some(Job {
            id: Uuid::nil(),
            agent_id: Uuid::nil(),
            kind,
            step: kind.begins(),
            wish,
            requested_by: None,
            again: false,
            again_wish: Wish::default(),
            pace_again: false,
            created_at: self.now,
        });
    }

    /// Whether the change was lawful.
    fn change(&mut self, change: Change) -> bool {
        let lawful = change.from().contains(&self.phase) && change.of_leaving() == self.leaving;
        if lawful {
            self.phase = change.to();
        }
        lawful
    }

    fn happens(&mut self, happening: Happening) {
        if self.gone {
            return;
        }
        match happening {
            Happening::Update(wish) => self.update(wish),
            Happening::Move if self.change(Change::Move) => {
                (self.provisioned_at, self.wake, self.due) = (None, Wake::default(), None);
                self.plan(Kind::Provision, Wish::default());
            }
            Happening::Delete if Change::Leave.from().contains(&self.phase) => {
                (self.phase, self.leaving) = (Change::Leave.to(), true);
                (self.wake, self.due) = (Wake::default(), None);
                self.plan(Kind::Delete, Wish::default());
            }
            Happening::Retry if self.leaving && self.change(Change::RetryRemoval) => {
                self.plan(Kind::Delete, Wish::default());
            }
            Happening::Retry if self.change(Change::Retry) => {
                self.plan(Kind::needed(self.provisioned_at), Wish::default());
            }
            Happening::WakeNow if self.phase == Phase::Ready && !self.paused => {
                self.due = Some((due(true, None), self.now, false));
            }
            Happening::Advance => self.advance(),
            Happening::GiveUp => self.give_up(),
            Happening::Call if !self.leaving => {
                (self.last_seen_at, self.wake) = (Some(self.now), Wake::default());
            }
            Happening::Refuse => self.refuse(),
            Happening::Pause => self.paused = true,
            Happening::Resume => {
                self.paused = false;
                if let Some((_, at, held @ true)) = &mut self.due {
                    (*at, *held) = (self.now, false);
                }
            }
            Happening::Pass(minutes) => {
                self.now += TimeDelta::minutes(minutes);
                self.look();
            }
            Happening::Move
            | Happening::Delete
            | Happening::Retry
            | Happening::WakeNow
            | Happening::Call => {}
        }
    }

    fn update(&mut self, wish: Wish) {
        if self.leaving {
            return;
        }
        if let Some(job) = &mut self.job {
            (job.again, job.again_wish) = (true, job.again_wish.and(wish));
        } else if self.change(Change::Refresh) || self.change(Change::Retry) {
            self.plan(Kind::needed(self.provisioned_at), wish);
        }
    }

    fn advance(&mut self) {
        let Some(mut job) = self.job.take() else {
            return;
        };
        if job.step == job.kind.begins()
            && let Some(change) = job.kind.starts()
        {
            self.change(change);
        }
        if job.step == Step::Wake && self.paused {
            self.job = Some(job);
            return;
        }
        if job.step == Step::Wake {
            self.woken(true);
        }
        job.step = job.after(job.step);
        if job.step != Step::Done {
            self.job = Some(job);
            return;
        }
        if job.kind == Kind::Delete {
            self.gone = true;
            return;
        }
        assert!(self.change(Change::Finish), "{self:?}");
        self.provisioned_at = Some(self.now);
        if job.again && self.change(Change::Refresh) {
            self.plan(Kind::Update, job.again_wish);
        }
    }

    fn give_up(&mut self) {
        if let Some(job) = self.job.take() {
            let change = match job.kind {
                Kind::Delete => Change::GiveUpRemoval,
                Kind::Provision | Kind::Update | Kind::Pace => Change::GiveUp,
            };
            assert!(self.change(change), "{self:?}");
        }
    }

    fn woken(&mut self, first: bool) {
        let attempts = if first { 1 } else { self.wake.attempts + 1 };
        let deadline = self.now + PATIENCE;
        self.wake = Wake {
            attempts,
            sent_at: Some(self.now),
            deadline_at: Some(deadline),
        };
        self.due = Some((due(false, None), deadline, false));
    }

    fn refuse(&mut self) {
        if self
            .due
            .take_if(|(_, at, held)| *at <= self.now && !*held)
            .is_some()
        {
            self.wake.deadline_at = None;
        }
    }

    /// What is due is looked at.
    fn look(&mut self) {
        let Some((due_now, _, _)) = self.due.filter(|(_, at, held)| *at <= self.now && !held)
        else {
            return;
        };
        self.due = None;
        match waking::next(&due_now, &self.wake, self.last_seen_at, self.paused) {
            Next::Nothing => {}
            Next::Send { reset } => {
                assert_eq!(
                    reset,
                    !due_now.is_first && self.wake.attempts + 1 == MAX_WAKES
                );
                self.woken(due_now.is_first);
            }
            Next::Silent => self.wake.deadline_at = None,
            Next::Hold => {
                self.wake = Wake {
                    sent_at: self.wake.sent_at,
                    ..Wake::default()
                };
                self.due = Some((due(true, Some(self.now)), self.now, true));
            }
        }
    }

    fn status(&self) -> Status {
        let every = TimeDelta::minutes(10);
        phase::status(self.phase, &self.wake, self.last_seen_at, every, self.now)
    }

    fn check(&self) {
        if self.gone {
            return;
        }
        let transient = matches!(
            self.phase,
            Phase::Pending | Phase::Provisioning | Phase::Updating | Phase::Deleting
        );
        assert_eq!(
            transient,
            self.job.is_some(),
            "what passes is worked on: {self:?}"
        );
        if self.wake.deadline_at.is_some() {
            assert!(
                self.due.is_some(),
                "who is waited for is looked at: {self:?}"
            );
        }
        if self.status() == Status::Waking {
            assert!(self.wake.attempts >= 1 && self.wake.deadline_at.is_some());
        }
        assert!(self.wake.attempts <= MAX_WAKES, "{self:?}");
        if self.leaving {
            assert!(matches!(self.phase, Phase::Deleting | Phase::Failed));
            assert!(self.due.is_none());
        }
    }
}

fn due(is_first: bool, held_since: Option<DateTime<Utc>>) -> Due {
    Due {
        agent_id: Uuid::nil(),
        is_first,
        held_since,
        sent_at: None,
    }
}

fn wish() -> impl Strategy<Value = Wish> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(rotate, reset_session, wake)| Wish {
        rotate,
        reset_session,
        wake,
        ..Wish::default()
    })
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        2 => wish().prop_map(Happening::Update),
        1 => Just(Happening::Move),
        1 => Just(Happening::Delete),
        2 => Just(Happening::Retry),
        2 => Just(Happening::WakeNow),
        9 => Just(Happening::Advance),
        1 => Just(Happening::GiveUp),
        3 => Just(Happening::Call),
        1 => Just(Happening::Refuse),
        1 => Just(Happening::Pause),
        2 => Just(Happening::Resume),
        5 => (0_i64..15).prop_map(Happening::Pass),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_ends_in_a_named_state(
        happenings in prop::collection::vec(happening(), 0..80), gives_up in any::<bool>(),
    ) {
        let mut life = Life::begin();
        let mut left = false;
        for happening in happenings {
            life.happens(happening);
            life.check();
            prop_assert!(!left || life.leaving, "what goes never comes back");
            left = life.leaving;
        }
        // Nothing more is wanted: the board goes on, what is planned is done or given up, and nobody calls.
        life.happens(Happening::Resume);
        for _ in 0..40 {
            life.happens(if gives_up { Happening::GiveUp } else { Happening::Advance });
            life.happens(Happening::Pass(6));
            life.check();
        }
        let ended = life.gone || life.job.is_none() && life.due.is_none();
        prop_assert!(ended, "{life:?}");
        let named = life.gone
            || matches!(life.status(), Status::Ready | Status::Online | Status::Offline | Status::Failed);
        prop_assert!(named, "{:?}", life.status());
    }
}
