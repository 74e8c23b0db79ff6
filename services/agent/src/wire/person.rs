//! People as their owner tells of them.

use proto::org::v1::ResolveProfileResponse;

use crate::workspace::Person;

pub(crate) fn of(profile: ResolveProfileResponse) -> Person {
    let email_name = profile
        .email
        .as_deref()
        .and_then(|email| email.split('@').next())
        .map(str::to_owned);
    Person {
        preferred_name: profile.preferred_name.or_else(|| {
            // Somebody without a name is called what stands before the `@`.
            profile.name.is_none().then_some(email_name).flatten()
        }),
        name: profile.name.or(profile.email),
        pronouns: profile.pronouns,
        timezone: profile.timezone,
        notes: profile.notes,
        context: profile.context,
    }
}
