//! The authorization matrix: every RPC that has a REST route, called by every kind of caller, answers as its row of the
//! contract (`allow`, `needs`) says.

pub(crate) mod cast;
mod probe;

use std::collections::BTreeSet;

use proto::access::{Actor, Right, Rule};
use reqwest::Method;

use self::{
    cast::{Cast, Grant, Who},
    probe::{Probe, Stage},
};
use crate::world::{Events, Layout, Shape, World};

/// What a caller may expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Unauthenticated,
    Forbidden,
    NotFound,
    /// Whatever the body deserves, but no refusal.
    Admitted,
}

/// One REST binding of one RPC.
struct Route {
    rpc: String,
    rule: Rule,
    method: Method,
    path: String,
}

pub(crate) async fn matrix() {
    let world = World::start(Shape {
        layout: Layout::Together,
        events: Events::Postgres,
    })
    .await;
    let cast = Cast::assemble(&world).await;
    let mut stage = Stage::prepare(&cast).await;
    let mut wrong = Vec::new();
    let mut asked = 0;
    let mut unknown = BTreeSet::new();
    for route in routes() {
        let Some(probe) = probe::of(&route.rpc) else {
            unknown.insert(route.rpc.clone());
            continue;
        };
        for who in Who::ALL {
            let verdict = expected(&route, &probe, who);
            if verdict == Verdict::Admitted && probe.refused_only {
                continue;
            }
            let (path, body) = stage.set(&cast, &route.path, &probe, who).await;
            let (status, answer) = cast
                .client(who)
                .call(route.method.clone(), &path, body)
                .await;
            asked += 1;
            if !holds(verdict, &probe, status, &answer) {
                wrong.push(format!(
                    "{who:?} {} {} ({}): expected {verdict:?}, was {status} {}",
                    route.method, route.path, route.rpc, answer["code"]
                ));
            }
        }
    }
    assert!(unknown.is_empty(), "no probe for {unknown:?}");
    assert!(
        wrong.is_empty(),
        "{} of {asked} answers are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(asked > 1_000, "only {asked} calls were made");
    world.stop().await;
}

fn holds(verdict: Verdict, probe: &Probe, status: u16, answer: &serde_json::Value) -> bool {
    match verdict {
        Verdict::Unauthenticated => status == 401,
        Verdict::Forbidden => status == 403 && answer["code"].is_string(),
        Verdict::NotFound if probe.unknown_is_done => status == 200 || status == 404,
        Verdict::NotFound => status == 404 && answer["code"] != "route_not_found",
        Verdict::Admitted => {
            status < 500
                && ![401, 403, 405].contains(&status)
                && (status != 404 || probe.not_found_is_an_answer)
        }
    }
}

/// Every REST binding of the contract.
fn routes() -> Vec<Route> {
    let http = proto::pool()
        .get_extension_by_name("google.api.http")
        .expect("the contract imports the annotation");
    let mut routes = Vec::new();
    for service in proto::pool().services() {
        for method in service.methods() {
            let options = method.options();
            if !options.has_extension(&http) {
                continue;
            }
            let rule = options.get_extension(&http).into_owned();
            let rule = rule.as_message().expect("it is a message");
            let mut bindings = vec![rule.clone()];
            if let Some(more) = rule
                .get_field_by_name("additional_bindings")
                .and_then(|more| more.as_list().map(<[_]>::to_vec))
            {
                bindings.extend(more.iter().filter_map(|one| one.as_message().cloned()));
            }
            for binding in bindings {
                let found = ["get", "put", "post", "delete", "patch"]
                    .iter()
                    .find_map(|verb| {
                        let path = binding.get_field_by_name(verb)?.as_str()?.to_owned();
                        (!path.is_empty()).then_some((*verb, path))
                    });
                let (verb, path) = found.expect("a binding has a verb");
                routes.push(Route {
                    rpc: method.name().to_owned(),
                    rule: proto::access::rule_of(&method),
                    method: verb.to_uppercase().parse().expect("it is a method"),
                    path,
                });
            }
        }
    }
    routes
}

/// What the row says.
fn expected(route: &Route, probe: &Probe, who: Who) -> Verdict {
    let allow = &route.rule.allow;
    if allow.contains(&Actor::Public) {
        return Verdict::Admitted;
    }
    if who == Who::Anonymous {
        return Verdict::Unauthenticated;
    }
    let admitted = match who {
        Who::Anonymous => false,
        Who::Owner | Who::Admin | Who::Stranger => {
            allow.contains(&Actor::User) || allow.contains(&Actor::OrgAdmin)
        }
        Who::Writer | Who::Reader | Who::Member => allow.contains(&Actor::User),
        Who::Lead => allow.contains(&Actor::Lead),
        Who::Worker | Who::Elsewhere => allow.contains(&Actor::Worker),
        Who::Main | Who::ForeignMain => allow.contains(&Actor::GatewayMain),
    };
    if !admitted {
        return Verdict::Forbidden;
    }
    let needs = route.rule.needs.expect("every RPC has a row");
    let thing = route.path.contains('{') || probe.names_a_thing;
    match needs {
        Right::Owner if who == Who::Admin => Verdict::Forbidden,
        Right::Owner | Right::Nothing => Verdict::Admitted,
        Right::Self_ if thing && probe.of_the_worker => of_the_worker(who),
        Right::Self_ if thing => own(probe, who),
        Right::Self_ => Verdict::Admitted,
        // A list that is limited to a board, or to an agent of a board, is about that board.
        Right::Visible
            if route.path.contains("{board_id}") || route.path.contains("{agent_id}") =>
        {
            of_a_board(who, Grant::Read)
        }
        Right::Visible => Verdict::Admitted,
        Right::Member | Right::Admin if thing && who.is_foreign() => Verdict::NotFound,
        Right::Member | Right::Admin => Verdict::Admitted,
        Right::BoardRead | Right::GroupRead => of_a_board(who, Grant::Read),
        Right::BoardWrite | Right::GroupWrite => of_a_board(who, Grant::Write),
        Right::BoardAdmin => of_a_board(who, Grant::Admin),
    }
}

/// Things of one person or agent: the owner's, unless the probe says whose.
fn own(probe: &Probe, who: Who) -> Verdict {
    match who {
        Who::Owner => Verdict::Admitted,
        Who::Admin if probe.admins_too => Verdict::Admitted,
        Who::Reader if probe.of_the_reader => Verdict::Admitted,
        Who::Writer | Who::Member if probe.of_the_reader => Verdict::Forbidden,
        _ => Verdict::NotFound,
    }
}

/// Things of one agent: the worker's, and the administrators'. Another agent's are refused whoever that is.
fn of_the_worker(who: Who) -> Verdict {
    match who {
        Who::Worker | Who::Owner | Who::Admin => Verdict::Admitted,
        Who::Stranger => Verdict::NotFound,
        _ => Verdict::Forbidden,
    }
}

fn of_a_board(who: Who, wanted: Grant) -> Verdict {
    match who.grant() {
        None => Verdict::NotFound,
        Some(held) if held >= wanted => Verdict::Admitted,
        Some(_) => Verdict::Forbidden,
    }
}
