//! `google.api.http`, read from the options of a method.

use http::Method;
use prost_reflect::{DynamicMessage, MethodDescriptor, Value};

/// One binding of a method to a verb and a path.
#[derive(Debug, PartialEq)]
pub(super) struct Rule {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: String,
    pub(super) response_body: String,
}

/// The bindings of a method, the first one first; empty when it has no REST route.
pub(super) fn of(method: &MethodDescriptor) -> Vec<Rule> {
    let Some(http) = method
        .parent_pool()
        .get_extension_by_name("google.api.http")
    else {
        return Vec::new();
    };
    let options = method.options();
    if !options.has_extension(&http) {
        return Vec::new();
    }
    let Value::Message(first) = options.get_extension(&http).into_owned() else {
        return Vec::new();
    };
    let additional = first
        .get_field_by_name("additional_bindings")
        .map(|list| list.into_owned());
    let additional = additional
        .as_ref()
        .and_then(Value::as_list)
        .unwrap_or_default();
    std::iter::once(&first)
        .chain(additional.iter().filter_map(Value::as_message))
        .filter_map(rule)
        .collect()
}

/// Whether a method changes something, as its verb says. One without a route is taken to.
pub(super) fn writes(method: &MethodDescriptor) -> bool {
    of(method)
        .first()
        .is_none_or(|rule| rule.method != Method::GET)
}

fn rule(message: &DynamicMessage) -> Option<Rule> {
    let text = |name: &str| {
        let value = message.get_field_by_name(name)?;
        value
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let verbs = [
        ("get", Method::GET),
        ("put", Method::PUT),
        ("post", Method::POST),
        ("delete", Method::DELETE),
        ("patch", Method::PATCH),
    ];
    let (method, path) = verbs
        .into_iter()
        .find_map(|(name, method)| Some((method, text(name)?)))?;
    Some(Rule {
        method,
        path,
        body: text("body").unwrap_or_default(),
        response_body: text("response_body").unwrap_or_default(),
    })
}
