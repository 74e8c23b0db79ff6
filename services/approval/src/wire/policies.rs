//! Policies as messages of the contract, and requests as rules.

use chassis::{Fault, Mask, decode, encode};
use proto::approval::v1::{
    ApprovalPolicy, CreateApprovalPolicyRequest, PolicyEffect, RequesterRole,
    UpdateApprovalPolicyRequest,
};
use uuid::Uuid;

use super::request::ACTION_TYPE_MAX;
use crate::{
    approval::Requester,
    policy::{Effect, Policy, Rule},
};

/// Longest name, in characters.
const NAME_MAX: usize = 200;
const POSITION_MAX: i32 = 10_000;
const POSITION: i32 = 100;
const PEOPLE_MAX: i32 = 10;
/// A minute to 365 days, in seconds.
const EXPIRY: (i32, i32) = (60, 31_536_000);
/// Roles that a request may list, repeats included.
const ROLES_MAX: usize = 10;

pub(crate) fn policy(policy: Policy) -> ApprovalPolicy {
    let rule = policy.rule;
    ApprovalPolicy {
        id: policy.id.to_string(),
        organization_id: policy.organization_id.to_string(),
        name: rule.name,
        enabled: rule.enabled,
        position: rule.position,
        action_type: rule.action_type,
        board_id: encode::optional_id(rule.board_id),
        min_confidence: rule.min_confidence,
        max_confidence: rule.max_confidence,
        requester_roles: rule
            .requester_roles
            .into_iter()
            .map(|role| RequesterRole::from(role).into())
            .collect(),
        effect: PolicyEffect::from(rule.effect).into(),
        required_approvals: rule.required_approvals,
        forbid_self_approval: rule.forbid_self_approval,
        expires_after_seconds: rule.expires_after_seconds,
        created_at: Some(encode::time(policy.created_at)),
        updated_at: Some(encode::time(policy.updated_at)),
    }
}

impl From<Requester> for RequesterRole {
    fn from(role: Requester) -> Self {
        match role {
            Requester::User => Self::User,
            Requester::Lead => Self::Lead,
            Requester::Worker => Self::Worker,
        }
    }
}

impl From<Effect> for PolicyEffect {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::AutoApprove => Self::AutoApprove,
            Effect::RequireApprovals => Self::RequireApprovals,
        }
    }
}

/// Reads fields of a policy, which stand at a path in the request.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn at(&self, field: &str) -> String {
        format!("{}{field}", self.0)
    }

    fn name(&self, name: &str) -> Result<String, Fault> {
        decode::text(&self.at("name"), name, 1, NAME_MAX)
    }

    fn position(&self, position: i32) -> Result<i32, Fault> {
        decode::number(&self.at("position"), position, 0, POSITION_MAX)
    }

    fn action_type(&self, pattern: Option<&str>) -> Result<Option<String>, Fault> {
        pattern
            .map(|pattern| decode::text(&self.at("action_type"), pattern, 1, ACTION_TYPE_MAX))
            .transpose()
    }

    fn board_id(&self, id: Option<&str>) -> Result<Option<Uuid>, Fault> {
        id.map(|id| decode::id(&self.at("board_id"), id))
            .transpose()
    }

    fn confidence(&self, field: &str, value: Option<f64>) -> Result<Option<f64>, Fault> {
        value
            .map(|value| decode::number(&self.at(field), value, 0.0, 100.0))
            .transpose()
    }

    fn requester_roles(&self, numbers: &[i32]) -> Result<Vec<Requester>, Fault> {
        let field = self.at("requester_roles");
        if numbers.len() > ROLES_MAX {
            let message = format!("at most {ROLES_MAX} roles");
            return Err(Fault::invalid(field, "TOO_MANY", message));
        }
        let mut roles = Vec::with_capacity(numbers.len());
        for (index, number) in numbers.iter().enumerate() {
            roles.push(match RequesterRole::try_from(*number) {
                Ok(RequesterRole::User) => Requester::User,
                Ok(RequesterRole::Lead) => Requester::Lead,
                Ok(RequesterRole::Worker) => Requester::Worker,
                Ok(RequesterRole::Unspecified) | Err(_) => {
                    let field = format!("{field}[{index}]");
                    return Err(Fault::invalid(field, "UNKNOWN", "user, lead or worker"));
                }
            });
        }
        roles.sort_unstable();
        roles.dedup();
        Ok(roles)
    }

    fn effect(&self, number: i32) -> Result<Effect, Fault> {
        let field = self.at("effect");
        match PolicyEffect::try_from(number) {
            Ok(PolicyEffect::AutoApprove) => Ok(Effect::AutoApprove),
            Ok(PolicyEffect::RequireApprovals) => Ok(Effect::RequireApprovals),
            Ok(PolicyEffect::Unspecified) => {
                Err(Fault::invalid(field, "REQUIRED", "must not be null"))
            }
            Err(_) => {
                let message = "auto_approve or require_approvals";
                Err(Fault::invalid(field, "UNKNOWN", message))
            }
        }
    }

    fn required_approvals(&self, people: i32) -> Result<i32, Fault> {
        decode::number(&self.at("required_approvals"), people, 1, PEOPLE_MAX)
    }

    fn expires_after_seconds(&self, seconds: Option<i32>) -> Result<Option<i32>, Fault> {
        let field = self.at("expires_after_seconds");
        seconds
            .map(|seconds| decode::number(&field, seconds, EXPIRY.0, EXPIRY.1))
            .transpose()
    }

    /// What no field can say of itself alone.
    fn whole(&self, rule: Rule) -> Result<Rule, Fault> {
        match (rule.min_confidence, rule.max_confidence) {
            (Some(min), Some(max)) if min > max => Err(Fault::invalid(
                self.at("min_confidence"),
                "OUT_OF_RANGE",
                "must not be above max_confidence",
            )),
            _ => Ok(rule),
        }
    }
}

