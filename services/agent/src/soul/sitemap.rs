//! The list of souls that the directory publishes: a sitemap, of which the pages of souls are wanted.

use quick_xml::{
    Reader,
    events::{BytesRef, Event},
    name::LocalName,
};
use url::Url;

/// Souls of a directory.
const MAX: usize = 50_000;
/// Characters of a handle and of a slug.
const SEGMENT: usize = 100;

/// Where a soul stands in the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ref {
    pub handle: String,
    pub slug: String,
}

/// The list is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sitemap cannot be read: {0}")]
pub(crate) struct Broken(String);

/// Whether a text is a handle or a slug.
pub(crate) fn is_segment(text: &str) -> bool {
    text.len() <= SEGMENT
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// The souls of a sitemap, in its order, each once.
pub(crate) fn read(xml: &str) -> Result<Vec<Ref>, Broken> {
    let broken = |why: &dyn std::fmt::Display| Broken(why.to_string());
    let mut reader = Reader::from_str(xml.trim_start_matches('\u{feff}'));
    let (mut depth, mut is_list) = (0_usize, false);
    let (mut address, mut found) = (None::<String>, Vec::new());
    let mut seen = std::collections::HashSet::new();
    loop {
        match reader.read_event().map_err(|error| broken(&error))? {
            Event::Start(start) => {
                depth += 1;
                let name = start.local_name();
                is_list |= depth == 1 && is(name, "urlset");
                address = is(name, "loc").then(String::new);
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                let soul = address.take().and_then(|address| soul(&address));
                if let Some(soul) = soul.filter(|_| found.len() < MAX)
                    && seen.insert((soul.handle.clone(), soul.slug.clone()))
                {
                    found.push(soul);
                }
            }
            Event::Text(text) => add(&mut address, &text.xml10_content()),
            Event::CData(data) => add(&mut address, &data.xml10_content()),
            Event::GeneralRef(reference) => {
                let text = resolved(&reference).map_err(|error| broken(&error))?;
                add(&mut address, &text);
            }
            Event::Eof if depth == 0 && is_list => return Ok(found),
            Event::Eof => return Err(Broken("it is no whole list of addresses".to_owned())),
            Event::Empty(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
}

fn is(name: LocalName<'_>, expected: &str) -> bool {
    name.as_ref() == expected
}

fn add(address: &mut Option<String>, text: &str) {
    if let Some(address) = address {
        address.push_str(text);
    }
}

/// What a reference stands for. Of names, only those that XML itself knows stand for something.
fn resolved(reference: &BytesRef<'_>) -> Result<String, quick_xml::Error> {
    if let Some(c) = reference.resolve_char_ref()? {
        return Ok(c.to_string());
    }
    let known = match reference.xml10_content().as_ref() {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    };
    Ok(known.to_owned())
}

/// The soul of whose page this is the address.
fn soul(address: &str) -> Option<Ref> {
    let url = Url::parse(address.trim()).ok()?;
    let mut segments = url.path().trim_matches('/').split('/');
    let (Some("souls"), Some(handle), Some(slug), None) = (
        segments.next(),
        segments.next(),
        segments.next(),
        segments.next(),
    ) else {
        return None;
    };
    (is_segment(handle) && is_segment(slug)).then(|| Ref {
        handle: handle.to_owned(),
        slug: slug.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(xml: &str) -> Result<Vec<String>, Broken> {
        let name = |soul: Ref| format!("{}/{}", soul.handle, soul.slug);
        read(xml).map(|souls| souls.into_iter().map(name).collect())
    }

    #[test]
    fn pages_of_souls_are_found_among_others() {
        let xml = "\u{feff}<?xml version=\"1.0\"?><!-- x --><urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" \
                   xmlns:i=\"y\">\n\
                   <url><loc> https://souls.directory/souls/ada/writer </loc><lastmod>2026</lastmod></url>\
                   <url><loc><![CDATA[https://souls.directory/souls/bob/cook/]]></loc><i:image/></url>\
                   <url><loc>https://souls.directory/souls/ad&#97;/poet?a=1&amp;b=2</loc></url>\
                   <url><loc>https://souls.directory/souls/ada/writer</loc></url>\
                   <url><loc>https://souls.directory/souls/ada</loc></url>\
                   <url><loc>https://souls.directory/souls/a/b/c</loc></url>\
                   <url><loc>https://souls.directory/souls/-x/b</loc></url>\
                   <url><loc>https://souls.directory/about</loc></url>\
                   <url><loc>no address</loc></url></urlset>\n";
        let expected = ["ada/writer", "bob/cook", "ada/poet"].map(str::to_owned);
        assert_eq!(names(xml), Ok(expected.to_vec()));
        assert_eq!(names("<urlset></urlset>"), Ok(vec![]));
    }

    #[test]
    fn what_is_no_whole_sitemap_is_broken() {
        for bad in [
            "",
            "plain",
            "<html><body></body></html>",
            "<urlset><url><loc>https://souls.directory/souls/a/b</loc></url>",
            "<urlset><url></urlset>",
            "<urlset>&#xFFFFFFFF;</urlset>",
        ] {
            assert!(names(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn entities_of_a_document_stand_for_nothing() {
        let xml = "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><urlset><url>\
                   <loc>https://souls.directory/souls/a/b&e;</loc></url></urlset>";
        assert_eq!(names(xml), Ok(vec!["a/b".into()]));
    }

    #[test]
    fn a_segment_is_a_plain_word() {
        for good in ["a", "A-b_c", "9x"] {
            assert!(is_segment(good), "{good}");
        }
        let long = "x".repeat(101);
        for bad in ["", "-a", "_a", "a.b", "a/b", "..", "\u{e4}", "a b", &long] {
            assert!(!is_segment(bad), "{bad}");
        }
    }
}
