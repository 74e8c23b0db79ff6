//! What the comments of the contract say about how much a field takes, as JSON Schema says it.
//!
//! Comments state bounds in a few fixed ways: `1 to 200 characters`, `at most 200 characters`, `At most 50.`,
//! `0 to 100, 5 when absent`. Whatever is said otherwise stays prose.

use prost_reflect::{FieldDescriptor, Kind};
use serde_json::{Map, Value, json};

/// Bounds that a comment states.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bounds {
    least: Option<u64>,
    most: Option<u64>,
    /// Characters of one item of a list.
    item_most: Option<u64>,
    /// What stands for an absent field.
    default: Option<Value>,
}

/// A word or a number of a comment; digits may be grouped by commas.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Number(u64),
    Word(&'a str),
    End,
}

impl Bounds {
    /// Reads the comment above a field.
    pub(super) fn of(field: &FieldDescriptor, comment: &str) -> Self {
        let tokens = tokens(comment);
        let mut bounds = Self {
            default: default(field, comment),
            ..Self::default()
        };
        let counted = field.is_list() || field.is_map();
        let kind = field.kind();
        let is_text = kind == Kind::String && !counted;
        let is_number = !counted && is_number(&kind);
        for (place, window) in tokens.windows(3).enumerate() {
            let after = tokens.get(place + 3).copied().unwrap_or(Token::End);
            match *window {
                [Token::Number(least), Token::Word("to"), Token::Number(most)]
                    if unit(after, is_text, counted, is_number) =>
                {
                    bounds.least.get_or_insert(least);
                    bounds.most.get_or_insert(most);
                }
                [Token::Word("at"), Token::Word("most"), Token::Number(most)] => {
                    let of_items = place > 0 && tokens[place - 1] == Token::Word("of");
                    if counted && of_items && after == Token::Word("characters") {
                        bounds.item_most.get_or_insert(most);
                    } else if unit(after, is_text, counted, is_number)
                        || (is_text && after == Token::End)
                    {
                        bounds.most.get_or_insert(most);
                    }
                }
                _ => {}
            }
        }
        bounds
    }

    pub(super) const fn range(least: u64, most: u64) -> Self {
        Self {
            least: Some(least),
            most: Some(most),
            item_most: None,
            default: None,
        }
    }

    pub(super) fn standing_for_absence(self, value: u64) -> Self {
        Self {
            default: Some(json!(value)),
            ..self
        }
    }

    /// Whether it says nothing of how much is taken.
    pub(super) fn is_unbounded(&self) -> bool {
        (self.least, self.most, self.item_most) == (None, None, None)
    }

    /// Bounds from elsewhere, with what is said here of absence going first.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            default: self.default.or(other.default),
            ..other
        }
    }

    /// Writes the bounds into the schema of the field. What stands for an absent field matters to who asks.
    pub(super) fn write(
        &self,
        field: &FieldDescriptor,
        asks: bool,
        schema: &mut Map<String, Value>,
    ) {
        let (least, most) = match field.kind() {
            _ if field.is_map() => ("minProperties", "maxProperties"),
            _ if field.is_list() => ("minItems", "maxItems"),
            Kind::String => ("minLength", "maxLength"),
            ref kind if is_number(kind) => ("minimum", "maximum"),
            _ => ("", ""),
        };
        let known = !least.is_empty();
        for (name, bound) in [(least, self.least), (most, self.most)] {
            if let (true, Some(bound)) = (known, bound) {
                schema.insert(name.to_owned(), json!(bound));
            }
        }
        if let (Some(most), Some(Value::Object(items))) = (self.item_most, schema.get_mut("items"))
        {
            items.insert("maxLength".into(), json!(most));
        }
        if let (true, Some(value)) = (asks, &self.default) {
            schema.insert("default".into(), value.clone());
        }
    }
}

fn is_number(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::Bool | Kind::String | Kind::Bytes | Kind::Enum(_) | Kind::Message(_)
    )
}

/// Whether what follows a number says that it counts what the field has: characters of a text, items of a list, or the
/// number itself.
fn unit(after: Token<'_>, is_text: bool, counted: bool, is_number: bool) -> bool {
    match after {
        Token::Word("characters") => is_text,
        Token::End => counted || is_number,
        Token::Word("of" | "each") => counted,
        Token::Word(_) | Token::Number(_) => is_number && after != Token::Word("when"),
    }
}

