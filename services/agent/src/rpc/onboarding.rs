//! `OnboardingService`.

mod confirm;
mod input;
mod start;

use chassis::{BoardScope, Caller, Fault, decode};
use chrono::{DateTime, Utc};
use proto::{
    board::v1::Board,
    onboarding::v1::{
        self as message, AnswerOnboardingRequest, AnswerOnboardingResponse,
        CancelOnboardingRequest, CancelOnboardingResponse, ConfirmOnboardingRequest,
        ConfirmOnboardingResponse, GetOnboardingRequest, GetOnboardingResponse,
        StartOnboardingRequest, StartOnboardingResponse, UpdateOnboardingRequest,
        UpdateOnboardingResponse, onboarding_service_server::OnboardingService,
    },
};
use sqlx::PgConnection;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Desk;
use crate::{
    agent::Agent,
    error::Error,
    notice::Kind,
    onboarding::{
        Message, Move, Onboarding, Role, Status as Progress,
        draft::Said,
        text::{self, Place},
    },
    post::{self, Direct},
    store::{self, onboardings},
    wire::{self, event},
};

/// Messages that people are shown.
const SHOWN: i64 = 200;
/// How often to try what somebody else was quicker with.
const ATTEMPTS: usize = 5;

#[tonic::async_trait]
impl OnboardingService for Desk {
    async fn get_onboarding(
        &self,
        request: Request<GetOnboardingRequest>,
    ) -> Result<Response<GetOnboardingResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let board_id = decode::id("board_id", &request.board_id)?;
        self.visible_board(&caller, board_id).await?;
        let mut conn = self.pool.acquire().await.map_err(Error::from)?;
        let latest = onboardings::find_latest(&mut conn, board_id).await;
        let it = latest
            .map_err(Error::from)?
            .ok_or(Error::OnboardingNotFound)?;
        let onboarding = Some(self.shown_onboarding(&mut conn, &it).await?);
        Ok(Response::new(GetOnboardingResponse { onboarding }))
    }

    async fn start_onboarding(
        &self,
        request: Request<StartOnboardingRequest>,
    ) -> Result<Response<StartOnboardingResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let (board, scope) = self.writable_board(&caller, &request.board_id).await?;
        let main = self.main_agent(&scope).await?;
        let onboarding = Some(self.start(&caller, &board, &scope, &main).await?);
        Ok(Response::new(StartOnboardingResponse { onboarding }))
    }

    async fn answer_onboarding(
        &self,
        request: Request<AnswerOnboardingRequest>,
    ) -> Result<Response<AnswerOnboardingResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let (board, scope) = self.writable_board(&caller, &request.board_id).await?;
        let answer = input::answer(&request.answer, request.other_text.as_deref())?;
        let onboarding = Some(self.answer(&caller, &board, &scope, answer).await?);
        Ok(Response::new(AnswerOnboardingResponse { onboarding }))
    }

    async fn update_onboarding(
        &self,
        request: Request<UpdateOnboardingRequest>,
    ) -> Result<Response<UpdateOnboardingResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let (_, scope) = self.writable_board(&caller, &request.board_id).await?;
        let said = input::said(&request)?;
        let onboarding = Some(self.say(&caller, &scope, said).await?);
        Ok(Response::new(UpdateOnboardingResponse { onboarding }))
    }

    async fn confirm_onboarding(
        &self,
        request: Request<ConfirmOnboardingRequest>,
    ) -> Result<Response<ConfirmOnboardingResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let (board, scope) = self.writable_board(&caller, &request.board_id).await?;
        let goal = input::confirmed(&request)?;
        let board = Some(self.confirm(&caller, &board, &scope, goal).await?);
        Ok(Response::new(ConfirmOnboardingResponse { board }))
    }

    async fn cancel_onboarding(
        &self,
        request: Request<CancelOnboardingRequest>,
    ) -> Result<Response<CancelOnboardingResponse>, Status> {
        let (caller, request) = (Caller::of(&request)?, request.into_inner());
        let (_, scope) = self.writable_board(&caller, &request.board_id).await?;
        let onboarding = Some(self.cancel(&caller, &scope).await?);
        Ok(Response::new(CancelOnboardingResponse { onboarding }))
    }
}

impl Desk {
    /// The main agent of the gateway on which the board lives.
    async fn main_agent(&self, scope: &BoardScope) -> Result<Agent, Error> {
        let gateway_id = scope.gateway_id.ok_or_else(no_gateway)?;
        let mut conn = self.pool.acquire().await?;
        let (_, main) = store::agents::main_of(&mut conn, scope.organization_id, gateway_id)
            .await?
            .ok_or_else(no_gateway)?;
        let id = main.ok_or(Error::GatewayMainMissing)?;
        let main = store::agents::find(&mut conn, id).await?;
        main.filter(|main| main.leaving_at.is_none())
            .ok_or(Error::GatewayMainMissing)
    }

    async fn shown_onboarding(
        &self,
        conn: &mut PgConnection,
        it: &Onboarding,
    ) -> Result<message::Onboarding, Error> {
        let messages = onboardings::list_messages(conn, it.id, SHOWN).await?;
        let notice = match it.notice_id {
            Some(id) => store::notices::find(conn, id).await?,
            None => None,
        };
        let notice = notice.map(|(notice, _)| notice);
        Ok(wire::onboarding::onboarding(
            it,
            &messages,
            notice.as_ref(),
            self.clock.now(),
        ))
    }

