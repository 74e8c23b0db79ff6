//! All routes, found by walking the segments of a path.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context, anyhow, ensure};
use http::Method;

use super::{Pattern, Route, Rpc, pattern, pattern::Segment, rule};
use crate::transcode::{Body, Input, Plans};

/// The routes of the contract.
#[derive(Debug, Default)]
pub struct Table {
    root: Node,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, Node>,
    field: Option<Box<Node>>,
    routes: Vec<Arc<Route>>,
}

/// What a path means.
#[derive(Debug)]
pub enum Match {
    /// The route, and the values of its pattern's fields.
    Found(Arc<Route>, Vec<String>),
    /// The path is known, under these methods.
    WrongMethod(Vec<Method>),
    Unknown,
}

impl Table {
    /// Compiles the routes of these methods.
    ///
    /// # Errors
    /// When an option names a field that does not exist, a pattern is not understood, or two routes are the same.
    pub fn compile(rpcs: &[Arc<Rpc>], plans: &Plans) -> anyhow::Result<Self> {
        let mut table = Self::default();
        for rpc in rpcs {
            for rule in rule::of(&rpc.descriptor) {
                let path = rule.path.clone();
                let route = route(rpc, rule, plans)
                    .with_context(|| format!("route {path} of {}", rpc.descriptor.full_name()))?;
                table.add(route)?;
            }
        }
        Ok(table)
    }

    fn add(&mut self, route: Route) -> anyhow::Result<()> {
        let mut node = &mut self.root;
        for segment in route.pattern.segments() {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Field(_) => node.field.get_or_insert_default(),
            };
        }
        let taken = node.routes.iter().any(|other| other.method == route.method);
        ensure!(!taken, "two routes are {} {}", route.method, route.pattern);
        node.routes.push(Arc::new(route));
        Ok(())
    }

    /// What a request means. A literal segment goes before a field; `HEAD` is served by the `GET` route.
    pub fn find(&self, method: &Method, path: &str) -> Match {
        let segments = pattern::split(path);
        let mut values = Vec::new();
        let Some(node) = self.root.find(&segments, &mut values) else {
            return Match::Unknown;
        };
        let wanted = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        match node.routes.iter().find(|route| route.method == *wanted) {
            Some(route) => Match::Found(Arc::clone(route), values),
            None => {
                let methods = node.routes.iter().map(|route| route.method.clone());
                let head = methods
                    .clone()
                    .find(|method| method == Method::GET)
                    .map(|_| Method::HEAD);
                Match::WrongMethod(methods.chain(head).collect())
            }
        }
    }

    /// Every route, by path.
    pub fn routes(&self) -> Vec<Arc<Route>> {
        let mut found = Vec::new();
        self.root.collect(&mut found);
        found.sort_by_key(|route| route.pattern.to_string());
        found
    }
}

impl Node {
    fn find(&self, segments: &[String], values: &mut Vec<String>) -> Option<&Self> {
        let Some((segment, rest)) = segments.split_first() else {
            return (!self.routes.is_empty()).then_some(self);
        };
        if let Some(node) = self
            .literals
            .get(segment)
            .and_then(|node| node.find(rest, values))
        {
            return Some(node);
        }
        let field = self.field.as_ref().filter(|_| !segment.is_empty())?;
        let depth = values.len();
        values.push(segment.clone());
        let found = field.find(rest, values);
        if found.is_none() {
            values.truncate(depth);
        }
        found
    }

    fn collect(&self, found: &mut Vec<Arc<Route>>) {
        found.extend(self.routes.iter().cloned());
        for node in self.literals.values().chain(self.field.as_deref()) {
            node.collect(found);
        }
    }
}

