//! Rows of the log as lines of a file.

use serde_json::{Map, Value as Json};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON object per line.
    JsonLines,
    /// RFC 4180.
    Csv,
}

impl Format {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }
}

/// The columns of a table, each a member of the row by that path.
const COLUMNS: [(&str, &[&str]); 13] = [
    ("sequence", &["sequence"]),
    ("id", &["id"]),
    ("created_at", &["created_at"]),
    ("event_type", &["event_type"]),
    ("actor_kind", &["actor", "kind"]),
    ("actor_id", &["actor", "id"]),
    ("actor_name", &["actor", "name"]),
    ("board_id", &["board_id"]),
    ("task_id", &["task_id"]),
    ("agent_id", &["agent_id"]),
    ("message", &["message"]),
    ("payload", &["payload"]),
    ("hash", &["hash"]),
];

/// Writes a file piece by piece.
pub(crate) struct Writer {
    format: Format,
    rows: u64,
    piece: String,
}

impl Writer {
    /// Begins a file: a table with its header.
    pub(crate) fn new(format: Format) -> Self {
        let mut writer = Self {
            format,
            rows: 0,
            piece: String::new(),
        };
        if format == Format::Csv {
            let names = COLUMNS.map(|(name, _)| name.to_owned());
            writer.record(&names);
        }
        writer
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, row: &Map<String, Json>) {
        self.rows += 1;
        match self.format {
            Format::JsonLines => self.line(&Json::Object(row.clone())),
            Format::Csv => {
                let cells = COLUMNS.map(|(_, path)| cell(row, path));
                self.record(&cells);
            }
        }
    }

    /// Ends the file with the number of its rows: one that lacks this was cut short.
    pub(crate) fn end(&mut self) {
        match self.format {
            Format::JsonLines => self.line(&serde_json::json!({ "exported": self.rows })),
            Format::Csv => self
                .piece
                .push_str(&format!("# exported {}\r\n", self.rows)),
        }
    }

    /// What was written since the last time.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.piece).into_bytes()
    }

    fn line(&mut self, value: &Json) {
        self.piece.push_str(&value.to_string());
        self.piece.push('\n');
    }

    fn record(&mut self, cells: &[String]) {
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                self.piece.push(',');
            }
            self.quoted(cell);
        }
        self.piece.push_str("\r\n");
    }

    fn quoted(&mut self, cell: &str) {
        if cell.contains(['"', ',', '\r', '\n']) {
            self.piece.push('"');
            self.piece.push_str(&cell.replace('"', "\"\""));
            self.piece.push('"');
        } else {
            self.piece.push_str(cell);
        }
    }
}

/// A member as text: absent as nothing, structure as JSON.
fn cell(row: &Map<String, Json>, path: &[&str]) -> String {
    let member = path
        .iter()
        .enumerate()
        .try_fold(None, |found, (depth, name)| {
            let fields = if depth == 0 {
                Some(row)
            } else {
                found.and_then(Json::as_object)
            };
            fields?.get(*name).map(Some)
        });
    match member.flatten() {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => inert(text),
        Some(other) => other.to_string(),
    }
}

/// Text that no spreadsheet takes for a formula.
fn inert(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(message: &str) -> Map<String, Json> {
        let Json::Object(row) = json!({
            "sequence": 7, "id": "i", "event_type": "task.comment", "message": message,
            "actor": {"kind": "user", "id": null, "name": "Ann"}, "payload": {"a": [1, "x"]},
        }) else {
            unreachable!()
        };
        row
    }

    fn written(format: Format, message: &str) -> String {
        let mut writer = Writer::new(format);
        writer.row(&row(message));
        writer.end();
        let written = String::from_utf8(writer.take()).unwrap();
        assert!(writer.take().is_empty());
        written
    }

    #[test]
    fn a_table_has_a_header_quotes_what_needs_it_and_ends_with_its_count() {
        let header = "sequence,id,created_at,event_type,actor_kind,actor_id,actor_name,board_id,task_id,agent_id,message,payload,hash";
        assert_eq!(
            written(Format::Csv, "a \"b\"\nc"),
            format!(
                "{header}\r\n7,i,,task.comment,user,,Ann,,,,\"a \"\"b\"\"\nc\",\"{{\"\"a\"\":[1,\"\"x\"\"]}}\",\r\n# exported 1\r\n"
            )
        );
    }

    #[test]
    fn a_cell_is_never_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@sum(a1)", "\t=1", "\r=1"] {
            let table = written(Format::Csv, formula);
            assert!(
                table.contains(&format!(",'{formula}"))
                    || table.contains(&format!(",\"'{formula}")),
                "{table}"
            );
            // JSON is no spreadsheet.
            let line = written(Format::JsonLines, formula);
            let first: Json = serde_json::from_str(line.lines().next().unwrap()).unwrap();
            assert_eq!(first["message"], *formula);
        }
        assert_eq!(inert("a=1"), "a=1");
    }

    #[test]
    fn lines_end_with_their_count() {
        let lines = written(Format::JsonLines, "x\ny");
        let lines: Vec<Json> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines, [Json::Object(row("x\ny")), json!({"exported": 1})]);
    }
}
