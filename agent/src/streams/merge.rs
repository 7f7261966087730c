//! Small chunks that are there together travel together.

use bytes::{Bytes, BytesMut};
use futures_util::future::FutureExt;
use futures_util::stream::{BoxStream, StreamExt};
use tamer_model::StreamKind;

/// The most bytes of one frame. Long enough that the cost of a frame vanishes, short enough that
/// other streams get their turn.
pub const MAX_FRAME: usize = 64 * 1024;
/// A chunk of this length travels as it is: copying it would cost more than its frame.
const LONG: usize = 32 * 1024;

/// One thing that a provider's stream tells.
#[derive(Debug)]
pub enum Part<E> {
    /// Bytes of one of the two streams, at most [`MAX_FRAME`].
    Data(StreamKind, Bytes),
    /// Something that ends it.
    Other(E),
}

/// Reads parts and merges those that are ready: no part waits for another.
pub struct Merged<E> {
    parts: BoxStream<'static, Part<E>>,
    /// What was read and not told.
    next: Option<Part<E>>,
    over: bool,
}

impl<E> Merged<E> {
    /// Merges what `parts` tells.
    pub fn new(parts: BoxStream<'static, Part<E>>) -> Self {
        Self { parts, next: None, over: false }
    }

    /// The next part; nothing at the end. Not cancel-safe.
    pub async fn next(&mut self) -> Option<Part<E>> {
        let (kind, first) = match self.read().await? {
            Part::Data(kind, data) => (kind, data),
            other @ Part::Other(_) => return Some(other),
        };
        if first.len() > MAX_FRAME {
            let mut rest = first;
            let now = rest.split_to(MAX_FRAME);
            self.next = Some(Part::Data(kind, rest));
            return Some(Part::Data(kind, now));
        }
        if first.len() >= LONG {
            return Some(Part::Data(kind, first));
        }
        let mut many: Option<BytesMut> = None;
        while let Some(part) = self.ready() {
            match part {
                Part::Data(more, data)
                    if more == kind
                        && many.as_ref().map_or(first.len(), BytesMut::len) + data.len()
                            <= MAX_FRAME =>
                {
                    // From here on there is something to merge.
                    many.get_or_insert_with(|| {
                        let mut many = BytesMut::with_capacity(MAX_FRAME);
                        many.extend_from_slice(&first);
                        many
                    })
                    .extend_from_slice(&data);
                }
                other => {
                    self.next = Some(other);
                    break;
                }
            }
        }
        Some(Part::Data(kind, many.map_or(first, BytesMut::freeze)))
    }

    async fn read(&mut self) -> Option<Part<E>> {
        if let Some(next) = self.next.take() {
            return Some(next);
        }
        if self.over {
            return None;
        }
        let part = self.parts.next().await;
        self.over = part.is_none();
        part
    }

    /// What is there without waiting. The next reading registers for more.
    fn ready(&mut self) -> Option<Part<E>> {
        if self.over {
            return None;
        }
        let part = self.parts.next().now_or_never()?;
        self.over = part.is_none();
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(parts: Vec<Part<u8>>) -> Merged<u8> {
        Merged::new(futures_util::stream::iter(parts).boxed())
    }

    fn out(bytes: &'static [u8]) -> Part<u8> {
        Part::Data(StreamKind::Stdout, Bytes::from_static(bytes))
    }

    async fn all(mut merged: Merged<u8>) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(part) = merged.next().await {
            told.push(match part {
                Part::Data(kind, data) if data.len() < 10 => {
                    format!("{kind:?} {}", String::from_utf8_lossy(&data))
                }
                Part::Data(kind, data) => format!("{kind:?} {}", data.len()),
                Part::Other(code) => format!("end {code}"),
            });
        }
        told
    }

    #[tokio::test]
    async fn what_is_ready_is_merged_and_keeps_its_order() {
        let err = Part::Data(StreamKind::Stderr, Bytes::from_static(b"e"));
        let told = all(merged(vec![out(b"a"), out(b"b"), err, out(b"c"), Part::Other(7)])).await;
        assert_eq!(told, ["Stdout ab", "Stderr e", "Stdout c", "end 7"]);
        assert!(all(merged(vec![])).await.is_empty());
    }

    #[tokio::test]
    async fn no_frame_is_longer_than_it_may_be() {
        const BIG: &[u8] = &[b'x'; MAX_FRAME + LONG];
        let told = all(merged(vec![out(BIG), out(&BIG[..40_000]), out(&BIG[..30_000])])).await;
        assert_eq!(told, ["Stdout 65536", "Stdout 32768", "Stdout 40000", "Stdout 30000"]);
        let small = (0..100).map(|_| out(&BIG[..1000])).collect();
        assert_eq!(all(merged(small)).await, ["Stdout 65000", "Stdout 35000"]);
    }

    #[tokio::test]
    async fn a_part_does_not_wait_for_another() {
        let parts = futures_util::stream::iter([out(b"a")]).chain(futures_util::stream::pending());
        let mut merged = Merged::new(parts.boxed());
        assert!(matches!(merged.next().await, Some(Part::Data(_, data)) if data == "a"));
    }
}
