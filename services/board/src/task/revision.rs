//! A change of a list of ids: the whole of it, or something added and taken away.

use uuid::Uuid;

/// What a request makes of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Revision {
    /// This and nothing else, without repeats.
    Whole(Vec<Uuid>),
    /// At the end what is not there yet; away what is there.
    Parts { add: Vec<Uuid>, remove: Vec<Uuid> },
}

impl Revision {
    /// Ids that the list will have because the request names them.
    pub(crate) fn named(&self) -> &[Uuid] {
        match self {
            Self::Whole(ids) => ids,
            Self::Parts { add, .. } => add,
        }
    }

    /// The list after the request.
    pub(crate) fn of(&self, present: impl IntoIterator<Item = Uuid>) -> Vec<Uuid> {
        match self {
            Self::Whole(ids) => ids.clone(),
            Self::Parts { add, remove } => {
                let mut ids: Vec<Uuid> = present
                    .into_iter()
                    .filter(|id| !remove.contains(id))
                    .collect();
                let new: Vec<Uuid> = add.iter().filter(|id| !ids.contains(id)).copied().collect();
                ids.extend(new);
                ids
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(numbers: &[u128]) -> Vec<Uuid> {
        numbers.iter().map(|n| Uuid::from_u128(*n)).collect()
    }

    #[test]
    fn parts_keep_what_they_do_not_name_and_its_order() {
        let parts = Revision::Parts {
            add: ids(&[2, 9]),
            remove: ids(&[3, 7]),
        };
        assert_eq!(parts.of(ids(&[1, 2, 3])), ids(&[1, 2, 9]));
        assert_eq!(Revision::Whole(ids(&[5])).of(ids(&[1])), ids(&[5]));
    }
}
