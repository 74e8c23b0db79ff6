//! Calling a service with bytes: the edge knows where a message goes, not what is in it.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use chassis::Peer;
use tonic::{
    Request, Response, Status, Streaming,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataValue,
};

use crate::route::Rpc;

/// How long an RPC that answers once may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// The longest wait that an RPC offers its caller (`wait_seconds`); it comes on top.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Largest answer of a service, bytes: a page of 200 of the largest tasks stays below it.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Takes messages as they are.
#[derive(Clone, Copy, Debug, Default)]
struct AsBytes;

impl Codec for AsBytes {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for AsBytes {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(message);
        Ok(())
    }
}

impl Decoder for AsBytes {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}

/// Asks for one answer, within the deadline and under these conditions (metadata by name).
pub(crate) async fn unary(
    peer: Peer,
    rpc: &Rpc,
    message: Bytes,
    conditions: &[(&'static str, &str)],
) -> Result<Response<Bytes>, Status> {
    let mut request = Request::new(message);
    let deadline = deadline(rpc);
    request.set_timeout(deadline);
    for (name, value) in conditions {
        if let Ok(value) = MetadataValue::try_from(*value) {
            request.metadata_mut().insert(*name, value);
        }
    }
    let mut client = client(peer);
    let call = client.unary(request, rpc.path.clone(), AsBytes);
    tokio::time::timeout(deadline, call)
        .await
        .unwrap_or_else(|_| Err(too_late()))
}

/// How long this RPC may take.
pub(crate) fn deadline(rpc: &Rpc) -> Duration {
    let input = rpc.descriptor.input();
    match input.get_field_by_name("wait_seconds") {
        Some(_) => DEADLINE + LONGEST_WAIT,
        None => DEADLINE,
    }
}

/// Opens a stream; the service has admitted the caller when this answers.
pub(crate) async fn server_streaming(
    peer: Peer,
    rpc: &Rpc,
    message: Bytes,
) -> Result<Streaming<Bytes>, Status> {
    let mut client = client(peer);
    let call = client.server_streaming(Request::new(message), rpc.path.clone(), AsBytes);
    match tokio::time::timeout(DEADLINE, call).await {
        Ok(opened) => opened.map(Response::into_inner),
        Err(_) => Err(too_late()),
    }
}

pub(crate) fn too_late() -> Status {
    Status::deadline_exceeded("the service did not answer in time")
}

fn client(peer: Peer) -> Grpc<Peer> {
    Grpc::new(peer).max_decoding_message_size(LARGEST_ANSWER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route;

    #[test]
    fn who_offers_a_wait_gets_the_time_for_it() {
        let longer = |rpc: &Rpc| deadline(rpc) > DEADLINE;
        let mut found: Vec<_> = route::exposed()
            .iter()
            .filter(|rpc| longer(rpc))
            .map(|rpc| rpc.label().to_owned())
            .collect();
        found.sort();
        assert_eq!(
            found,
            ["GatewayService/SyncTemplates", "SkillService/SyncSkillPack"]
        );
    }
}
