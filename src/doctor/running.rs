//! What answers: the ports, the address that agents are given, the sign-in, and what the product says of itself.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    time::Instant,
};

use serde_json::Value;

use super::{
    Facts,
    report::{Report, Trouble},
};
use crate::{
    embedded,
    rest::{self, Refusal, Rest},
};

/// Who is at an address.
enum Found {
    Us,
    Nobody,
}

/// Looks at all of it; answers whether a product is there that can be asked for more.
pub(super) async fn examine(facts: &Facts<'_>, report: &mut Report) -> bool {
    let http = match rest::http() {
        Ok(http) => http,
        Err(error) => {
            let trouble = Trouble::says(&error, "reinstall the machine's certificates");
            report.note("ports", Instant::now(), Err(trouble));
            return false;
        }
    };
    let began = Instant::now();
    let edge = knock(&http, facts.options.edge.http_addr, "MC_HTTP_ADDR").await;
    let is_here = matches!(edge, Ok(Found::Us));
    report.note(
        "port of the edge",
        began,
        said(edge, facts.options.edge.http_addr),
    );
    let began = Instant::now();
    let admin = knock(&http, facts.options.chassis.admin_addr, "MC_ADMIN_ADDR").await;
    report.note(
        "admin port",
        began,
        said(admin, facts.options.chassis.admin_addr),
    );

    let began = Instant::now();
    let health = ask(&http, &format!("{}/health", facts.base_url)).await;
    if !is_here && health.is_err() {
        let runs = embedded::running_url(&facts.options.data_dir).is_ok_and(|url| url.is_some());
        let why = if runs && facts.options.chassis.database_url.is_none() {
            "one runs on this data directory, but not at these addresses: give the variables that it was given"
        } else {
            "no Mission Control runs here"
        };
        for name in ["base url", "readiness", "sign-in"] {
            report.skip(name, why);
        }
        return false;
    }
    let reached = health.and_then(|(_, body)| {
        if body["ok"] == true {
            Ok(format!("{} is Mission Control", facts.base_url))
        } else {
            Err("somebody else answers there".to_owned())
        }
    });
    let reached = reached.map_err(|seen| {
        Trouble::new(
            format!("{}: {seen}", facts.base_url),
            format!(
                "set BASE_URL to the address at which agents reach http://{}",
                facts.options.edge.http_addr
            ),
        )
    });
    if !report.note("base url", began, reached) {
        report.skip("readiness", "the base url leads nowhere");
        report.skip("sign-in", "the base url leads nowhere");
        return false;
    }
    let began = Instant::now();
    report.note("readiness", began, readiness(&http, &facts.base_url).await);
    let began = Instant::now();
    report.note("sign-in", began, sign_in(facts, &http).await)
}

fn said(found: Result<Found, Trouble>, address: SocketAddr) -> Result<String, Trouble> {
    found.map(|found| match found {
        Found::Us => format!("Mission Control answers at {address}"),
        Found::Nobody => format!("{address} is free"),
    })
}

async fn knock(
    http: &reqwest::Client,
    address: SocketAddr,
    variable: &str,
) -> Result<Found, Trouble> {
    // Who listens everywhere answers here.
    let mut local = address;
    if address.ip().is_unspecified() {
        local.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    if let Ok((_, body)) = ask(http, &format!("http://{local}/health")).await
        && body["ok"] == true
    {
        return Ok(Found::Us);
    }
    TcpListener::bind(address)
        .map(|_| Found::Nobody)
        .map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => Trouble::new(
                format!("{address} is taken by another program"),
                format!("stop it, or choose another address with {variable}"),
            ),
            _ => Trouble::new(
                format!("{address} cannot be listened on: {error}"),
                format!(
                    "choose an address of this machine with {variable}; ports below 1024 need root"
                ),
            ),
        })
}

async fn readiness(http: &reqwest::Client, base: &str) -> Result<String, Trouble> {
    let fix = "the log of the process says more: it names the component";
    match ask(http, &format!("{base}/readyz")).await {
        Ok((_, body)) if body["ok"] == true => Ok("every component is well".to_owned()),
        Ok((_, body)) => {
            let components = body["components"].as_object().into_iter().flatten();
            let ill: Vec<String> = components
                .filter(|(_, word)| *word != "ok")
                .map(|(name, word)| format!("{name} {}", word.as_str().unwrap_or("unclear")))
                .collect();
            Err(Trouble::new(ill.join(", "), fix))
        }
        Err(seen) => Err(Trouble::new(seen, fix)),
    }
}

async fn sign_in(facts: &Facts<'_>, http: &reqwest::Client) -> Result<String, Trouble> {
    let Some(token) = facts.token() else {
        return Err(Trouble::new(
            "neither LOCAL_AUTH_TOKEN nor a data directory with secrets",
            "name the data directory of the running Mission Control with MC_DATA_DIR",
        ));
    };
    let me = Rest::person(http, &facts.base_url, &token)
        .get("/api/v1/users/me")
        .await;
    me.map(|me| format!("as {}", me["email"].as_str().unwrap_or("the owner")))
        .map_err(|error| {
            let fix = match Refusal::of(&error) {
                Some(_) => "name the data directory (MC_DATA_DIR) or the token (LOCAL_AUTH_TOKEN) of the Mission Control that runs there",
                None => "the log of the process says more",
            };
            Trouble::says(&error, fix)
        })
}

async fn ask(http: &reqwest::Client, url: &str) -> Result<(u16, Value), String> {
    let patience = std::time::Duration::from_secs(10);
    let answer = http
        .get(url)
        .timeout(patience)
        .send()
        .await
        .map_err(|error| {
            if error.is_timeout() {
                "no answer".to_owned()
            } else {
                "nobody answers there".to_owned()
            }
        })?;
    let status = answer.status().as_u16();
    let body = answer.json().await.unwrap_or_default();
    Ok((status, body))
}