/// Words in lower case, numbers, and where a clause ends.
fn tokens(comment: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    for word in comment.split_whitespace() {
        let bare = word.trim_matches(['(', ')', '`']);
        let plain = bare.trim_end_matches(['.', ',', ';', ':']);
        let digits = plain.replace(',', "");
        match digits.parse() {
            Ok(number) => found.push(Token::Number(number)),
            Err(_) => found.push(Token::Word(match plain {
                "At" => "at",
                other => other,
            })),
        }
        if plain.len() < bare.len() || bare.len() < word.len() {
            found.push(Token::End);
        }
    }
    found.push(Token::End);
    found
}

/// `100 when absent`, `true when absent`, `` `medium` when absent ``.
fn default(field: &FieldDescriptor, comment: &str) -> Option<Value> {
    if field.is_list() || field.is_map() {
        return None;
    }
    let before = &comment[..comment.find(" when absent")?];
    let word = before
        .rsplit(|letter: char| letter.is_whitespace())
        .next()?
        .trim_matches(['`', '(']);
    match field.kind() {
        Kind::Bool => word.parse::<bool>().ok().map(Value::from),
        Kind::Enum(words) => crate::transcode::Words::of(&words)
            .number(word)
            .map(|_| json!(word)),
        Kind::String => before.ends_with('`').then(|| json!(word)),
        ref kind if is_number(kind) => word.parse::<i64>().ok().map(Value::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(message: &str, name: &str) -> FieldDescriptor {
        let message = proto::pool().get_message_by_name(message).unwrap();
        message.get_field_by_name(name).unwrap()
    }

    fn written(field: &FieldDescriptor, comment: &str) -> Value {
        let mut schema = Map::new();
        if field.is_list() {
            schema.insert("items".into(), json!({}));
        }
        Bounds::of(field, comment).write(field, true, &mut schema);
        Value::Object(schema)
    }

    #[test]
    fn characters_items_and_numbers_are_told_apart() {
        let text = field("mission.board.v1.Task", "title");
        let list = field("mission.board.v1.BoardMemory", "tags");
        let number = field("mission.board.v1.Board", "max_agents");
        for (field, comment, expected) in [
            (
                &text,
                "1 to 10,000 characters after trimming.",
                json!({"minLength": 1, "maxLength": 10_000}),
            ),
            (
                &text,
                "What the author says, at most 200 characters; else nothing.",
                json!({"maxLength": 200}),
            ),
            (&text, "How many done tasks. 0 to 1,000.", json!({})),
            (
                &list,
                "At most 50 of at most 100 characters; null when none were given.",
                json!({"items": {"maxLength": 100}, "maxItems": 50}),
            ),
            (
                &list,
                "1 to 500.",
                json!({"items": {}, "minItems": 1, "maxItems": 500}),
            ),
            (
                &list,
                "At most 500, each board once.",
                json!({"items": {}, "maxItems": 500}),
            ),
            (
                &number,
                "How many done tasks. 0 to 1,000, 200 when absent.",
                json!({"minimum": 0, "maximum": 1_000, "default": 200}),
            ),
            (
                &number,
                "100 when absent. 0 to 10,000.",
                json!({"minimum": 0, "maximum": 10_000, "default": 100}),
            ),
            (
                &number,
                "An approval expires after so many seconds, 60 to 31,536,000; null stands for never.",
                json!({"minimum": 60, "maximum": 31_536_000}),
            ),
            (&number, "Calls of the last 24 hours.", json!({})),
        ] {
            assert_eq!(written(field, comment), expected, "{comment}");
        }
    }

    #[test]
    fn what_stands_for_an_absent_field_is_said() {
        let priority = field("mission.board.v1.CreateTaskRequest", "priority");
        assert_eq!(
            default(&priority, "`medium` when absent."),
            Some(json!("medium"))
        );
        let flag = field(
            "mission.board.v1.CreateBoardRequest",
            "require_approval_for_done",
        );
        assert_eq!(default(&flag, "true when absent."), Some(json!(true)));
        let label = field("mission.board.v1.CreateCustomFieldRequest", "label");
        assert_eq!(default(&label, "The key when absent."), None);
    }
}
