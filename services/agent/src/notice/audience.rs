//! Who is told what of boards, groups and chat. Nobody is told what they did themselves.
//!
//! | Kind | When | Who |
//! |---|---|---|
//! | board updated | fields of a board changed | its lead |
//! | board group leave, join | a board left a group, or joined one | every agent of that board and of the group's boards |
//! | board chat | somebody wrote in a board's chat | its lead and the mentioned |
//! | board command | somebody paused or resumed a board by chat | every agent of the board |
//! | group chat | somebody wrote in a group's chat | the leads of its boards and the mentioned |
//! | group broadcast | somebody spoke to a whole group | every agent of its boards |

use uuid::Uuid;

use super::Kind;

/// Those who are told one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Audience {
    pub kind: Kind,
    /// The boards whose agents can be told.
    pub board_ids: Vec<Uuid>,
    /// Agents that are told whatever they are, if they are of these boards.
    pub mentioned: Vec<Uuid>,
    /// The agent that did it, when one did.
    pub actor: Option<Uuid>,
}

/// An agent that may have to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub id: Uuid,
    pub board_id: Option<Uuid>,
    pub is_lead: bool,
}

impl Audience {
    /// Whether it is every agent of the boards.
    pub(crate) const fn is_everybody(&self) -> bool {
        matches!(
            self.kind,
            Kind::BoardGroupJoin
                | Kind::BoardGroupLeave
                | Kind::BoardCommand
                | Kind::GroupBroadcast
        )
    }

    /// Whether the agent is told.
    pub(crate) fn includes(&self, agent: &Candidate) -> bool {
        let of_boards = agent
            .board_id
            .is_some_and(|board_id| self.board_ids.contains(&board_id));
        of_boards
            && self.actor != Some(agent.id)
            && (agent.is_lead || self.is_everybody() || self.mentioned.contains(&agent.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Uuid = Uuid::from_u128(100);
    const THERE: Uuid = Uuid::from_u128(200);
    const ELSEWHERE: Uuid = Uuid::from_u128(300);

    /// Agents by name: a lead and two workers here, a lead and a worker there, a lead elsewhere, a gateway's main agent.
    const AGENTS: [(&str, Candidate); 7] = [
        ("lead", of(1, Some(HERE), true)),
        ("ada", of(2, Some(HERE), false)),
        ("bob", of(3, Some(HERE), false)),
        ("other lead", of(4, Some(THERE), true)),
        ("zoe", of(5, Some(THERE), false)),
        ("stranger", of(6, Some(ELSEWHERE), true)),
        ("main", of(7, None, false)),
    ];

    const fn of(id: u128, board_id: Option<Uuid>, is_lead: bool) -> Candidate {
        Candidate {
            id: Uuid::from_u128(id),
            board_id,
            is_lead,
        }
    }

    fn id(name: &str) -> Uuid {
        AGENTS
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap()
            .1
            .id
    }

    fn told(
        kind: Kind,
        boards: &[Uuid],
        mentioned: &[&str],
        actor: Option<&str>,
    ) -> Vec<&'static str> {
        let audience = Audience {
            kind,
            board_ids: boards.to_vec(),
            mentioned: mentioned.iter().map(|name| id(name)).collect(),
            actor: actor.map(id),
        };
        AGENTS
            .iter()
            .filter(|(_, agent)| audience.includes(agent))
            .map(|(name, _)| *name)
            .collect()
    }

    #[test]
    fn everybody_is_told_what_concerns_them() {
        let (here, both) = ([HERE].as_slice(), [HERE, THERE].as_slice());
        type Row = (
            Kind,
            &'static [&'static str],
            Option<&'static str>,
            &'static [&'static str],
        );
        let on_one_board: [Row; 10] = [
            (Kind::BoardUpdated, &[], None, &["lead"]),
            (Kind::BoardUpdated, &[], Some("lead"), &[]),
            (Kind::BoardChat, &[], None, &["lead"]),
            (Kind::BoardChat, &["ada"], None, &["lead", "ada"]),
            (Kind::BoardChat, &["lead"], Some("ada"), &["lead"]),
            (
                Kind::BoardChat,
                &["ada", "bob"],
                Some("ada"),
                &["lead", "bob"],
            ),
            (Kind::BoardChat, &["zoe", "main"], Some("lead"), &[]),
            (Kind::BoardCommand, &[], None, &["lead", "ada", "bob"]),
            (Kind::BoardCommand, &[], Some("lead"), &["ada", "bob"]),
            (Kind::BoardGroupLeave, &[], None, &["lead", "ada", "bob"]),
        ];
        for (kind, mentioned, actor, expected) in on_one_board {
            assert_eq!(
                told(kind, here, mentioned, actor),
                expected,
                "{kind:?} {mentioned:?} {actor:?}"
            );
        }
        let in_a_group: [Row; 6] = [
            (
                Kind::BoardGroupJoin,
                &[],
                None,
                &["lead", "ada", "bob", "other lead", "zoe"],
            ),
            (Kind::GroupChat, &[], None, &["lead", "other lead"]),
            (
                Kind::GroupChat,
                &["zoe"],
                Some("other lead"),
                &["lead", "zoe"],
            ),
            (
                Kind::GroupChat,
                &["stranger"],
                Some("main"),
                &["lead", "other lead"],
            ),
            (
                Kind::GroupBroadcast,
                &[],
                None,
                &["lead", "ada", "bob", "other lead", "zoe"],
            ),
            (
                Kind::GroupBroadcast,
                &["ada"],
                Some("zoe"),
                &["lead", "ada", "bob", "other lead"],
            ),
        ];
        for (kind, mentioned, actor, expected) in in_a_group {
            assert_eq!(
                told(kind, both, mentioned, actor),
                expected,
                "{kind:?} {mentioned:?} {actor:?}"
            );
        }
        assert!(told(Kind::GroupBroadcast, &[], &["ada"], None).is_empty());
    }
}
