//! The contents that a played coordinator holds.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_lc_rs::digest::{SHA256, digest};
use futures_util::StreamExt;
use futures_util::stream;
use tamer_model::{Code, Problem};
use tamer_proto::{status_of, wire};
use tonic::{Status, Streaming};

use crate::play::Out;

/// What it holds, by digest, and what hosts gave it, by their ids.
#[derive(Debug, Default)]
pub struct Contents {
    pub held: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub fetched: Mutex<BTreeMap<String, Vec<u8>>>,
    /// The offset of every piece that came.
    pub pieces: Mutex<Vec<u64>>,
    /// The offsets from which files were asked for.
    pub asked: Mutex<Vec<u64>>,
    /// A file that is written to while its content is sent.
    pub touched: Mutex<Option<std::path::PathBuf>>,
}

/// What of a content is named, and how large it is.
pub fn content(bytes: &[u8]) -> wire::Content {
    wire::Content { digest: digest(&SHA256, bytes).as_ref().to_vec(), size: bytes.len() as u64 }
}

impl Contents {
    pub fn stat(&self, content: Option<wire::Content>) -> wire::StatContentResponse {
        let content = content.expect("a content");
        let held = self.held.lock().expect("a lock");
        let have = held.get(&content.digest).map_or(0, |bytes| bytes.len() as u64);
        wire::StatContentResponse {
            have,
            complete: have == content.size && held.contains_key(&content.digest),
        }
    }

    pub async fn put(
        &self,
        mut frames: Streaming<wire::PutContentRequest>,
    ) -> Result<wire::StatContentResponse, Status> {
        use wire::put_content_request::Frame;
        let opened = frames.message().await?.and_then(|frame| frame.frame);
        let Some(Frame::Open(open)) = opened else { panic!("not opened: {opened:?}") };
        let content = open.content.expect("a content");
        let mut bytes =
            self.held.lock().expect("a lock").get(&content.digest).cloned().unwrap_or_default();
        if let Some(path) = self.touched.lock().expect("a lock").take() {
            std::fs::write(path, vec![b'!'; content.size as usize]).expect("writes");
        }
        while let Some(frame) = frames.message().await? {
            let Some(Frame::Chunk(chunk)) = frame.frame else { panic!("no chunk: {frame:?}") };
            assert_eq!(chunk.offset, bytes.len() as u64, "in its place");
            assert!(chunk.data.len() <= 64 * 1024);
            self.pieces.lock().expect("a lock").push(chunk.offset);
            bytes.extend_from_slice(&chunk.data);
        }
        if digest(&SHA256, &bytes).as_ref() != content.digest {
            self.held.lock().expect("a lock").remove(&content.digest);
            let problem = Problem::new(Code::Conflict, "the content has another digest");
            return Err(status_of(problem.on("content")));
        }
        let have = bytes.len() as u64;
        self.held.lock().expect("a lock").insert(content.digest, bytes);
        Ok(wire::StatContentResponse { have, complete: true })
    }

    pub fn get(&self, request: &wire::GetFetchedRequest) -> Out<wire::ContentChunk> {
        self.asked.lock().expect("a lock").push(request.offset);
        let held = self.fetched.lock().expect("a lock");
        let bytes = held.get(&request.host).cloned().unwrap_or_default();
        let from = request.offset as usize;
        let pieces: Vec<_> = bytes[from..]
            .chunks(7)
            .zip((from..).step_by(7))
            .map(|(data, offset)| {
                Ok(wire::ContentChunk { offset: offset as u64, data: data.to_vec().into() })
            })
            .collect();
        stream::iter(pieces).boxed()
    }
}
