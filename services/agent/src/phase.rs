//! How far an agent has come on its gateway, and what that and its silence mean in one word.
//!
//! | From | Change | To | When |
//! |---|---|---|---|
//! | pending | provision | provisioning | the first job of an agent starts |
//! | pending | update | updating | a later job starts |
//! | provisioning, updating | finish | ready | its files are on the gateway and its session was woken |
//! | pending, provisioning, updating | give up | failed | a permanent refusal, or the deadline passed |
//! | failed | retry | pending | somebody asks for another try |
//! | ready | refresh | pending | something that its files or its gateway say of it has changed |
//! | all but deleting | move | pending | it moved to another gateway, where it was never in place |
//! | all but deleting | leave | deleting | somebody deletes it, or its board or organization was deleted |
//! | deleting | give up removal | failed | a permanent refusal, or the deadline passed |
//! | failed | retry removal | deleting | somebody asks for another try |
//!
//! An agent that goes never comes back: once it left, only the last two rows apply, and they apply to no other. It ends
//! when its row does.
//!
//! The word for a ready agent says whether it is there:
//!
//! | Woken, and a call is waited for | Woken in vain | Last call | Word |
//! |---|---|---|---|
//! | yes | - | - | waking |
//! | no | yes | - | offline |
//! | no | no | never | ready |
//! | no | no | within its silence | online |
//! | no | no | before that | offline |

use chrono::{DateTime, TimeDelta, Utc};

use crate::agent::Wake;

/// How far the desired state has reached the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// A job waits.
    Pending,
    /// The first job is under way.
    Provisioning,
    /// A later job is under way.
    Updating,
    /// The gateway has what is wanted.
    Ready,
    /// Its removal is under way.
    Deleting,
    /// The job gave up.
    Failed,
}

/// What moves an agent from phase to phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Provision,
    Update,
    Finish,
    GiveUp,
    Retry,
    Refresh,
    Move,
    Leave,
    GiveUpRemoval,
    RetryRemoval,
}

/// Phase and presence in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Provisioning,
    Updating,
    Ready,
    Online,
    Offline,
    Deleting,
    Failed,
    /// It was woken and is expected to call.
    Waking,
}

/// Wake-ups after which an agent that never calls is offline.
pub(crate) const MAX_WAKES: i32 = 3;

