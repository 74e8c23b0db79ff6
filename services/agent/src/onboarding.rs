//! Onboarding of a board: the main agent of its gateway asks, a person answers, the agent drafts, the person confirms.
//!
//! | From | What | To |
//! |---|---|---|
//! | - | start | active |
//! | active, completed | the agent asks | unchanged |
//! | active, completed | the agent drafts | completed |
//! | active, completed | the person answers | unchanged |
//! | completed | confirm | confirmed |
//! | active, completed | cancel | cancelled |
//! | active, completed | nobody says anything for seven days | expired |
//!
//! Whatever is said is a row first; what the agent is told is a notice besides, so nothing is lost when its gateway is away.

pub(crate) mod draft;
pub(crate) mod expiry;
pub(crate) mod text;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use draft::Draft;

/// Silence after which an onboarding ends by itself.
const LIFETIME: TimeDelta = TimeDelta::days(7);
/// Silence after which the agent counts as stuck.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// What was sent within this time is not sent again.
const JUST_NOW: TimeDelta = TimeDelta::seconds(1);
/// How long somebody who confirms has the onboarding for themselves.
const CLAIM: TimeDelta = TimeDelta::minutes(1);

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Status {
    Active,
    Completed,
    Confirmed,
    Cancelled,
    Expired,
}

/// What moves it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Ask,
    Draft,
    Answer,
    Confirm,
    Cancel,
    Expire,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Agent,
    User,
    /// Nobody's: it has ended.
    None,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    User,
    /// The agent.
    Assistant,
}

/// An onboarding.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Onboarding {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub board_id: Uuid,
    pub gateway_id: Uuid,
    /// Session of the main agent on its gateway.
    pub session_key: String,
    pub status: Status,
    pub draft: Option<Draft>,
    /// Who had the last word, and when.
    pub last_role: Role,
    pub spoken_at: DateTime<Utc>,
    /// When the agent was last told something, and by which notice.
    pub told_at: DateTime<Utc>,
    pub notice_id: Option<Uuid>,
    pub expires_at: DateTime<Utc>,
    /// Until when somebody who confirms has it for themselves.
    pub confirming_until: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub id: Uuid,
    pub role: Role,
    pub content: String,
    pub created_at: DateTime<Utc>,
}

impl Status {
    pub(crate) const ALL: [Self; 5] = [
        Self::Active,
        Self::Completed,
        Self::Confirmed,
        Self::Cancelled,
        Self::Expired,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether something may still be said.
    pub(crate) const fn is_open(self) -> bool {
        matches!(self, Self::Active | Self::Completed)
    }

    /// Where a move leads; `None` when it is not lawful here.
    pub(crate) const fn after(self, made: Move) -> Option<Self> {
        match (self, made) {
            (Self::Active | Self::Completed, Move::Ask | Move::Answer) => Some(self),
            (Self::Active | Self::Completed, Move::Draft) => Some(Self::Completed),
            (Self::Completed, Move::Confirm) => Some(Self::Confirmed),
            (Self::Active | Self::Completed, Move::Cancel) => Some(Self::Cancelled),
            (Self::Active | Self::Completed, Move::Expire) => Some(Self::Expired),
            _ => None,
        }
    }
}

impl Role {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::User, Self::Assistant]
            .into_iter()
            .find(|role| role.as_str() == word)
    }
}

