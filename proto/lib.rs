//! The gRPC contract `visionbatch.v1`: generated modules and the descriptor set, nothing else.

#![allow(
    missing_docs,
    reason = "generated code; the comments are in the .proto files"
)]
#![allow(
    clippy::large_enum_variant,
    reason = "generated code; a stream's events differ in size by nature"
)]

/// Package `visionbatch.v1`: messages, clients and servers.
pub mod v1 {
    tonic::include_proto!("visionbatch.v1");
}

/// The encoded `FileDescriptorSet` of the contract, for reflection and for the JSON mapping.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/visionbatch.bin"));
