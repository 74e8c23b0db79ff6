//! What a SKILL.md says of itself. Its front matter is YAML of which only two texts are wanted: they are read as YAML writes
//! them (plain, quoted, folded, literal); whatever else stands there is passed over and never interpreted.

/// Name and description of a skill, where its file has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Described {
    pub name: Option<String>,
    pub description: Option<String>,
}

/// Reads a SKILL.md.
pub(crate) fn read(text: &str) -> Described {
    let text = text.trim_start_matches('\u{feff}');
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let (front, body) = split(&lines);
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    Described {
        name: filled(value(front, "name")).or_else(|| heading(body)),
        description: filled(value(front, "description")).or_else(|| first_line(body)),
    }
}

/// The lines of the front matter, and those after it.
fn split<'a>(lines: &'a [&'a str]) -> (&'a [&'a str], &'a [&'a str]) {
    if lines.first() != Some(&"---") {
        return (&[], lines);
    }
    match lines
        .iter()
        .skip(1)
        .position(|line| matches!(*line, "---" | "..."))
    {
        Some(end) => (&lines[1..=end], &lines[end + 2..]),
        None => (&[], lines),
    }
}

/// The text of a key at the margin; the last one counts.
fn value(front: &[&str], key: &str) -> Option<String> {
    let (at, head) = front.iter().enumerate().rev().find_map(|(at, line)| {
        let rest = line.strip_prefix(key)?.trim_start().strip_prefix(':')?;
        (rest.is_empty() || rest.starts_with([' ', '\t'])).then(|| (at, rest.trim()))
    })?;
    let below: Vec<&str> = front[at + 1..]
        .iter()
        .take_while(|line| line.is_empty() || line.starts_with([' ', '\t']))
        .copied()
        .collect();
    Some(match head.chars().next() {
        Some(style @ ('|' | '>')) => block(&below, style == '>'),
        Some('\'') => single_quoted(&joined(head, &below)),
        Some('"') => double_quoted(&joined(head, &below)),
        _ => plain(&joined(head, &below)),
    })
}

/// A text that goes on on indented lines.
fn joined(head: &str, below: &[&str]) -> String {
    let parts = std::iter::once(head).chain(below.iter().copied());
    let parts: Vec<&str> = parts
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" ")
}

fn block(below: &[&str], folded: bool) -> String {
    let indent = below
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> = below
        .iter()
        .map(|line| line.get(indent..).unwrap_or_default())
        .collect();
    if !folded {
        return lines.join("\n").trim().to_owned();
    }
    let paragraphs = lines.split(|line| line.is_empty());
    let paragraphs: Vec<String> = paragraphs
        .map(|lines| lines.join(" "))
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    paragraphs.join("\n")
}

fn plain(text: &str) -> String {
    let end = text.find(" #").unwrap_or(text.len());
    let text = text[..end].trim();
    // A comment alone, a null, or something that is no text.
    if text.starts_with(['#', '[', '{', '&', '*', '!']) || matches!(text, "~" | "null") {
        return String::new();
    }
    text.to_owned()
}

fn single_quoted(text: &str) -> String {
    let mut chars = text.chars().skip(1).peekable();
    let mut read = String::new();
    while let Some(c) = chars.next() {
        if c == '\'' && chars.next_if_eq(&'\'').is_none() {
            break;
        }
        read.push(c);
    }
    read
}

fn double_quoted(text: &str) -> String {
    let mut chars = text.chars().skip(1);
    let mut read = String::new();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('n') => read.push('\n'),
                Some('t') => read.push('\t'),
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    let code = u32::from_str_radix(&digits, 16).ok();
                    read.push(code.and_then(char::from_u32).unwrap_or('\u{fffd}'));
                }
                Some(other) => read.push(other),
                None => break,
            },
            c => read.push(c),
        }
    }
    read
}

fn heading(body: &[&str]) -> Option<String> {
    outside_of_fences(body).find_map(|line| {
        let rest = line.trim_start_matches('#');
        let level = line.len() - rest.len();
        let text = rest.trim().trim_end_matches('#').trim();
        ((1..=6).contains(&level) && rest.starts_with([' ', '\t']) && !text.is_empty())
            .then(|| text.to_owned())
    })
}

/// The first line that is neither a heading, a rule, an image, a comment nor code.
fn first_line(body: &[&str]) -> Option<String> {
    outside_of_fences(body)
        .map(str::trim)
        .find(|line| {
            !line.is_empty()
                && !line.starts_with(['#', '|', '<'])
                && !line.starts_with("![")
                && !line.starts_with("[![")
                && line.chars().any(char::is_alphanumeric)
        })
        .map(str::to_owned)
}

fn outside_of_fences<'a>(body: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let mut fenced = false;
    body.iter().copied().filter(move |line| {
        let fence = line.trim_start();
        if fence.starts_with("```") || fence.starts_with("~~~") {
            fenced = !fenced;
            return false;
        }
        !fenced
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(name: &str, description: &str) -> Described {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Described {
            name: text(name),
            description: text(description),
        }
    }

    fn front(lines: &str) -> Described {
        read(&format!("---\n{lines}\n---\n"))
    }

    #[test]
    fn texts_are_read_as_yaml_writes_them() {
        for (lines, name, description) in [
            (
                "name: pdf\ndescription: Reads PDF files",
                "pdf",
                "Reads PDF files",
            ),
            ("name: pdf # short\ndescription: a#b", "pdf", "a#b"),
            (
                "name : 'it''s' # x\ndescription: \"a \\\"b\\\" \\u00e4\"",
                "it's",
                "a \"b\" \u{e4}",
            ),
            (
                "description: >-\n  Reads\n  files.\n\n  All.\nname: x",
                "x",
                "Reads files.\nAll.",
            ),
            ("description: |\n  One\n    two\nname: x", "x", "One\n  two"),
            (
                "name: x\ndescription: goes\n  on here\nother: y",
                "x",
                "goes on here",
            ),
            ("metadata:\n  name: inner\nname: outer", "outer", ""),
            ("nickname: no\nname:no\n", "", ""),
            ("name: ~\ndescription: [a, b]", "", ""),
            ("name: \"open\ndescription: x", "open", "x"),
        ] {
            assert_eq!(front(lines), described(name, description), "{lines}");
        }
    }

    #[test]
    fn without_front_matter_the_first_heading_and_line_stand_in() {
        let text = "\u{feff}\r\n```\n# no\n```\n<!-- x -->\n## Title ##\r\n\n![x](y)\n---\nFirst line.\nSecond.";
        assert_eq!(read(text), described("Title", "First line."));
        assert_eq!(
            read("---\nname: never closed"),
            described("", "name: never closed")
        );
        assert_eq!(read(""), described("", ""));
        assert_eq!(read("#no heading"), described("", ""));
    }

    #[test]
    fn what_the_front_matter_lacks_the_body_may_have() {
        let text = "---\nname: x\n---\n# Heading\n\nBody.";
        assert_eq!(read(text), described("x", "Body."));
    }
}
