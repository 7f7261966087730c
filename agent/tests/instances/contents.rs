//! The contents of the coordinator of a test: in memory, and as slow and as wrong as a test wants.
#![cfg_attr(windows, expect(dead_code, reason = "those tests move files of Linux"))]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use tamer_model::{BatchId, Code, Content, Fingerprint, HostId, Problem, TaskId};
use tamer_proto::wire::put_task_content_request::Frame;
use tamer_proto::{status_of, wire};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

const CHUNK: usize = 64 * 1024;

/// Clones are the same.
#[derive(Clone, Default)]
pub struct Contents(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    held: BTreeMap<Fingerprint, Vec<u8>>,
    /// From where each call asked.
    asked: Vec<u64>,
    /// After so many bytes of a call nothing moves any more.
    stalls: Option<u64>,
    /// What has come of a file.
    brought: BTreeMap<Fingerprint, Vec<u8>>,
}

/// A task of its own for each number.
pub fn task(number: u8) -> TaskId {
    TaskId::of_host(BatchId::from_bytes([number; 10]), HostId::from_bytes([5; 10]))
}

/// Says aloud that a test cannot be done here.
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// What these bytes are.
pub fn content(bytes: &[u8]) -> Content {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let digest = Fingerprint::from_bytes(digest.as_ref().try_into().expect("32 bytes"));
    Content { digest, size: bytes.len() as u64 }
}

/// Bytes that are not all the same.
pub fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 251) as u8 ^ at as u8).collect()
}

impl Contents {
    /// Takes these bytes.
    pub fn hold(&self, bytes: &[u8]) -> Content {
        let content = content(bytes);
        self.inner().held.insert(content.digest, bytes.to_vec());
        content
    }

    /// Takes these bytes under the digest of others.
    pub fn hold_wrong(&self, content: Content, bytes: &[u8]) {
        self.inner().held.insert(content.digest, bytes.to_vec());
    }

    /// From now on nothing moves after so many bytes of a call; or everything does.
    pub fn stall(&self, after: Option<u64>) {
        self.inner().stalls = after;
    }

    /// From where each call asked so far.
    pub fn asked(&self) -> Vec<u64> {
        self.inner().asked.clone()
    }

    /// What has come of a file.
    pub fn brought(&self, content: Content) -> Vec<u8> {
        self.inner().brought.get(&content.digest).cloned().unwrap_or_default()
    }

    /// Has so much of a file already.
    pub fn has(&self, content: Content, bytes: &[u8]) {
        self.inner().brought.insert(content.digest, bytes.to_vec());
    }

    pub fn get(
        &self,
        request: wire::GetTaskContentRequest,
    ) -> Result<ReceiverStream<Result<wire::ContentChunk, Status>>, Status> {
        let content = read(request.content)?;
        let mut inner = self.inner();
        inner.asked.push(request.offset);
        let unknown = || status_of(Problem::new(Code::NotFound, "there is no such content"));
        let bytes = inner.held.get(&content.digest).cloned().ok_or_else(unknown)?;
        let stalls = inner.stalls;
        drop(inner);
        let (out, chunks) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut offset = request.offset;
            for data in bytes[offset as usize..].chunks(CHUNK) {
                if stalls.is_some_and(|after| offset >= request.offset + after) {
                    return out.closed().await;
                }
                let data = bytes::Bytes::copy_from_slice(data);
                let next = offset + data.len() as u64;
                if out.send(Ok(wire::ContentChunk { offset, data })).await.is_err() {
                    return;
                }
                offset = next;
            }
        });
        Ok(ReceiverStream::new(chunks))
    }

    pub fn stat(
        &self,
        request: wire::StatTaskContentRequest,
    ) -> Result<wire::StatContentResponse, Status> {
        let content = read(request.content)?;
        let mut inner = self.inner();
        let have = inner.brought.get(&content.digest).map_or(0, Vec::len) as u64;
        inner.asked.push(have);
        Ok(wire::StatContentResponse { have, complete: have == content.size })
    }

    pub async fn put(
        &self,
        mut frames: Streaming<wire::PutTaskContentRequest>,
    ) -> Result<wire::StatContentResponse, Status> {
        let first = frames.message().await?.and_then(|first| first.frame);
        let Some(Frame::Open(open)) = first else {
            return Err(Status::invalid_argument("it is not opened"));
        };
        let digest = read(open.content)?.digest;
        let mut moved = 0;
        while let Some(frame) = frames.message().await? {
            let Some(Frame::Chunk(wire::ContentChunk { offset, data })) = frame.frame else {
                return Err(Status::invalid_argument("it is opened twice"));
            };
            let stalls = self.inner().stalls;
            if stalls.is_some_and(|after| moved >= after) {
                std::future::pending::<()>().await;
            }
            moved += data.len() as u64;
            let mut inner = self.inner();
            let bytes = inner.brought.entry(digest).or_default();
            assert_eq!(bytes.len() as u64, offset, "only what is lacking comes, in its order");
            assert!(data.len() <= CHUNK, "{}", data.len());
            bytes.extend_from_slice(&data);
        }
        let bytes = self.inner().brought.entry(digest).or_default().clone();
        let complete = content(&bytes).digest == digest;
        Ok(wire::StatContentResponse { have: bytes.len() as u64, complete })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no panic")
    }
}

fn read(content: Option<wire::Content>) -> Result<Content, Status> {
    let content = content.ok_or_else(|| Status::invalid_argument("no content"))?;
    content.try_into().map_err(status_of)
}
