//! What a task says in the custom fields of its board.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use uuid::Uuid;

use super::{CustomField, Refusal};

/// Most bytes of the values of one task together, as JSON.
const MAX_TOTAL: usize = 100_000;

/// The values of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Values {
    /// Its own, by the id of the field; also of fields that it does not show now. None is null.
    pub(crate) own: BTreeMap<Uuid, Json>,
    /// What it shows in every field of its board, by the key: its own value, else the default, else null.
    pub(crate) shown: BTreeMap<String, Json>,
}

/// Values that a request names, by the key of the field; null clears.
pub(crate) type Named = BTreeMap<String, Json>;

/// When values are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Every required field must show something.
    Creation,
    /// A required field must not be cleared to nothing. One that never had a value, because it became required later,
    /// stands in nobody's way.
    Change,
}

impl Values {
    /// The values after a request, judged by the fields of the board: unknown keys, then each value, then what is missing.
    pub(crate) fn filled(
        &self,
        fields: &[CustomField],
        named: &Named,
        occasion: Occasion,
    ) -> Result<Self, Refusal> {
        let unknown: Vec<String> = named
            .keys()
            .filter(|key| fields.iter().all(|field| field.key != **key))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            return Err(Refusal::Unknown { keys: unknown });
        }
        let mut own = self.own.clone();
        for (key, value) in named {
            let Some(field) = fields.iter().find(|field| field.key == *key) else {
                continue;
            };
            if value.is_null() {
                own.remove(&field.id);
                continue;
            }
            field.rule()?.check(value).map_err(|why| Refusal::Unfit {
                key: key.clone(),
                kind: field.kind,
                why,
            })?;
            own.insert(field.id, value.clone());
        }
        let missing = missing(fields, named, &own, occasion);
        if !missing.is_empty() {
            return Err(Refusal::Missing { keys: missing });
        }
        let size: usize = own.values().map(|value| value.to_string().len()).sum();
        if size > MAX_TOTAL {
            return Err(Refusal::TooLong { max: MAX_TOTAL });
        }
        let shown = fields
            .iter()
            .map(|field| (field.key.clone(), shown(field, &own)))
            .collect();
        Ok(Self { own, shown })
    }
}

fn shown(field: &CustomField, own: &BTreeMap<Uuid, Json>) -> Json {
    own.get(&field.id)
        .or(field.default.as_ref())
        .cloned()
        .unwrap_or(Json::Null)
}

/// Keys of required fields that would show nothing and should, sorted.
fn missing(
    fields: &[CustomField],
    named: &Named,
    own: &BTreeMap<Uuid, Json>,
    occasion: Occasion,
) -> Vec<String> {
    let minds = |field: &&CustomField| match occasion {
        Occasion::Creation => true,
        Occasion::Change => named.contains_key(&field.key),
    };
    let mut keys: Vec<String> = fields
        .iter()
        .filter(|field| field.required && shown(field, own).is_null())
        .filter(minds)
        .map(|field| field.key.clone())
        .collect();
    keys.sort_unstable();
    keys
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::custom_field::{Kind, Visibility};

    fn field(
        id: u128,
        key: &str,
        kind: Kind,
        required: bool,
        default: Option<Json>,
    ) -> CustomField {
        CustomField {
            id: Uuid::from_u128(id),
            organization_id: Uuid::nil(),
            key: key.to_owned(),
            label: key.to_owned(),
            kind,
            visibility: Visibility::Always,
            regex: None,
            description: None,
            required,
            default,
            board_ids: Vec::new(),
            archived: false,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    fn named(pairs: &[(&str, Json)]) -> Named {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()))
            .collect()
    }

    #[test]
    fn unknown_keys_come_before_bad_values_and_those_before_missing_ones() {
        let fields = [
            field(1, "a", Kind::Integer, false, None),
            field(2, "b", Kind::Text, true, None),
            field(3, "c", Kind::Text, true, None),
        ];
        let judge = |pairs: &[(&str, Json)]| {
            Values::default()
                .filled(&fields, &named(pairs), Occasion::Creation)
                .unwrap_err()
        };
        assert_eq!(
            judge(&[("z", json!(1)), ("a", json!("x")), ("y", json!(1))]),
            Refusal::Unknown {
                keys: vec!["y".into(), "z".into()]
            }
        );
        assert!(matches!(judge(&[("a", json!("x"))]), Refusal::Unfit { key, .. } if key == "a"));
        assert_eq!(
            judge(&[("a", json!(1))]),
            Refusal::Missing {
                keys: vec!["b".into(), "c".into()]
            }
        );
    }

    #[test]
    fn empty_values_are_values_and_null_is_none() {
        let fields = [
            field(1, "a", Kind::Integer, true, None),
            field(2, "b", Kind::Text, true, None),
            field(3, "c", Kind::Boolean, true, None),
            field(4, "d", Kind::Text, true, Some(json!("default"))),
        ];
        let named = named(&[
            ("a", json!(0)),
            ("b", json!("")),
            ("c", json!(false)),
            ("d", json!(null)),
        ]);
        let values = Values::default()
            .filled(&fields, &named, Occasion::Creation)
            .unwrap();
        assert_eq!(values.shown["d"], json!("default"));
        assert_eq!(values.own.len(), 3);
    }

    #[test]
    fn a_field_that_became_required_stands_in_nobodys_way() {
        let fields = [
            field(1, "old", Kind::Text, false, None),
            field(2, "new", Kind::Text, true, None),
        ];
        let none = Values::default();
        let change = |values: &Values, pairs: &[(&str, Json)]| {
            values.filled(&fields, &named(pairs), Occasion::Change)
        };
        assert!(change(&none, &[("old", json!("x"))]).is_ok());
        assert_eq!(
            change(&none, &[("new", json!(null))]),
            Err(Refusal::Missing {
                keys: vec!["new".into()]
            })
        );
        let set = change(&none, &[("new", json!("x"))]).unwrap();
        assert!(change(&set, &[("new", json!(null))]).is_err());
        assert_eq!(change(&set, &[("old", json!("y"))]).unwrap().own.len(), 2);
    }

    #[test]
    fn values_of_fields_that_do_not_show_are_kept() {
        let hidden = Uuid::from_u128(9);
        let before = Values {
            own: [(hidden, json!(1))].into(),
            shown: BTreeMap::new(),
        };
        let after = before.filled(&[], &Named::new(), Occasion::Change).unwrap();
        assert_eq!(after.own, before.own);
    }

    #[test]
    fn all_values_together_have_an_end() {
        let fields: Vec<_> = (0..6)
            .map(|n| field(n, &format!("f{n}"), Kind::TextLong, false, None))
            .collect();
        let all = fields
            .iter()
            .map(|field| (field.key.clone(), json!("x".repeat(19_000))))
            .collect();
        assert!(matches!(
            Values::default().filled(&fields, &all, Occasion::Creation),
            Err(Refusal::TooLong { .. })
        ));
    }
}