/// The rule that a request creates. Its fields stand at `path` in the whole request.
pub(crate) fn created(path: &str, asked: &CreateApprovalPolicyRequest) -> Result<Rule, Fault> {
    let read = Reader(path);
    let effect = match asked.effect {
        0 => Effect::RequireApprovals,
        number => read.effect(number)?,
    };
    read.whole(Rule {
        name: read.name(&asked.name)?,
        enabled: asked.enabled.unwrap_or(true),
        position: read.position(asked.position.unwrap_or(POSITION))?,
        action_type: read.action_type(asked.action_type.as_deref())?,
        board_id: read.board_id(asked.board_id.as_deref())?,
        min_confidence: read.confidence("min_confidence", asked.min_confidence)?,
        max_confidence: read.confidence("max_confidence", asked.max_confidence)?,
        requester_roles: read.requester_roles(&asked.requester_roles)?,
        effect,
        required_approvals: read.required_approvals(asked.required_approvals.unwrap_or(1))?,
        forbid_self_approval: asked.forbid_self_approval.unwrap_or(false),
        expires_after_seconds: read.expires_after_seconds(asked.expires_after_seconds)?,
    })
}

/// A change of a rule, judged as far as that can be done without the rule.
pub(crate) struct Amendment {
    mask: Option<Mask>,
    request: UpdateApprovalPolicyRequest,
    /// The board that the rule is to be about, if it is to be about another.
    pub board_id: Option<Uuid>,
}

impl Amendment {
    pub(crate) fn of(request: UpdateApprovalPolicyRequest) -> Result<Self, Fault> {
        let mask = request
            .update_mask
            .clone()
            .map(|mask| decode::mask(Some(mask)));
        let board_id = request
            .board_id
            .as_deref()
            .filter(|_| mask.as_ref().is_none_or(|mask| mask.has("board_id")));
        Ok(Self {
            board_id: Reader("").board_id(board_id)?,
            mask,
            request,
        })
    }

    /// Whether the request names a field: the mask says so, and without one being filled does.
    fn names(&self, field: &str, filled: bool) -> bool {
        self.mask.as_ref().map_or(filled, |mask| mask.has(field))
    }

    /// The rule after the change.
    pub(crate) fn apply(&self, mut rule: Rule) -> Result<Rule, Fault> {
        let (read, asked) = (Reader(""), &self.request);
        if self.names("name", asked.name.is_some()) {
            rule.name = read.name(decode::required("name", asked.name.as_deref())?)?;
        }
        if self.names("enabled", asked.enabled.is_some()) {
            rule.enabled = decode::required("enabled", asked.enabled)?;
        }
        if self.names("position", asked.position.is_some()) {
            rule.position = read.position(decode::required("position", asked.position)?)?;
        }
        if self.names("action_type", asked.action_type.is_some()) {
            rule.action_type = read.action_type(asked.action_type.as_deref())?;
        }
        if self.names("board_id", asked.board_id.is_some()) {
            rule.board_id = self.board_id;
        }
        if self.names("min_confidence", asked.min_confidence.is_some()) {
            rule.min_confidence = read.confidence("min_confidence", asked.min_confidence)?;
        }
        if self.names("max_confidence", asked.max_confidence.is_some()) {
            rule.max_confidence = read.confidence("max_confidence", asked.max_confidence)?;
        }
        if self.names("requester_roles", !asked.requester_roles.is_empty()) {
            rule.requester_roles = read.requester_roles(&asked.requester_roles)?;
        }
        if self.names("effect", asked.effect != 0) {
            rule.effect = read.effect(asked.effect)?;
        }
        if self.names("required_approvals", asked.required_approvals.is_some()) {
            let people = decode::required("required_approvals", asked.required_approvals)?;
            rule.required_approvals = read.required_approvals(people)?;
        }
        if self.names("forbid_self_approval", asked.forbid_self_approval.is_some()) {
            rule.forbid_self_approval =
                decode::required("forbid_self_approval", asked.forbid_self_approval)?;
        }
        if self.names(
            "expires_after_seconds",
            asked.expires_after_seconds.is_some(),
        ) {
            rule.expires_after_seconds = read.expires_after_seconds(asked.expires_after_seconds)?;
        }
        read.whole(rule)
    }
}
