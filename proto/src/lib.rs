//! The contract of Mission Control: messages, clients and servers generated from `proto/mission`, and the same
//! contract as data for whoever routes, transcodes, documents or guards calls.

pub mod access;

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

/// The compiled contract with its comments, as `protoc --include_imports --include_source_info` would write it.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the build wrote a valid descriptor set")
});

/// Descriptors of everything in the contract, options included.
pub fn pool() -> &'static DescriptorPool {
    &POOL
}

/// Answers that are not JSON.
pub mod google {
    pub mod api {
        /// An answer that is not JSON: its bytes and their media type. The same message as in googleapis.
        #[derive(Clone, PartialEq, prost::Message)]
        pub struct HttpBody {
            #[prost(string, tag = "1")]
            pub content_type: String,
            #[prost(bytes = "bytes", tag = "2")]
            pub data: prost::bytes::Bytes,
        }
    }
}

macro_rules! areas {
    ($($area:ident),*) => {$(
        #[allow(clippy::all, clippy::allow_attributes, unreachable_pub, missing_docs, reason = "generated")]
        pub mod $area {
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/mission.", stringify!($area), ".v1.rs"));
            }
        }
    )*};
}
areas!(
    org, board, agent, onboarding, gateway, approval, event, activity, webhook
);
