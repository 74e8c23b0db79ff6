//! Headers that keep browsers careful.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS},
};

use crate::Config;

/// For everything that is not a page: nothing in it may load or run.
const DATA_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// The configured headers, without those that are switched off.
pub(super) struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    pub(super) fn new(config: &Config) -> Self {
        let all = [
            (
                X_CONTENT_TYPE_OPTIONS,
                &config.security_header_x_content_type_options,
            ),
            (X_FRAME_OPTIONS, &config.security_header_x_frame_options),
            (REFERRER_POLICY, &config.security_header_referrer_policy),
            (
                HeaderName::from_static("permissions-policy"),
                &config.security_header_permissions_policy,
            ),
        ];
        Self(
            all.into_iter()
                .filter_map(|(name, text)| Some((name, text.0.clone()?)))
                .collect(),
        )
    }

    /// Adds what the response does not carry yet.
    pub(super) fn stamp(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        headers
            .entry(CONTENT_SECURITY_POLICY)
            .or_insert(DATA_POLICY);
    }
}