fn route(rpc: &Arc<Rpc>, rule: rule::Rule, plans: &Plans) -> anyhow::Result<Route> {
    let pattern = Pattern::parse(&rule.path).map_err(|error| anyhow!(error))?;
    let (request, response) = (rpc.descriptor.input(), rpc.output());
    let field = |name: &str| {
        let missing = || anyhow!("{} has no field `{name}`", request.full_name());
        request.get_field_by_name(name).ok_or_else(missing)
    };
    let path = pattern.fields().map(field).collect::<Result<_, _>>()?;
    let body = match rule.body.as_str() {
        "" => Body::Ignored,
        "*" => Body::Whole,
        name => Body::Field(field(name)?),
    };
    let response_body = Some(rule.response_body).filter(|name| !name.is_empty());
    let selected = match &response_body {
        None => None,
        Some(name) => Some(
            response
                .get_field_by_name(name)
                .ok_or_else(|| anyhow!("{} has no field `{name}`", response.full_name()))?,
        ),
    };
    let answer = plans
        .answer(response.full_name(), selected.as_ref())
        .ok_or_else(|| anyhow!("{} is not in the contract", response.full_name()))?;
    Ok(Route {
        method: rule.method,
        pattern,
        input: Input::new(request.clone(), path, body),
        rpc: Arc::clone(rpc),
        answer,
        response_body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table::compile(&super::super::exposed(), &Plans::compile(proto::pool())).unwrap()
    }

    fn found(method: Method, path: &str) -> (String, Vec<String>) {
        match table().find(&method, path) {
            Match::Found(route, values) => (route.rpc.label().to_owned(), values),
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn twins_and_flat_routes_mean_the_same_rpc() {
        let list = |path: &str| found(Method::GET, path);
        assert_eq!(
            list("/api/v1/boards/b/tasks"),
            ("TaskService/ListTasks".into(), vec!["b".into()])
        );
        assert_eq!(
            list("/api/v1/agent/boards/b/tasks"),
            ("TaskService/ListTasks".into(), vec!["b".into()])
        );
        assert_eq!(
            list("/api/v1/tasks"),
            ("TaskService/ListTasks".into(), vec![])
        );
        assert_eq!(
            found(Method::PATCH, "/api/v1/boards/b/tasks/a%2Fb"),
            (
                "TaskService/UpdateTask".into(),
                vec!["b".into(), "a/b".into()]
            )
        );
    }

    #[test]
    fn a_literal_goes_before_a_field() {
        assert_eq!(
            found(Method::GET, "/api/v1/activity/stream").0,
            "FeedService/Watch"
        );
        for (method, path, rpc) in [
            (
                Method::GET,
                "/api/v1/boards/b/tasks/stream",
                "StreamService/WatchTasks",
            ),
            (
                Method::GET,
                "/api/v1/boards/b/approvals/stream",
                "StreamService/WatchApprovals",
            ),
            (
                Method::GET,
                "/api/v1/agents/stream",
                "StreamService/WatchAgents",
            ),
            (
                Method::POST,
                "/api/v1/organizations/invites/accept",
                "InviteService/AcceptInvite",
            ),
            (
                Method::POST,
                "/api/v1/approval-policies/dry-run",
                "ApprovalPolicyService/DryRunApprovalPolicy",
            ),
            (
                Method::GET,
                "/api/v1/activity/task-comments",
                "ActivityService/ListTaskComments",
            ),
            (
                Method::POST,
                "/api/v1/agents/heartbeat",
                "AgentService/RegisterHeartbeat",
            ),
            (
                Method::GET,
                "/api/v1/gateways/status",
                "GatewayService/GetGatewayStatus",
            ),
            (
                Method::GET,
                "/api/v1/gateways/commands",
                "GatewayService/ListGatewayCommands",
            ),
            (
                Method::POST,
                "/api/v1/gateways/probe",
                "GatewayService/ProbeGateway",
            ),
            (
                Method::GET,
                "/api/v1/gateways/sessions",
                "GatewaySessionService/ListGatewaySessions",
            ),
            (
                Method::GET,
                "/api/v1/gateways/sessions/events",
                "GatewaySessionService/GetGatewaySession",
            ),
            (
                Method::GET,
                "/api/v1/skills/marketplace",
                "SkillService/ListSkills",
            ),
        ] {
            assert_eq!(found(method, path).0, rpc);
        }
        assert_eq!(
            found(Method::GET, "/api/v1/gateways/g"),
            ("GatewayService/GetGateway".into(), vec!["g".into()])
        );
        assert_eq!(
            found(Method::GET, "/api/v1/gateways/g/events"),
            ("GatewayService/WatchGateway".into(), vec!["g".into()]),
            "what begins with a literal and does not go on there is a field after all"
        );
        assert_eq!(
            found(Method::PUT, "/api/v1/organizations/me/members/m/access"),
            (
                "OrganizationService/SetMemberAccess".into(),
                vec!["m".into()]
            )
        );
        assert_eq!(
            found(Method::HEAD, "/api/v1/users/me").0,
            "UserService/GetMe"
        );
    }

    #[test]
    fn a_known_path_under_another_method_says_which_it_takes() {
        let Match::WrongMethod(methods) = table().find(&Method::PUT, "/api/v1/boards") else {
            panic!("the path is known")
        };
        assert_eq!(methods, [Method::GET, Method::POST, Method::HEAD]);
        assert!(matches!(
            table().find(&Method::GET, "/api/v1/nope"),
            Match::Unknown
        ));
        assert!(matches!(
            table().find(&Method::GET, "/api/v1/boards//tasks"),
            Match::Unknown
        ));
        assert!(matches!(
            table().find(&Method::GET, "/api/v1/boards/"),
            Match::Unknown
        ));
    }

    #[test]
    fn what_only_the_mesh_may_call_has_no_route() {
        let exposed = super::super::exposed();
        assert!(
            exposed
                .iter()
                .all(|rpc| !rpc.path.path().contains("Directory")
                    || rpc.path.path().contains("SoulDirectory"))
        );
        assert!(
            exposed
                .iter()
                .all(|rpc| !rpc.path.path().starts_with("/mission.gateway."))
        );
    }
}
