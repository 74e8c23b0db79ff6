//! `SoulDirectoryService`.

use chassis::{Fault, decode};
use proto::agent::v1::{
    DirectorySoul, GetDirectorySoulRequest, GetDirectorySoulResponse, SearchSoulsRequest,
    SearchSoulsResponse, soul_directory_service_server::SoulDirectoryService,
};
use tonic::{Request, Response, Status};

use crate::{
    soul::{
        directory::Directory,
        sitemap::{self, Ref},
    },
    wire,
};

/// Characters that are looked for.
const SEARCH: usize = 200;
/// Souls that are answered unless the reader says otherwise, and the most it may ask for.
const USUAL: i32 = 20;
const MOST: i32 = 100;

#[tonic::async_trait]
impl SoulDirectoryService for Directory {
    async fn search_souls(
        &self,
        request: Request<SearchSoulsRequest>,
    ) -> Result<Response<SearchSoulsResponse>, Status> {
        let request = request.into_inner();
        let text = decode::optional_text("q", request.q.as_deref(), SEARCH)?.unwrap_or_default();
        let limit = decode::number("limit", request.limit.unwrap_or(USUAL), 1, MOST)?;
        let found = self
            .search(&text, usize::try_from(limit).unwrap_or(0))
            .await
            .map_err(Fault::from)?;
        Ok(Response::new(SearchSoulsResponse {
            items: found
                .iter()
                .map(|soul| wire::soul::reference(self, soul))
                .collect(),
        }))
    }

    async fn get_directory_soul(
        &self,
        request: Request<GetDirectorySoulRequest>,
    ) -> Result<Response<GetDirectorySoulResponse>, Status> {
        let request = request.into_inner();
        let slug = request.slug.strip_suffix(".md").unwrap_or(&request.slug);
        let soul = Ref {
            handle: segment("handle", &request.handle)?,
            slug: segment("slug", slug)?,
        };
        let content = self.read(&soul).await.map_err(Fault::from)?;
        Ok(Response::new(GetDirectorySoulResponse {
            soul: Some(DirectorySoul {
                handle: soul.handle,
                slug: soul.slug,
                content,
            }),
        }))
    }
}

fn segment(field: &str, text: &str) -> Result<String, Fault> {
    if sitemap::is_segment(text) {
        return Ok(text.to_owned());
    }
    let message = "letters, digits, `-` and `_`, beginning with a letter or digit; at most 100";
    Err(Fault::invalid(field, "INVALID", message))
}
