//! Whether an RPC is for this kind of caller at all. Finer rights are judged by the service.

use chassis::{Caller, Fault};
use proto::access::Actor;

/// Refuses kinds of caller that the contract does not admit, each with what it would have to be.
pub(crate) fn admit(caller: &Caller, allow: &[Actor]) -> Result<(), Fault> {
    if caller.admitted_by(allow) {
        return Ok(());
    }
    let admits = |actor| allow.contains(&actor);
    Err(match caller {
        Caller::Anonymous => Fault::unauthenticated("UNAUTHENTICATED", "a credential is required"),
        Caller::User(_) if admits(Actor::OrgAdmin) => Fault::forbidden(
            "ADMIN_REQUIRED",
            "only an owner or admin of the organization may do this",
        ),
        Caller::User(_) => Fault::forbidden("AGENT_REQUIRED", "only an agent may do this"),
        Caller::Agent(_) if admits(Actor::Worker) => Fault::forbidden(
            "BOARD_AGENT_REQUIRED",
            "only an agent of a board may do this",
        ),
        Caller::Agent(_) if admits(Actor::Lead) => Fault::forbidden(
            "BOARD_LEAD_REQUIRED",
            "only the lead of a board may do this",
        ),
        Caller::Agent(_) if admits(Actor::GatewayMain) => Fault::forbidden(
            "GATEWAY_MAIN_REQUIRED",
            "only the main agent of a gateway may do this",
        ),
        Caller::Agent(_) => Fault::forbidden("USER_REQUIRED", "only a person may do this"),
        Caller::Internal { .. } => {
            Fault::forbidden("CALLER_NOT_ADMITTED", "this kind of caller may not do this")
        }
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn agent(board: bool, is_board_lead: bool) -> Caller {
        Caller::Agent(chassis::caller::Agent {
            id: Uuid::nil(),
            name: "Ada".into(),
            organization_id: Uuid::nil(),
            gateway_id: Uuid::nil(),
            board_id: board.then(Uuid::nil),
            is_board_lead,
        })
    }

    fn refusal(caller: &Caller, allow: &[Actor]) -> Option<String> {
        admit(caller, allow).err().map(|fault| fault.rest_code())
    }

    #[test]
    fn a_refusal_says_who_it_would_have_to_be() {
        let (worker, lead, main) = (agent(true, false), agent(true, true), agent(false, false));
        let refused = |code: &str| Some(code.to_owned());
        assert_eq!(
            refusal(&Caller::Anonymous, &[Actor::User]),
            refused("unauthenticated")
        );
        assert_eq!(
            refusal(&worker, &[Actor::User, Actor::Lead]),
            refused("board_lead_required")
        );
        assert_eq!(
            refusal(&main, &[Actor::User, Actor::Lead, Actor::Worker]),
            refused("board_agent_required")
        );
        assert_eq!(refusal(&lead, &[Actor::OrgAdmin]), refused("user_required"));
        assert_eq!(refusal(&lead, &[Actor::Lead]), None);
        assert_eq!(refusal(&Caller::Anonymous, &[Actor::Public]), None);
    }
}
