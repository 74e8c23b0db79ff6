//! Starting an onboarding, or going on with it.

use chassis::{BoardScope, Caller};
use chrono::{DateTime, Utc};
use proto::{board::v1::Board, onboarding::v1 as message};
use sqlx::PgConnection;

use super::{ATTEMPTS, Desk, end, place, write};
use crate::{
    agent::Agent,
    departure,
    error::Error,
    notice::State,
    onboarding::{
        Move, Onboarding, Turn,
        text::{self, Place},
    },
    store::{self, onboardings},
    wire::event,
};

/// Messages that are sent again at once.
const RESENT: i64 = 20;

impl Desk {
    /// Of several who start at once, one begins it and the others go on with it.
    pub(super) async fn start(
        &self,
        caller: &Caller,
        board: &Board,
        scope: &BoardScope,
        main: &Agent,
    ) -> Result<message::Onboarding, Error> {
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            let mut tx = self.pool.begin().await?;
            if departure::is_any_gone(&mut tx, &[scope.board_id, scope.organization_id]).await? {
                return Err(Error::BoardNotFound);
            }
            let latest = onboardings::lock_latest(&mut tx, scope.board_id).await?;
            let mut it = match latest.filter(|latest| latest.status.is_open()) {
                Some(open) if goes_on(&open, main, now) => {
                    let mut open = open;
                    self.resend(&mut tx, place(board, scope), main, &mut open, now)
                        .await?;
                    let shown = self.shown_onboarding(&mut tx, &open).await?;
                    tx.commit().await?;
                    return Ok(shown);
                }
                Some(open) if open.is_being_confirmed(now) => return Err(Error::OnboardingBusy),
                Some(stale) => {
                    let (made, actor) = if stale.status(now).is_open() {
                        (Move::Cancel, caller.event_actor())
                    } else {
                        (Move::Expire, chassis::caller::system_actor())
                    };
                    end(&mut tx, stale, made, actor, now).await?;
                    begin(scope, main, now)
                }
                None => begin(scope, main, now),
            };
            if !onboardings::insert(&mut tx, &it).await? {
                // Somebody else has begun one.
                continue;
            }
            let prompt = text::prompt(place(board, scope), &self.base_url);
            let prompt = prompt.map_err(|error| Error::Text(Box::new(error)))?;
            self.tell(&mut tx, main, &mut it, prompt.clone(), prompt, now)
                .await?;
            let told = event::onboarding_changed(caller.event_actor(), &it, None, now);
            bus::outbox::append(&mut tx, told).await?;
            let shown = self.shown_onboarding(&mut tx, &it).await?;
            tx.commit().await?;
            return Ok(shown);
        }
        Err(Error::OnboardingBusy)
    }

    /// Sends what the agent has not answered again, unless it is still on its way.
    async fn resend(
        &self,
        tx: &mut PgConnection,
        place: Place<'_>,
        main: &Agent,
        it: &mut Onboarding,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        if it.turn(now) != Turn::Agent {
            return Ok(());
        }
        let notice = match it.notice_id {
            Some(id) => store::notices::find(tx, id).await?,
            None => None,
        };
        let is_settled = match notice.map(|(notice, _)| notice.state) {
            Some(State::Waiting | State::Failed) => false,
            Some(State::Sent) => !it.was_just_told(now),
            Some(State::Dead) | None => true,
        };
        if !is_settled {
            return Ok(());
        }
        let parts: Vec<String> = onboardings::list_unanswered(tx, it.id, RESENT)
            .await?
            .into_iter()
            .map(|(is_prompt, content)| {
                if is_prompt {
                    content
                } else {
                    text::answer(place, &content)
                }
            })
            .collect();
        let notice_id = write(tx, main, it.board_id, parts.join("\n\n"), now).await?;
        onboardings::resend_last(tx, it.id, notice_id).await?;
        it.told(notice_id, now);
        onboardings::update(tx, it).await?;
        Ok(())
    }
}

/// Whether to start means to go on with this one: it is open, and with the main agent that the board's gateway has now.
fn goes_on(open: &Onboarding, main: &Agent, now: DateTime<Utc>) -> bool {
    open.status(now).is_open() && open.gateway_id == main.gateway_id
}

fn begin(scope: &BoardScope, main: &Agent, now: DateTime<Utc>) -> Onboarding {
    Onboarding::begin(
        scope.organization_id,
        scope.board_id,
        main.gateway_id,
        main.session_key(),
        now,
    )
}
