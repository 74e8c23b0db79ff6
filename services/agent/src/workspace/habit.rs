//! Ways of working that people chose for an agent, and what each asks of it.

/// One of them.
pub(super) struct Habit {
    pub name: &'static str,
    pub value: String,
    /// Empty for a value that nobody has explained.
    pub meaning: &'static str,
}

/// Entries of an identity profile, and how the files call them.
const NAMES: [(&str, &str); 4] = [
    ("autonomy_level", "Autonomy"),
    ("verbosity", "Verbosity"),
    ("output_format", "Form of answers"),
    ("update_cadence", "Rhythm of reports"),
];

/// What is known of a value.
const MEANINGS: [(&str, &str, &str); 13] = [
    (
        "autonomy_level",
        "ask_first",
        "Propose, and wait for a yes before you begin, assign or close anything",
    ),
    (
        "autonomy_level",
        "balanced",
        "Decide what can be undone; ask about the rest",
    ),
    (
        "autonomy_level",
        "autonomous",
        "Decide, and say what you decided; ask where an approval is demanded",
    ),
    ("verbosity", "concise", "The result first, in a few lines"),
    (
        "verbosity",
        "balanced",
        "The result first, then the reasons that matter",
    ),
    (
        "verbosity",
        "detailed",
        "The result first, then all reasons and what you ruled out",
    ),
    ("output_format", "bullets", "Lists of short points"),
    (
        "output_format",
        "mixed",
        "Short paragraphs, lists where they help",
    ),
    ("output_format", "narrative", "Connected prose"),
    (
        "update_cadence",
        "asap",
        "Report whenever something changes",
    ),
    (
        "update_cadence",
        "hourly",
        "Report once an hour while something moves",
    ),
    (
        "update_cadence",
        "daily",
        "Report once a day; at once when something is blocked",
    ),
    (
        "update_cadence",
        "weekly",
        "Report once a week; at once when something is blocked",
    ),
];

/// Those that were chosen.
pub(super) fn of(entry: impl Fn(&'static str) -> String) -> Vec<Habit> {
    let chosen = NAMES.into_iter().map(|(key, name)| (key, name, entry(key)));
    chosen
        .filter(|(_, _, value)| !value.is_empty())
        .map(|(key, name, value)| {
            let known = MEANINGS
                .iter()
                .find(|(of, word, _)| *of == key && value.eq_ignore_ascii_case(word));
            Habit {
                name,
                meaning: known.map_or("", |(_, _, meaning)| meaning),
                value,
            }
        })
        .collect()
}
