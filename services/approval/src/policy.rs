//! Rules of an organization about who decides. Matching is a pure function of a rule and of what is asked.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::approval::{Requester, Terms};

/// Policies that an organization may have.
pub(crate) const MOST: i64 = 100;

/// A policy as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Policy {
    pub id: Uuid,
    pub organization_id: Uuid,
    pub rule: Rule,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What it fits, and what it does. What is absent fits everything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rule {
    pub name: String,
    pub enabled: bool,
    /// Lower comes first.
    pub position: i32,
    /// An action type, or one that ends in `*` and fits whatever begins so.
    pub action_type: Option<String>,
    pub board_id: Option<Uuid>,
    /// At least.
    pub min_confidence: Option<f64>,
    /// At most.
    pub max_confidence: Option<f64>,
    /// Sorted, without repeats. Empty fits everybody.
    pub requester_roles: Vec<Requester>,
    pub effect: Effect,
    /// How many people have to approve. Of no meaning where it approves by itself.
    pub required_approvals: i32,
    pub forbid_self_approval: bool,
    pub expires_after_seconds: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    AutoApprove,
    RequireApprovals,
}

/// What a policy judges by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Case<'a> {
    pub action_type: &'a str,
    pub board_id: Uuid,
    pub confidence: f64,
    pub requester: Option<Requester>,
}

impl Rule {
    /// Whether it is about such a case, enabled or not.
    pub(crate) fn fits(&self, case: &Case<'_>) -> bool {
        let action = self
            .action_type
            .as_deref()
            .is_none_or(|pattern| action_fits(pattern, case.action_type));
        let board = self.board_id.is_none_or(|board| board == case.board_id);
        let least = self.min_confidence.is_none_or(|min| case.confidence >= min);
        let most = self.max_confidence.is_none_or(|max| case.confidence <= max);
        let role = self.requester_roles.is_empty()
            || case
                .requester
                .is_some_and(|role| self.requester_roles.contains(&role));
        action && board && least && most && role
    }

    /// How many people have to approve under it.
    pub(crate) fn people_needed(&self) -> i32 {
        match self.effect {
            Effect::AutoApprove => 1,
            Effect::RequireApprovals => self.required_approvals,
        }
    }

    /// Names of the fields in which the other differs.
    pub(crate) fn changed_fields(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("name", self.name != other.name),
            ("enabled", self.enabled != other.enabled),
            ("position", self.position != other.position),
            ("action_type", self.action_type != other.action_type),
            ("board_id", self.board_id != other.board_id),
            (
                "min_confidence",
                self.min_confidence != other.min_confidence,
            ),
            (
                "max_confidence",
                self.max_confidence != other.max_confidence,
            ),
            (
                "requester_roles",
                self.requester_roles != other.requester_roles,
            ),
            ("effect", self.effect != other.effect),
            (
                "required_approvals",
                self.required_approvals != other.required_approvals,
            ),
            (
                "forbid_self_approval",
                self.forbid_self_approval != other.forbid_self_approval,
            ),
            (
                "expires_after_seconds",
                self.expires_after_seconds != other.expires_after_seconds,
            ),
        ];
        fields
            .into_iter()
            .filter(|(_, differs)| *differs)
            .map(|(name, _)| name)
            .collect()
    }
}

fn action_fits(pattern: &str, action_type: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == action_type, |begin| {
            action_type.starts_with(begin)
        })
}

/// The policy that applies: the first enabled one that fits, by position, then by age.
pub(crate) fn applicable<'a>(policies: &'a [Policy], case: &Case<'_>) -> Option<&'a Policy> {
    policies
        .iter()
        .filter(|policy| policy.rule.enabled && policy.rule.fits(case))
        .min_by_key(|policy| (policy.rule.position, policy.created_at, policy.id))
}

/// What it takes to decide under a policy; without one a single person decides. The earlier of two moments of expiry counts.
pub(crate) fn terms(
    policy: Option<&Policy>,
    asked_expiry: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Terms {
    let rule = policy.map(|policy| &policy.rule);
    let own_expiry = rule
        .and_then(|rule| rule.expires_after_seconds)
        .map(|seconds| now + TimeDelta::seconds(seconds.into()));
    Terms {
        required_approvals: rule.map_or(1, Rule::people_needed),
        self_approval_forbidden: rule.is_some_and(|rule| rule.forbid_self_approval),
        policy_id: policy.map(|policy| policy.id),
        expires_at: [asked_expiry, own_expiry].into_iter().flatten().min(),
    }
}

impl Effect {
    pub(crate) const ALL: [Self; 2] = [Self::AutoApprove, Self::RequireApprovals];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::AutoApprove => "auto_approve",
            Self::RequireApprovals => "require_approvals",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

#[cfg(test)]
mod tests;
