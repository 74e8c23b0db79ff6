//! Files that a gateway does not take, told in one that it does: each under a heading between marks, so that writing it
//! again replaces it.

/// The file that every gateway takes and every agent reads.
pub(crate) const HOST: &str = "AGENTS.md";

/// Puts sections into a text, each in the place that it had or at the end.
pub(crate) fn fold(base: &str, sections: &[(&str, &str)]) -> String {
    let mut text = base.to_owned();
    for (name, content) in sections {
        let section = render(name, content);
        text = match find(&text, name) {
            Some((from, to)) => format!("{}{section}{}", &text[..from], &text[to..]),
            None if text.trim().is_empty() => section,
            None => format!("{}\n\n{section}", text.trim_end()),
        };
    }
    text
}

/// The sections of a text, with their names: what must survive when the text around them is replaced.
pub(crate) fn sections(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let Some((name, after)) = after.split_once(END_OF_MARK) else {
            break;
        };
        let Some((body, after)) = after.split_once(&end(name)) else {
            break;
        };
        let content = body
            .trim_start_matches('\n')
            .split_once("\n\n")
            .map_or("", |(_, content)| content);
        found.push((name.to_owned(), content.trim_end_matches('\n').to_owned()));
        rest = after;
    }
    found
}

/// Takes sections out of a text, and the blank lines that set them off.
pub(crate) fn unfold(text: &str, names: &[String]) -> String {
    let mut text = text.to_owned();
    for name in names {
        while let Some((from, to)) = find(&text, name) {
            let (before, after) = (text[..from].trim_end(), text[to..].trim_start());
            text = match (before.is_empty(), after.is_empty()) {
                (true, _) => after.to_owned(),
                (false, true) => format!("{before}\n"),
                (false, false) => format!("{before}\n\n{after}"),
            };
        }
    }
    text
}

/// Whether a text has a section of this name.
pub(crate) fn has(text: &str, name: &str) -> bool {
    find(text, name).is_some()
}

const BEGIN: &str = "<!-- begin ";
const END_OF_MARK: &str = " -->";

fn begin(name: &str) -> String {
    format!("{BEGIN}{name}{END_OF_MARK}")
}

fn end(name: &str) -> String {
    format!("<!-- end {name}{END_OF_MARK}")
}

fn render(name: &str, content: &str) -> String {
    // A mark inside the content would end the section early.
    let content = content.replace(&end(name), "");
    format!(
        "{}\n## {name}\n\n{}\n{}\n",
        begin(name),
        content.trim_end(),
        end(name)
    )
}

fn find(text: &str, name: &str) -> Option<(usize, usize)> {
    let from = text.find(&begin(name))?;
    let mark = end(name);
    let to = from + text[from..].find(&mark)? + mark.len();
    // The line's own end belongs to the section.
    let to = if text[to..].starts_with('\n') {
        to + 1
    } else {
        to
    };
    Some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_twice_is_folding_once() {
        let once = fold(
            "# Agent\n",
            &[("TOOLS.md", "BASE_URL=x"), ("HEARTBEAT.md", "beat")],
        );
        assert_eq!(
            once,
            "# Agent\n\n<!-- begin TOOLS.md -->\n## TOOLS.md\n\nBASE_URL=x\n<!-- end TOOLS.md -->\n\n\n\
             <!-- begin HEARTBEAT.md -->\n## HEARTBEAT.md\n\nbeat\n<!-- end HEARTBEAT.md -->\n"
                .replace("\n\n\n<", "\n\n<")
        );
        assert_eq!(
            fold(
                &once,
                &[("TOOLS.md", "BASE_URL=x"), ("HEARTBEAT.md", "beat")]
            ),
            once
        );
        let changed = fold(&once, &[("TOOLS.md", "BASE_URL=y")]);
        assert_eq!(changed, once.replace("BASE_URL=x", "BASE_URL=y"));
    }

    #[test]
    fn sections_can_be_carried_to_another_text() {
        let text = fold("old", &[("TOOLS.md", "a\n\nb"), ("HEARTBEAT.md", "c")]);
        let found = sections(&text);
        assert_eq!(
            found,
            [
                ("TOOLS.md".to_owned(), "a\n\nb".to_owned()),
                ("HEARTBEAT.md".to_owned(), "c".to_owned())
            ]
        );
        let carried: Vec<_> = found
            .iter()
            .map(|(name, content)| (name.as_str(), content.as_str()))
            .collect();
        assert_eq!(fold("old", &carried), text);
        assert!(has(&text, "TOOLS.md") && !has("old", "TOOLS.md"));
    }

    #[test]
    fn what_was_folded_in_can_be_taken_out() {
        let sections = [("TOOLS.md", "a"), ("BOARD.md", "b"), ("HEARTBEAT.md", "c")];
        let text = fold("# Agent\n", &sections);
        let without = unfold(&text, &["BOARD.md".to_owned(), "none".to_owned()]);
        assert_eq!(without, fold("# Agent\n", &[sections[0], sections[2]]));
        let names = sections.map(|(name, _)| name.to_owned());
        assert_eq!(unfold(&text, &names), "# Agent\n");
        assert_eq!(unfold("# Agent", &names), "# Agent");
        assert_eq!(unfold(&fold("", &sections), &names), "");
    }

    #[test]
    fn an_empty_host_begins_with_the_section() {
        assert!(fold("", &[("TOOLS.md", "x")]).starts_with("<!-- begin TOOLS.md -->"));
    }

    #[test]
    fn broken_marks_harm_nothing() {
        assert_eq!(sections("<!-- begin X -->\n## X\n\nlost"), []);
        assert_eq!(sections("<!-- begin "), []);
    }
}
