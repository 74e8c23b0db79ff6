//! What git says about a repository, read from its output.

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Name of its content.
    pub id: String,
}

/// Which branch to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Branch {
    Wanted,
    /// The wanted one does not exist; this is the default.
    Default(String),
    /// There is nothing in the repository.
    None,
}

/// Chooses the branch by the output of `ls-remote --symref`.
pub(crate) fn choose(output: &str, wanted: &str) -> Branch {
    let (full, mut default) = (format!("refs/heads/{wanted}"), None);
    for line in output.lines() {
        match line.split_once('\t') {
            Some((left, "HEAD")) => {
                if let Some(name) = left.strip_prefix("ref: refs/heads/") {
                    default = Some(name.to_owned());
                }
            }
            Some((_, name)) if name == full => return Branch::Wanted,
            _ => {}
        }
    }
    default.map_or(Branch::None, Branch::Default)
}

/// The regular files among the output of `ls-tree -r -z -l`. Links, other repositories and names that are no text are left
/// out.
pub(crate) fn files(output: &[u8]) -> Vec<Blob> {
    output
        .split(|byte| *byte == 0)
        .filter_map(|entry| std::str::from_utf8(entry).ok()?.split_once('\t'))
        .filter_map(|(facts, path)| {
            let mut facts = facts.split_ascii_whitespace();
            let (mode, kind) = (facts.next()?, facts.next()?);
            let (id, size) = (facts.next()?, facts.next()?.parse().ok()?);
            (kind == "blob" && matches!(mode, "100644" | "100755")).then(|| Blob {
                path: path.to_owned(),
                size,
                id: id.to_owned(),
            })
        })
        .collect()
}

/// The contents that `cat-file --batch` answers, in the order in which they were asked for; `None` when the output is not
/// what it answers to these.
pub(crate) fn contents(mut output: &[u8], asked: &[&Blob]) -> Option<Vec<Vec<u8>>> {
    let mut contents = Vec::with_capacity(asked.len());
    for blob in asked {
        let end = output.iter().position(|byte| *byte == b'\n')?;
        let head = std::str::from_utf8(&output[..end]).ok()?;
        if head != format!("{} blob {}", blob.id, blob.size) {
            return None;
        }
        let size = usize::try_from(blob.size).ok()?;
        let (content, rest) = output[end + 1..].split_at_checked(size)?;
        contents.push(content.to_owned());
        output = rest.strip_prefix(b"\n")?;
    }
    Some(contents)
}

/// What went wrong, in one line of what git said.
pub(crate) fn complaint(stderr: &str) -> &str {
    let mut lines = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let first = lines
        .clone()
        .next()
        .unwrap_or("git failed and did not say why");
    let words = ["fatal: ", "error: ", "remote: "];
    lines
        .find_map(|line| words.iter().find_map(|word| line.strip_prefix(word)))
        .unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wanted_branch_goes_before_the_default() {
        let output = "ref: refs/heads/main\tHEAD\n1a\tHEAD\n2b\trefs/heads/dev\n3c\trefs/heads/x/refs/heads/no\n";
        assert_eq!(choose(output, "dev"), Branch::Wanted);
        assert_eq!(choose(output, "no"), Branch::Default("main".into()));
        assert_eq!(choose("", "main"), Branch::None);
    }

    #[test]
    fn only_regular_files_count() {
        let id = "a".repeat(40);
        let output = format!(
            "100644 blob {id}      12\ta b.md\0120000 blob {id}       7\tlink\0160000 commit {id}       -\tmodule\0\
             100755 blob {id}       3\trun\0"
        );
        let mut bytes = output.into_bytes();
        bytes.extend_from_slice(b"100644 blob x 1\t\xff\0");
        let paths: Vec<(String, u64)> = files(&bytes)
            .into_iter()
            .map(|blob| (blob.path, blob.size))
            .collect();
        assert_eq!(paths, [("a b.md".into(), 12), ("run".into(), 3)]);
    }

    #[test]
    fn contents_come_in_the_order_of_the_question() {
        let blob = |id: &str, size| Blob {
            path: String::new(),
            size,
            id: id.into(),
        };
        let (a, b) = (blob("a", 3), blob("b", 0));
        let output = b"a blob 3\nx\ny\nb blob 0\n\n";
        assert_eq!(
            contents(output, &[&a, &b]),
            Some(vec![b"x\ny".to_vec(), Vec::new()])
        );
        assert_eq!(contents(b"a missing\n", &[&a]), None);
        assert_eq!(contents(b"a blob 3\nx", &[&a]), None);
    }

    #[test]
    fn the_complaint_is_what_was_fatal() {
        assert_eq!(
            complaint("Cloning into 'x'...\nfatal: unable to access 'u': no\n"),
            "unable to access 'u': no"
        );
        assert_eq!(complaint("odd\nthing"), "odd");
        assert_eq!(complaint("\n"), "git failed and did not say why");
    }
}
