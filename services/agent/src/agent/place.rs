//! Names, keys and paths on a gateway. Derived from ids alone, so that they survive every rename and every restart.

use uuid::Uuid;

/// Key of the main agent of a gateway.
pub(crate) fn main_key(gateway_id: Uuid) -> String {
    format!("mc-gateway-{gateway_id}")
}

/// Key of the lead of a board: one per board, whoever it is.
pub(crate) fn lead_key(board_id: Uuid) -> String {
    format!("lead-{board_id}")
}

/// Key of a worker.
pub(crate) fn worker_key(agent_id: Uuid) -> String {
    format!("mc-{agent_id}")
}

/// Session in which the agent with this key works.
pub(crate) fn session_key(key: &str) -> String {
    format!("agent:{key}:main")
}

/// Workspace of the agent with this key. The root is opaque: `~` is the gateway's to expand. The main agent's directory
/// drops the `mc-` of its key.
pub(crate) fn workspace(root: &str, key: &str) -> String {
    let directory = if key.starts_with("mc-gateway-") {
        &key["mc-".len()..]
    } else {
        key
    };
    format!("{}/workspace-{directory}", root.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(0x11);
    const TEXT: &str = "00000000-0000-0000-0000-000000000011";

    #[test]
    fn keys_are_those_that_gateways_already_know() {
        assert_eq!(
            session_key(&main_key(ID)),
            format!("agent:mc-gateway-{TEXT}:main")
        );
        assert_eq!(
            session_key(&lead_key(ID)),
            format!("agent:lead-{TEXT}:main")
        );
        assert_eq!(
            session_key(&worker_key(ID)),
            format!("agent:mc-{TEXT}:main")
        );
    }

    #[test]
    fn workspaces_keep_the_tilde_and_lose_the_slash() {
        assert_eq!(
            workspace("~/.openclaw/", &main_key(ID)),
            format!("~/.openclaw/workspace-gateway-{TEXT}")
        );
        assert_eq!(
            workspace("/srv", &lead_key(ID)),
            format!("/srv/workspace-lead-{TEXT}")
        );
        assert_eq!(
            workspace("/srv", &worker_key(ID)),
            format!("/srv/workspace-mc-{TEXT}")
        );
    }
}
