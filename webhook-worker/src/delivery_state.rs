//! How far a delivery is, as receivers' owners see it.

/// What became of a delivery. An attempt that is under way leaves it what it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeliveryState {
    Waiting,
    Delivered,
    /// The last attempt failed; another follows.
    Failed,
    Dead,
}

impl DeliveryState {
    /// The word that the table keeps.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }

    /// Reads the word that the table keeps; its check admits no other.
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "delivered" => Self::Delivered,
            "failed" => Self::Failed,
            "dead" => Self::Dead,
            _ => Self::Waiting,
        }
    }

    /// The state after an attempt or a decision; `None` while one is under way.
    pub(crate) const fn after(state: delivery::State) -> Option<Self> {
        match state {
            delivery::State::Waiting => Some(Self::Waiting),
            delivery::State::Sending => None,
            delivery::State::Sent => Some(Self::Delivered),
            delivery::State::Failed => Some(Self::Failed),
            delivery::State::Dead => Some(Self::Dead),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_back_from_its_word() {
        for state in [
            DeliveryState::Waiting,
            DeliveryState::Delivered,
            DeliveryState::Failed,
            DeliveryState::Dead,
        ] {
            assert_eq!(DeliveryState::of(state.word()), state);
        }
    }
}
