//! What was done to bring an agent where it should be.

use chassis::{Caller, Cursor, decode};
use proto::agent::v1::{ListAgentJobsRequest, ListAgentJobsResponse};

use crate::{
    error::Error,
    rpc::{Desk, Paging},
    store, wire,
};

impl Desk {
    pub(super) async fn list_jobs(
        &self,
        caller: &Caller,
        request: &ListAgentJobsRequest,
    ) -> Result<ListAgentJobsResponse, Error> {
        let id = decode::id("agent_id", &request.agent_id)?;
        let page = decode::page(request.limit, request.offset, request.page_token.as_deref())?;
        let agent = self.own_agent(caller, id).await?;
        let mut conn = self.pool.acquire().await?;
        let mut rows = store::jobs::list(&mut conn, agent.id, &page.beyond()).await?;
        let paging = Paging::of(&page, &mut rows.items, rows.total, |last| Cursor {
            at: last.job.created_at,
            id: last.job.id,
        });
        Ok(ListAgentJobsResponse {
            items: rows.items.iter().map(wire::job::job).collect(),
            total: paging.total,
            limit: paging.limit,
            offset: paging.offset,
            next_page_token: paging.next_page_token,
        })
    }
}
