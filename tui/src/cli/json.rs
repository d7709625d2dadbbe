//! Owns the JSON of `--json`: the protobuf JSON mapping of the contract's messages, made from the contract's own
//! descriptors. Fields without presence are always there, whatever their value; absent ones are left out.

use std::io::{self, Write};
use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use vision_batch::v1;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(vision_batch::FILE_DESCRIPTOR_SET)
        .expect("the descriptors were compiled together with the messages")
});

/// A message that can be printed.
pub trait Printable: Message {
    /// Its full name in the contract.
    const NAME: &'static str;
}

macro_rules! printable {
    ($($message:ident)*) => {
        $(impl Printable for v1::$message {
            const NAME: &'static str = concat!("visionbatch.v1.", stringify!($message));
        })*
        #[cfg(test)]
        const NAMES: &[&str] = &[$(<v1::$message as Printable>::NAME),*];
    };
}

printable! {
    LoginResponse ChangePasswordResponse GetProfileResponse
    GetServiceInfoResponse QuoteBatchResponse CreateBatchResponse RerunBatchResponse
    ListBatchesResponse GetBatchResponse ListItemsResponse GetItemResponse BatchStatusResponse
    CancelBatchResponse CancelItemsResponse RetryItemsResponse FileMetadata ExportMetadata
    ListUsersResponse CreateUserResponse SetCreditsResponse AdjustCreditsResponse
    ListLedgerEntriesResponse GetSystemStatusResponse UpdateUpstreamTokenResponse SetDispatchResponse
    DeleteBatchResponse UpdateUserResponse ResetPasswordResponse ListAuditEventsResponse WatchSystemResponse
    CreateApiKeyResponse ListApiKeysResponse RevokeApiKeyResponse
    AddSshKeyResponse ListSshKeysResponse RemoveSshKeyResponse
}

/// Writes a message as one line of JSON.
///
/// # Errors
/// When the output fails.
pub fn write_line<M: Printable>(output: &mut dyn Write, message: &M) -> io::Result<()> {
    let mut line = to_json(message).map_err(io::Error::other)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.flush()
}

fn to_json<M: Printable>(message: &M) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let descriptor = POOL
        .get_message_by_name(M::NAME)
        .ok_or_else(|| format!("{} is not in the contract", M::NAME))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())?;
    let mut line = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut line);
    let options = SerializeOptions::new().skip_default_fields(false);
    dynamic.serialize_with_options(&mut serializer, &options)?;
    Ok(line)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn every_printable_message_is_in_the_contract() {
        for name in NAMES {
            assert!(POOL.get_message_by_name(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_batch_is_mapped_as_protobuf_json() {
        let response = v1::GetBatchResponse {
            batch: Some(v1::Batch {
                id: "0198c0de-0000-7000-8000-0000d3a17b1f".into(),
                name: "春季宣传片".into(),
                state: v1::batch::State::Processing.into(),
                audio: Some(v1::Audio {
                    size_bytes: 5_000_000_000,
                    duration: Some(prost_types::Duration {
                        seconds: 48,
                        nanos: 500_000_000,
                    }),
                    ..v1::Audio::default()
                }),
                create_time: Some(prost_types::Timestamp {
                    seconds: 1_700_000_000,
                    nanos: 0,
                }),
                revision: 7,
                ..v1::Batch::default()
            }),
        };
        let mut line = Vec::new();
        write_line(&mut line, &response).unwrap();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let value: Value = serde_json::from_slice(&line).unwrap();
        let batch = &value["batch"];
        assert_eq!(batch["name"], "春季宣传片");
        assert_eq!(batch["state"], "STATE_PROCESSING");
        assert_eq!(batch["audio"]["sizeBytes"], "5000000000");
        assert_eq!(batch["audio"]["duration"], "48.500s");
        assert_eq!(batch["createTime"], "2023-11-14T22:13:20Z");
        assert_eq!(batch["revision"], "7");
        // Without presence: there even when zero. With presence: absent when not set.
        assert_eq!(batch["creditsCharged"], json!(0));
        assert_eq!(batch["labels"], json!({}));
        assert!(batch.get("finishTime").is_none());
        assert!(batch.get("itemsAhead").is_none());
        assert!(batch.get("wait").is_none());
    }
}
