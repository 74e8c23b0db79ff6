//! What tests want of tags and custom fields: as short as they want it.

use chassis::{Caller, Peer, encode};
use prost_types::Struct;
use proto::board::v1::{
    CreateCustomFieldRequest, CreateTagRequest, CreateTaskRequest, CustomField,
    DeleteCustomFieldRequest, DeleteCustomFieldResponse, GetTagRequest, Tag, Task,
    UpdateCustomFieldRequest, UpdateTagRequest, UpdateTaskRequest,
    custom_field_service_client::CustomFieldServiceClient, tag_service_client::TagServiceClient,
};
use serde_json::Value as Json;
use tonic::Status;
use uuid::Uuid;

use crate::{
    callers::owner,
    fixture::Fixture,
    request::{self, Naming, mask},
};

impl Fixture {
    pub(crate) fn tags(&self, caller: &Caller) -> TagServiceClient<Peer> {
        TagServiceClient::new(self.peer(caller))
    }

    pub(crate) fn fields(&self, caller: &Caller) -> CustomFieldServiceClient<Peer> {
        CustomFieldServiceClient::new(self.peer(caller))
    }

    pub(crate) async fn try_tag(&self, request: CreateTagRequest) -> Result<Tag, Status> {
        let answer = self.tags(&owner()).create_tag(request).await?;
        Ok(answer.into_inner().tag.unwrap())
    }

    pub(crate) async fn tag(&self, name: &str) -> Tag {
        self.try_tag(named_tag(name)).await.unwrap()
    }

    pub(crate) async fn edit_tag(&self, request: UpdateTagRequest) -> Result<Tag, Status> {
        let answer = self.tags(&owner()).update_tag(request).await?;
        Ok(answer.into_inner().tag.unwrap())
    }

    /// The tag as it is now.
    pub(crate) async fn tag_now(&self, tag: &Tag) -> Result<Tag, Status> {
        let tag_id = tag.id.clone();
        let answer = self
            .tags(&owner())
            .get_tag(GetTagRequest { tag_id })
            .await?;
        Ok(answer.into_inner().tag.unwrap())
    }

    pub(crate) async fn try_field(
        &self,
        request: CreateCustomFieldRequest,
    ) -> Result<CustomField, Status> {
        let answer = self.fields(&owner()).create_custom_field(request).await?;
        Ok(answer.into_inner().custom_field.unwrap())
    }

    /// A field of the board.
    pub(crate) async fn field(&self, key: &str, kind: &str) -> CustomField {
        self.try_field(field(self.board, key, kind)).await.unwrap()
    }

    pub(crate) async fn edit_field(
        &self,
        request: UpdateCustomFieldRequest,
    ) -> Result<CustomField, Status> {
        let answer = self.fields(&owner()).update_custom_field(request).await?;
        Ok(answer.into_inner().custom_field.unwrap())
    }

    pub(crate) async fn delete_field(
        &self,
        field: &CustomField,
    ) -> Result<DeleteCustomFieldResponse, Status> {
        let request = DeleteCustomFieldRequest {
            task_custom_field_definition_id: field.id.clone(),
        };
        let answer = self.fields(&owner()).delete_custom_field(request).await?;
        Ok(answer.into_inner())
    }

    /// A task that says this in its custom fields.
    pub(crate) async fn try_filled(&self, values: Json) -> Result<Task, Status> {
        let request = CreateTaskRequest {
            custom_field_values: object(&values),
            ..request::task(self.board, "Filled")
        };
        self.create(&owner(), request).await
    }

    pub(crate) async fn filled(&self, values: Json) -> Task {
        self.try_filled(values).await.unwrap()
    }

    /// A task with these tags.
    pub(crate) async fn tagged(&self, tags: &[&Tag]) -> Task {
        let request = CreateTaskRequest {
            tag_ids: ids(tags),
            ..request::task(self.board, "Tagged")
        };
        self.create(&owner(), request).await.unwrap()
    }
}

pub(crate) fn named_tag(name: &str) -> CreateTagRequest {
    CreateTagRequest {
        name: name.to_owned(),
        ..CreateTagRequest::default()
    }
}

/// A change of a tag that names nothing but this.
pub(crate) fn tag_patch(tag: &Tag, fields: &[&str]) -> UpdateTagRequest {
    UpdateTagRequest {
        tag_id: tag.id.clone(),
        update_mask: Some(mask(fields)),
        ..UpdateTagRequest::default()
    }
}

pub(crate) fn field(board: Uuid, key: &str, kind: &str) -> CreateCustomFieldRequest {
    CreateCustomFieldRequest {
        field_key: key.to_owned(),
        field_type: Some(kind.to_owned()),
        board_ids: vec![board.to_string()],
        ..CreateCustomFieldRequest::default()
    }
}

/// A change of a field that names nothing but this.
pub(crate) fn field_patch(field: &CustomField, fields: &[&str]) -> UpdateCustomFieldRequest {
    UpdateCustomFieldRequest {
        task_custom_field_definition_id: field.id.clone(),
        update_mask: Some(mask(fields)),
        ..UpdateCustomFieldRequest::default()
    }
}

pub(crate) fn ids(tags: &[&Tag]) -> Vec<String> {
    tags.iter().map(|tag| tag.id.clone()).collect()
}

pub(crate) fn object(json: &Json) -> Option<Struct> {
    encode::to_struct(json)
}

/// What a task says in its custom fields.
pub(crate) fn says_in_fields(task: &Task) -> Json {
    encode::from_struct(task.custom_field_values.as_ref().unwrap())
}

/// Names tags, dependencies and custom fields.
pub(crate) trait Labelling: Sized {
    fn tags(self, tags: &[&Tag]) -> Self;
    fn adds_tags(self, tags: &[&Tag]) -> Self;
    fn removes_tags(self, tags: &[&Tag]) -> Self;
    fn adds_dependencies(self, tasks: &[&Task]) -> Self;
    fn removes_dependencies(self, tasks: &[&Task]) -> Self;
    fn values(self, values: Json) -> Self;
}

impl Labelling for UpdateTaskRequest {
    fn tags(mut self, tags: &[&Tag]) -> Self {
        self.tag_ids = ids(tags);
        self.named("tag_ids")
    }

    fn adds_tags(mut self, tags: &[&Tag]) -> Self {
        self.add_tag_ids = ids(tags);
        self.named("add_tag_ids")
    }

    fn removes_tags(mut self, tags: &[&Tag]) -> Self {
        self.remove_tag_ids = ids(tags);
        self.named("remove_tag_ids")
    }

    fn adds_dependencies(mut self, tasks: &[&Task]) -> Self {
        self.add_depends_on_task_ids = tasks.iter().map(|task| task.id.clone()).collect();
        self.named("add_depends_on_task_ids")
    }

    fn removes_dependencies(mut self, tasks: &[&Task]) -> Self {
        self.remove_depends_on_task_ids = tasks.iter().map(|task| task.id.clone()).collect();
        self.named("remove_depends_on_task_ids")
    }

    fn values(mut self, values: Json) -> Self {
        self.custom_field_values = object(&values);
        self.named("custom_field_values")
    }
}
