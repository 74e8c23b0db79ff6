//! One scripted agent: wakes when its session gets a message, checks in, looks at its board and takes a step.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use anyhow::Context;
use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::{Value, json};
use simulator::{Message, Running};
use tokio::{
    sync::broadcast,
    time::{Instant, sleep, sleep_until},
};

use super::{
    board::Desk,
    lead::Lead,
    mail::{self, Mail},
    settings::Settings,
    worker,
};
use crate::rest::{Refusal, Rest, text};

/// The longest pause after something went wrong.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The beat of an agent to which its gateway gave none.
const DEFAULT_BEAT: Duration = Duration::from_secs(60);
/// Steps after which an idle agent beats again, if its gateway lets it be slower.
const BEAT_IN_STEPS: u32 = 5;

/// A scripted agent of the simulated gateway.
pub(super) struct Agent {
    key: String,
    gateway: Arc<Running>,
    http: reqwest::Client,
    pace: Duration,
    news: broadcast::Receiver<Message>,
    /// Messages of the gateway that it has looked at.
    read: usize,
    /// What it was asked and has not answered.
    asked: VecDeque<Mail>,
    paused: bool,
    /// The token that Mission Control refused last.
    refused: Option<SecretString>,
    beats_at: Instant,
    is_lead: bool,
    lead: Lead,
}

impl Agent {
    pub(super) fn new(
        key: String,
        gateway: Arc<Running>,
        http: reqwest::Client,
        pace: Duration,
    ) -> Self {
        Self {
            news: gateway.watch(),
            key,
            gateway,
            http,
            pace,
            read: 0,
            asked: VecDeque::new(),
            paused: false,
            refused: None,
            beats_at: Instant::now(),
            is_lead: false,
            lead: Lead::default(),
        }
    }

    /// Lives until its gateway has it no more.
    pub(super) async fn live(mut self) {
        let mut troubles = 0;
        while self.gateway.agent(&self.key).is_some() {
            match self.turn().await {
                Ok(Some(done)) => {
                    troubles = 0;
                    self.tell(&done);
                    sleep(self.pace).await;
                }
                Ok(None) => {
                    troubles = 0;
                    self.rest().await;
                }
                Err(error) => {
                    tracing::debug!(
                        agent.key = self.key,
                        error = format!("{error:#}"),
                        "a scripted agent waits"
                    );
                    sleep(self.pause(troubles)).await;
                    troubles += 1;
                }
            }
        }
    }

    fn pause(&self, troubles: u32) -> Duration {
        let factor = 2_u32.saturating_pow(troubles.min(16));
        self.pace.saturating_mul(factor).min(LONGEST_PAUSE)
    }

    /// Waits for a message to itself, or for its next beat.
    async fn rest(&mut self) {
        let session = self.session();
        loop {
            tokio::select! {
                () = sleep_until(self.beats_at) => return,
                told = self.news.recv() => match told {
                    Ok(message) if message.session_key == session => return,
                    Ok(_) => {}
                    // Some were missed; one of them may have been its own.
                    Err(broadcast::error::RecvError::Lagged(_)) => return,
                    Err(broadcast::error::RecvError::Closed) => return sleep_until(self.beats_at).await,
                },
            }
        }
    }

    /// One step, or none when there is nothing to do. Answers what it did.
    async fn turn(&mut self) -> anyhow::Result<Option<String>> {
        let called = self.read_mail();
        // Read anew each time: the token may be another one.
        let Some(settings) = Settings::read(&self.gateway, &self.key) else {
            self.beats_at = Instant::now() + self.pace;
            return Ok(None);
        };
        if self
            .refused
            .as_ref()
            .is_some_and(|token| !settings.has_other_token(token))
        {
            self.beats_at = Instant::now() + self.beat();
            return Ok(None);
        }
        let rest = Rest::agent(&self.http, &settings.base_url, &settings.token);
        let outcome = self.act(called, &rest, &settings).await;
        if let Err(error) = &outcome
            && Refusal::of(error).is_some_and(|no| no.status == StatusCode::UNAUTHORIZED)
        {
            self.refused = Some(settings.token);
        }
        outcome
    }