    /// Keeps what a person says and has the agent told of it.
    async fn tell(
        &self,
        tx: &mut PgConnection,
        main: &Agent,
        it: &mut Onboarding,
        content: String,
        told: String,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let notice_id = write(tx, main, it.board_id, told, now).await?;
        let message = said_now(Role::User, content, now);
        onboardings::insert_message(tx, it.id, &message, Some(notice_id)).await?;
        it.told(notice_id, now);
        onboardings::update(tx, it).await?;
        Ok(())
    }

    async fn answer(
        &self,
        caller: &Caller,
        board: &Board,
        scope: &BoardScope,
        answer: String,
    ) -> Result<message::Onboarding, Error> {
        let main = self.main_agent(scope).await?;
        let mut tx = self.pool.begin().await?;
        let (mut it, status, now) = self.open(&mut tx, scope, Move::Answer).await?;
        if it.gateway_id != main.gateway_id {
            // It was begun with the main agent of another gateway.
            return Err(Error::OnboardingClosed);
        }
        it.said(Role::User, status, now);
        let told = text::answer(place(board, scope), &answer);
        self.tell(&mut tx, &main, &mut it, answer, told, now)
            .await?;
        let told = event::onboarding_changed(caller.event_actor(), &it, Some(Move::Answer), now);
        bus::outbox::append(&mut tx, told).await?;
        let shown = self.shown_onboarding(&mut tx, &it).await?;
        tx.commit().await?;
        Ok(shown)
    }

    async fn say(
        &self,
        caller: &Caller,
        scope: &BoardScope,
        said: Said,
    ) -> Result<message::Onboarding, Error> {
        let content = said
            .content()
            .map_err(|error| Error::Text(Box::new(error)))?;
        let (made, draft) = match said {
            Said::Question(_) => (Move::Ask, None),
            Said::Draft(draft) => (Move::Draft, Some(*draft)),
        };
        let mut tx = self.pool.begin().await?;
        let (mut it, status, now) = self.open(&mut tx, scope, made).await?;
        it.said(Role::Assistant, status, now);
        it.draft = draft.or(it.draft);
        let message = said_now(Role::Assistant, content, now);
        onboardings::insert_message(&mut tx, it.id, &message, None).await?;
        onboardings::update(&mut tx, &it).await?;
        let told = event::onboarding_changed(caller.event_actor(), &it, Some(made), now);
        bus::outbox::append(&mut tx, told).await?;
        let shown = self.shown_onboarding(&mut tx, &it).await?;
        tx.commit().await?;
        Ok(shown)
    }

    async fn cancel(
        &self,
        caller: &Caller,
        scope: &BoardScope,
    ) -> Result<message::Onboarding, Error> {
        let mut tx = self.pool.begin().await?;
        let (it, _, now) = self.open(&mut tx, scope, Move::Cancel).await?;
        let it = end(&mut tx, it, Move::Cancel, caller.event_actor(), now).await?;
        let shown = self.shown_onboarding(&mut tx, &it).await?;
        tx.commit().await?;
        Ok(shown)
    }

    /// The latest onboarding of a board, held until the transaction ends, how far the move brings it, and when that is:
    /// nobody moves it at an earlier moment afterwards.
    async fn open(
        &self,
        tx: &mut PgConnection,
        scope: &BoardScope,
        made: Move,
    ) -> Result<(Onboarding, Progress, DateTime<Utc>), Error> {
        let it = onboardings::lock_latest(tx, scope.board_id)
            .await?
            .ok_or(Error::OnboardingNotFound)?;
        let now = self.clock.now();
        match it.status(now).after(made) {
            // What somebody confirms at this moment stands still.
            Some(_) if it.is_being_confirmed(now) => Err(Error::OnboardingBusy),
            Some(status) => Ok((it, status, now)),
            None if made == Move::Confirm && it.status(now) == Progress::Active => {
                Err(Error::OnboardingNotCompleted)
            }
            None => Err(Error::OnboardingClosed),
        }
    }
}

fn no_gateway() -> Error {
    let message = "the board has no gateway";
    Error::Refused(Fault::rejected("GATEWAY_REQUIRED", "board_id", message))
}

/// Ends an onboarding without a goal; the agent is not told any more what it has not been told yet.
async fn end(
    tx: &mut PgConnection,
    mut it: Onboarding,
    made: Move,
    actor: proto::event::v1::Actor,
    now: DateTime<Utc>,
) -> Result<Onboarding, Error> {
    it.status = it.status.after(made).ok_or(Error::OnboardingClosed)?;
    it.updated_at = now;
    onboardings::update(tx, &it).await?;
    onboardings::withdraw(tx, &[it.id]).await?;
    let told = event::onboarding_changed(actor, &it, Some(made), now);
    bus::outbox::append(tx, told).await?;
    Ok(it)
}

async fn write(
    tx: &mut PgConnection,
    main: &Agent,
    board_id: Uuid,
    message: String,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    let direct = Direct {
        kind: Kind::Onboarding,
        message,
        from_agent_id: None,
    };
    post::write_about(tx, main, Some(board_id), direct, now)
        .await
        .map_err(|error| match error {
            sqlx::Error::RowNotFound => Error::GatewayMainMissing,
            error => error.into(),
        })
}

fn said_now(role: Role, content: String, now: DateTime<Utc>) -> Message {
    Message {
        id: Uuid::now_v7(),
        role,
        content,
        created_at: now,
    }
}

fn place<'a>(board: &'a Board, scope: &BoardScope) -> Place<'a> {
    Place {
        board_id: scope.board_id,
        board_name: &board.name,
        description: &board.description,
    }
}