impl Onboarding {
    /// One that begins, for the board of a gateway whose main agent works in this session.
    pub(crate) fn begin(
        organization_id: Uuid,
        board_id: Uuid,
        gateway_id: Uuid,
        session_key: String,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: Uuid::now_v7(),
            organization_id,
            board_id,
            gateway_id,
            session_key,
            status: Status::Active,
            draft: None,
            last_role: Role::User,
            spoken_at: now,
            told_at: now,
            notice_id: None,
            expires_at: now + LIFETIME,
            confirming_until: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// How far it has come, by the clock: one whose time is up has ended, whether or not somebody has noticed.
    pub(crate) fn status(&self, now: DateTime<Utc>) -> Status {
        if self.status.is_open() && self.expires_at <= now && !self.is_being_confirmed(now) {
            Status::Expired
        } else {
            self.status
        }
    }

    pub(crate) fn turn(&self, now: DateTime<Utc>) -> Turn {
        match self.last_role {
            _ if !self.status(now).is_open() => Turn::None,
            Role::User => Turn::Agent,
            Role::Assistant => Turn::User,
        }
    }

    /// Whether the agent has let a message lie for too long.
    pub(crate) fn is_stalled(&self, now: DateTime<Utc>) -> bool {
        self.turn(now) == Turn::Agent && now - self.told_at > PATIENCE
    }

    /// Whether somebody confirms it at this moment.
    pub(crate) fn is_being_confirmed(&self, now: DateTime<Utc>) -> bool {
        self.confirming_until.is_some_and(|until| until > now)
    }

    /// Until when somebody who begins to confirm now has it for themselves.
    pub(crate) fn claimed_until(now: DateTime<Utc>) -> DateTime<Utc> {
        now + CLAIM
    }

    /// Whether what the agent has not answered was told so lately that telling it again would be the same message twice.
    pub(crate) fn was_just_told(&self, now: DateTime<Utc>) -> bool {
        now - self.told_at < JUST_NOW
    }

    /// Somebody said something, by which it moves.
    pub(crate) fn said(&mut self, by: Role, status: Status, now: DateTime<Utc>) {
        self.status = status;
        self.last_role = by;
        self.spoken_at = now;
        self.expires_at = now + LIFETIME;
        self.updated_at = now;
    }

    /// The agent was told something by a notice.
    pub(crate) fn told(&mut self, notice_id: Uuid, now: DateTime<Utc>) {
        self.notice_id = Some(notice_id);
        self.told_at = now;
        self.updated_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVES: [Move; 6] = [
        Move::Ask,
        Move::Draft,
        Move::Answer,
        Move::Confirm,
        Move::Cancel,
        Move::Expire,
    ];

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
    }

    fn begun() -> Onboarding {
        let id = Uuid::from_u128(1);
        Onboarding::begin(id, id, id, "agent:main".into(), at(0))
    }

    #[test]
    fn words_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        for role in [Role::User, Role::Assistant] {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Status::parse("open"), None);
    }

    #[test]
    fn the_table_is_followed_to_the_letter() {
        for status in Status::ALL {
            for made in MOVES {
                let expected = match (status, made) {
                    (Status::Active, Move::Ask | Move::Answer) => Some(Status::Active),
                    (Status::Completed, Move::Ask | Move::Answer) => Some(Status::Completed),
                    (Status::Active | Status::Completed, Move::Draft) => Some(Status::Completed),
                    (Status::Active | Status::Completed, Move::Cancel) => Some(Status::Cancelled),
                    (Status::Active | Status::Completed, Move::Expire) => Some(Status::Expired),
                    (Status::Completed, Move::Confirm) => Some(Status::Confirmed),
                    _ => None,
                };
                assert_eq!(status.after(made), expected, "{status:?} {made:?}");
            }
        }
    }

    #[test]
    fn what_has_ended_stays_so_and_what_is_open_has_an_exit() {
        for status in Status::ALL {
            let exits = MOVES.iter().filter_map(|made| status.after(*made)).count();
            assert_eq!(exits > 0, status.is_open(), "{status:?}");
        }
    }

    #[test]
    fn the_turn_is_the_others_until_it_ends() {
        let mut it = begun();
        assert_eq!(it.turn(at(1)), Turn::Agent);
        it.said(Role::Assistant, Status::Active, at(1));
        assert_eq!(it.turn(at(2)), Turn::User);
        it.said(Role::Assistant, Status::Completed, at(2));
        assert_eq!(it.turn(at(3)), Turn::User);
        it.said(Role::User, Status::Completed, at(3));
        assert_eq!(it.turn(at(4)), Turn::Agent);
        it.status = Status::Confirmed;
        assert_eq!(it.turn(at(5)), Turn::None);
    }

    #[test]
    fn only_an_agent_that_is_asked_stalls() {
        let mut it = begun();
        assert!(!it.is_stalled(at(10)));
        assert!(it.is_stalled(at(11)));
        it.told(Uuid::from_u128(2), at(11));
        assert!(!it.is_stalled(at(12)), "it was told again");
        it.said(Role::Assistant, Status::Active, at(12));
        assert!(!it.is_stalled(at(99)));
    }

    #[test]
    fn seven_days_of_silence_end_it() {
        let (mut it, week) = (begun(), 7 * 24 * 60);
        assert_eq!(it.status(at(week - 1)), Status::Active);
        assert_eq!(it.status(at(week)), Status::Expired);
        assert_eq!(it.turn(at(week)), Turn::None);
        it.said(Role::Assistant, Status::Completed, at(week - 1));
        assert_eq!(it.status(at(week)), Status::Completed);
        it.confirming_until = Some(at(2 * week));
        assert_eq!(it.status(at(2 * week - 1)), Status::Completed);
    }

    #[test]
    fn telling_it_again_within_a_second_is_the_same_message() {
        let it = begun();
        assert!(it.was_just_told(at(0) + TimeDelta::milliseconds(999)));
        assert!(!it.was_just_told(at(0) + TimeDelta::seconds(1)));
    }
}
