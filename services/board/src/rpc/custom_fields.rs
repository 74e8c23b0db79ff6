//! Custom fields of the caller's organization.

mod change;

use bus::outbox;
use chassis::Caller;
use proto::board::v1::{
    CreateCustomFieldRequest, CreateCustomFieldResponse, DeleteCustomFieldRequest,
    DeleteCustomFieldResponse, ListCustomFieldsRequest, ListCustomFieldsResponse,
    UpdateCustomFieldRequest, UpdateCustomFieldResponse,
    custom_field_service_server::CustomFieldService,
};
use sqlx::PgConnection;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::Desk;
use crate::{
    custom_field::{CustomField, MAX_PER_ORGANIZATION, Refusal},
    error::{Error, from_constraint},
    events::catalogue,
    store, wire,
};

pub(crate) struct CustomFields(pub(crate) Desk);

#[tonic::async_trait]
impl CustomFieldService for CustomFields {
    async fn list_custom_fields(
        &self,
        request: Request<ListCustomFieldsRequest>,
    ) -> Result<Response<ListCustomFieldsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let fields = list(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(ListCustomFieldsResponse {
            items: fields.into_iter().map(wire::custom_fields::field).collect(),
        }))
    }

    async fn create_custom_field(
        &self,
        request: Request<CreateCustomFieldRequest>,
    ) -> Result<Response<CreateCustomFieldResponse>, Status> {
        let caller = Caller::of(&request)?;
        let field = create(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(CreateCustomFieldResponse {
            custom_field: Some(wire::custom_fields::field(field)),
        }))
    }

    async fn update_custom_field(
        &self,
        request: Request<UpdateCustomFieldRequest>,
    ) -> Result<Response<UpdateCustomFieldResponse>, Status> {
        let caller = Caller::of(&request)?;
        let field = change::update(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(UpdateCustomFieldResponse {
            custom_field: Some(wire::custom_fields::field(field)),
        }))
    }

    async fn delete_custom_field(
        &self,
        request: Request<DeleteCustomFieldRequest>,
    ) -> Result<Response<DeleteCustomFieldResponse>, Status> {
        let caller = Caller::of(&request)?;
        let archived = change::delete(&self.0, &caller, request.get_ref()).await?;
        Ok(Response::new(DeleteCustomFieldResponse {
            ok: true,
            archived,
        }))
    }
}

/// The organization whose fields the caller means.
fn organization(caller: &Caller) -> Result<Uuid, Error> {
    caller
        .organization_id()
        .ok_or_else(|| Refusal::NotFound.into())
}

async fn list(
    desk: &Desk,
    caller: &Caller,
    request: &ListCustomFieldsRequest,
) -> Result<Vec<CustomField>, Error> {
    let organization_id = organization(caller)?;
    let all = request.include_archived.unwrap_or(false);
    let mut conn = desk.pool.acquire().await?;
    Ok(store::custom_fields::list(&mut conn, organization_id, all).await?)
}

async fn create(
    desk: &Desk,
    caller: &Caller,
    request: &CreateCustomFieldRequest,
) -> Result<CustomField, Error> {
    let organization_id = organization(caller)?;
    let now = desk.clock.now();
    let field = wire::custom_fields::draft(Uuid::now_v7(), organization_id, request, now)?;
    let mut tx = desk.pool.begin().await?;
    store::custom_fields::queue(&mut tx, organization_id).await?;
    let strange = hold_boards(&mut tx, &field, &[]).await?;
    if !strange.is_empty() {
        return Err(Refusal::BoardsInvalid { ids: strange }.into());
    }
    field.judge()?;
    if store::custom_fields::count(&mut tx, organization_id).await? >= MAX_PER_ORGANIZATION {
        return Err(Refusal::TooMany.into());
    }
    store::custom_fields::insert(&mut tx, &field)
        .await
        .map_err(from_constraint)?;
    show_anew(&mut tx, &field.board_ids).await?;
    outbox::append(&mut tx, catalogue::field_created(caller, &field)).await?;
    tx.commit().await?;
    Ok(field)
}

/// Holds the boards of a definition, and those that it leaves. Answers those that it is to be on and that are not the
/// organization's.
async fn hold_boards(
    conn: &mut PgConnection,
    field: &CustomField,
    leaves: &[Uuid],
) -> Result<Vec<Uuid>, Error> {
    let boards = [&field.board_ids, leaves].concat();
    let held = store::held::hold(conn, field.organization_id, &boards).await?;
    let strange = field.board_ids.iter().filter(|id| !held.contains(id));
    Ok(strange.copied().collect())
}

/// Makes every copy of what is on boards that are held old.
async fn show_anew(conn: &mut PgConnection, boards: &[Uuid]) -> Result<(), Error> {
    store::custom_fields::touch_tasks(conn, boards).await?;
    Ok(store::held::touch(conn, boards).await?)
}