    async fn act(
        &mut self,
        called: bool,
        rest: &Rest,
        settings: &Settings,
    ) -> anyhow::Result<Option<String>> {
        if called || Instant::now() >= self.beats_at {
            let me = rest.post("/api/v1/agent/heartbeat", json!({})).await?;
            self.is_lead = me["is_board_lead"] == true;
            self.beats_at = Instant::now() + self.beat();
        }
        let Some(board) = &settings.board else {
            return Ok(None);
        };
        let found: Value = rest.get(&format!("/api/v1/agent/boards/{board}")).await?;
        if self.paused || found["agents_paused"] == true {
            return Ok(None);
        }
        let desk = Desk {
            rest: rest.clone(),
            board: board.clone(),
            board_name: text(&found, "name")?,
            me: settings.id.clone(),
            name: settings.name.clone(),
        };
        while let Some(mail) = self.asked.front() {
            let answered = answer(&desk, mail, self.is_lead).await?;
            self.asked.pop_front();
            if answered.is_some() {
                return Ok(answered);
            }
        }
        if self.is_lead {
            self.lead.step(&desk).await
        } else {
            worker::step(&desk).await
        }
    }

    /// Looks at the messages to itself that are new; answers whether there were any.
    fn read_mail(&mut self) -> bool {
        let session = self.session();
        let news = self.gateway.messages_since(self.read);
        self.read += news.len();
        let mut called = false;
        for message in news.iter().filter(|message| message.session_key == session) {
            called = true;
            match mail::read(&message.text) {
                Mail::Pause => self.paused = true,
                Mail::Resume => self.paused = false,
                mail @ (Mail::Chat { .. } | Mail::Mention { .. }) => self.asked.push_back(mail),
                Mail::News => {}
            }
        }
        called
    }

    /// How often the gateway lets it beat, and no slower than a newcomer has patience for.
    fn beat(&self) -> Duration {
        let given = self.gateway.agent(&self.key).and_then(|agent| {
            let every = agent.heartbeat?["every"].as_str()?.to_owned();
            humantime::parse_duration(&every).ok()
        });
        given
            .filter(|every| !every.is_zero())
            .unwrap_or(DEFAULT_BEAT)
            .min(self.pace.saturating_mul(BEAT_IN_STEPS))
    }

    fn session(&self) -> String {
        format!("agent:{}:main", self.key)
    }

    /// Says what it did, to its session on the gateway and to whoever watches the terminal.
    fn tell(&self, done: &str) {
        let name = Settings::read(&self.gateway, &self.key).map(|settings| settings.name);
        println!("{}: {done}", name.as_deref().unwrap_or(&self.key));
        self.gateway.reply(&self.session(), &format!("I {done}."));
    }
}

/// Answers what somebody said to it, if an answer is wanted.
async fn answer(desk: &Desk, mail: &Mail, is_lead: bool) -> anyhow::Result<Option<String>> {
    match mail {
        Mail::Chat { from, mentioned } => {
            let wanted = *mentioned || (is_lead && !desk.is_colleague(from).await?);
            if !wanted {
                return Ok(None);
            }
            let tasks = desk.tasks().await?;
            let count = |status: &str| tasks.iter().filter(|task| task.is(status)).count();
            let text = format!(
                "{from}, I am a script and cannot tell what you mean, but this is how it stands: {} in the inbox, {} in progress, \
                 {} in review, {} done.",
                count("inbox"),
                count("in_progress"),
                count("review"),
                count("done")
            );
            desk.say(&text).await?;
            Ok(Some(format!("answered {from} in the chat")))
        }
        Mail::Mention { task } => {
            let said = desk
                .comment(
                    task,
                    "Read, thank you. I am a script: I take it along as it stands.",
                )
                .await;
            match said {
                Ok(()) => Ok(Some("answered on a task".to_owned())),
                // The task is gone, or not one to talk about.
                Err(error)
                    if Refusal::of(&error)
                        .is_some_and(|no| matches!(no.status.as_u16(), 403 | 404)) =>
                {
                    Ok(None)
                }
                Err(error) => Err(error).context("an answer could not be given"),
            }
        }
        Mail::Pause | Mail::Resume | Mail::News => Ok(None),
    }
}