impl Phase {
    pub(crate) const ALL: [Self; 6] = [
        Self::Pending,
        Self::Provisioning,
        Self::Updating,
        Self::Ready,
        Self::Deleting,
        Self::Failed,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Provisioning => "provisioning",
            Self::Updating => "updating",
            Self::Ready => "ready",
            Self::Deleting => "deleting",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

impl Change {
    /// Phases in which the change is lawful.
    pub(crate) const fn from(self) -> &'static [Phase] {
        match self {
            Self::Provision | Self::Update => &[Phase::Pending],
            Self::Finish => &[Phase::Provisioning, Phase::Updating],
            Self::GiveUp => &[Phase::Pending, Phase::Provisioning, Phase::Updating],
            Self::Retry => &[Phase::Failed],
            Self::Refresh => &[Phase::Ready],
            Self::Move | Self::Leave => &[
                Phase::Pending,
                Phase::Provisioning,
                Phase::Updating,
                Phase::Ready,
                Phase::Failed,
            ],
            Self::GiveUpRemoval => &[Phase::Deleting],
            Self::RetryRemoval => &[Phase::Failed],
        }
    }

    /// The phase that it leads to.
    pub(crate) const fn to(self) -> Phase {
        match self {
            Self::Provision => Phase::Provisioning,
            Self::Update => Phase::Updating,
            Self::Finish => Phase::Ready,
            Self::GiveUp | Self::GiveUpRemoval => Phase::Failed,
            Self::Retry | Self::Refresh | Self::Move => Phase::Pending,
            Self::Leave | Self::RetryRemoval => Phase::Deleting,
        }
    }

    /// Whether it is for agents that go, and for no other.
    pub(crate) const fn of_leaving(self) -> bool {
        match self {
            Self::Provision
            | Self::Update
            | Self::Finish
            | Self::GiveUp
            | Self::Retry
            | Self::Refresh
            | Self::Move
            | Self::Leave => false,
            Self::GiveUpRemoval | Self::RetryRemoval => true,
        }
    }
}

/// How long an agent may be silent, whatever its pace: one slow turn is no absence.
pub(crate) const LEAST_SILENCE: TimeDelta = TimeDelta::minutes(10);

/// Silence after which an agent that beats this often is offline: three beats, at least ten minutes. An agent whose beat
/// is switched off (zero) gets the ten minutes.
pub(crate) fn silence_allowed(every: TimeDelta) -> TimeDelta {
    (every * 3).max(LEAST_SILENCE)
}

/// Phase and presence in one word.
pub(crate) fn status(
    phase: Phase,
    wake: &Wake,
    last_seen_at: Option<DateTime<Utc>>,
    every: TimeDelta,
    now: DateTime<Utc>,
) -> Status {
    match phase {
        Phase::Pending => Status::Pending,
        Phase::Provisioning => Status::Provisioning,
        Phase::Updating => Status::Updating,
        Phase::Deleting => Status::Deleting,
        Phase::Failed => Status::Failed,
        Phase::Ready if wake.deadline_at.is_some() => Status::Waking,
        Phase::Ready if wake.attempts > 0 => Status::Offline,
        Phase::Ready => match last_seen_at {
            None => Status::Ready,
            Some(at) if now - at > silence_allowed(every) => Status::Offline,
            Some(_) => Status::Online,
        },
    }
}

/// Whether a call is the one by which a ready agent reports back: the first after it was put in place, or after it was
/// offline.
pub(crate) fn checks_in(
    phase: Phase,
    provisioned_at: Option<DateTime<Utc>>,
    last_seen_at: Option<DateTime<Utc>>,
    every: TimeDelta,
    call: DateTime<Utc>,
) -> bool {
    phase == Phase::Ready
        && last_seen_at.is_none_or(|last| {
            provisioned_at.is_some_and(|placed| last < placed)
                || call - last > silence_allowed(every)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN: TimeDelta = TimeDelta::minutes(10);

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
    }

    #[test]
    fn every_phase_survives_its_word() {
        for phase in Phase::ALL {
            assert_eq!(Phase::parse(phase.as_str()), Some(phase));
        }
        assert_eq!(Phase::parse("lost"), None);
    }

    #[test]
    fn every_passing_phase_has_an_exit() {
        let changes = [
            Change::Provision,
            Change::Update,
            Change::Finish,
            Change::GiveUp,
            Change::Retry,
            Change::Refresh,
            Change::Move,
            Change::Leave,
            Change::GiveUpRemoval,
            Change::RetryRemoval,
        ];
        for phase in Phase::ALL {
            assert!(
                changes.iter().any(|change| change.from().contains(&phase)),
                "{phase:?}"
            );
        }
    }

    #[test]
    fn an_agent_that_goes_never_comes_back() {
        for change in [Change::GiveUpRemoval, Change::RetryRemoval] {
            assert!(change.of_leaving());
            assert!(matches!(change.to(), Phase::Deleting | Phase::Failed));
        }
        assert!(!Change::Retry.of_leaving() && !Change::Leave.of_leaving());
    }

    #[test]
    fn a_ready_agent_is_ready_then_online_then_offline() {
        let status = |seen, now| status(Phase::Ready, &Wake::default(), seen, TEN, now);
        assert_eq!(status(None, at(99)), Status::Ready);
        assert_eq!(status(Some(at(0)), at(30)), Status::Online);
        assert_eq!(status(Some(at(0)), at(31)), Status::Offline);
    }

    #[test]
    fn presence_never_hides_the_phase() {
        assert_eq!(
            status(Phase::Updating, &Wake::default(), Some(at(0)), TEN, at(0)),
            Status::Updating
        );
        assert_eq!(
            status(Phase::Failed, &Wake::default(), Some(at(0)), TEN, at(0)),
            Status::Failed
        );
    }

    #[test]
    fn a_quick_agent_still_gets_ten_minutes() {
        assert_eq!(silence_allowed(TimeDelta::seconds(20)), LEAST_SILENCE);
        assert_eq!(silence_allowed(TimeDelta::zero()), LEAST_SILENCE);
        assert_eq!(silence_allowed(TimeDelta::hours(1)), TimeDelta::hours(3));
    }

    #[test]
    fn only_the_first_call_after_placing_or_absence_checks_in() {
        let first = |seen, call| checks_in(Phase::Ready, Some(at(10)), seen, TEN, call);
        assert!(first(None, at(11)));
        assert!(first(Some(at(5)), at(11)));
        assert!(!first(Some(at(11)), at(12)));
        assert!(first(Some(at(11)), at(42)));
        assert!(!checks_in(Phase::Provisioning, None, None, TEN, at(11)));
    }
}
