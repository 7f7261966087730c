//! Instances: listed, watched, described, and streams to and from them.

mod exec;
mod follow;
mod list;
mod look;

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use tamer_model::{HostId, InstanceRef, Problem, StreamRequest};
use tamer_proto::wire;
use tonic::Status;

pub(super) use exec::opening;

use super::People;
use crate::fleet::View;
use crate::instances::find::Found;
use crate::instances::streams::Opened;

/// Frames on their way to a person.
pub(super) type Frames = Pin<Box<dyn Stream<Item = Result<wire::StreamOut, Status>> + Send>>;

/// An instance that a stream is about.
struct Source {
    host: HostId,
    reference: InstanceRef,
    shown: wire::StreamSource,
}

impl Source {
    fn new(view: &View, number: usize, found: Found<'_>) -> Result<Self, Problem> {
        found.reachable(view)?;
        let instance = found.instance();
        Ok(Self {
            host: instance.host,
            reference: instance.reference(),
            shown: wire::StreamSource {
                source: number as u32,
                id: instance.id.to_string(),
                name: instance.instance.name.to_string(),
                host: found.member.host.name.to_string(),
                provider: instance.provider.to_string(),
            },
        })
    }
}

impl People {
    async fn open(&self, host: HostId, request: StreamRequest) -> Result<Opened, Problem> {
        self.streams.open(&self.sessions, host, request).await
    }
}

/// The coordinator's own first frame: what the sources are.
fn sources(sources: Vec<wire::StreamSource>) -> wire::StreamOut {
    frame(0, wire::stream_out::Frame::Sources(wire::StreamSources { sources }))
}

fn frame(source: u32, frame: wire::stream_out::Frame) -> wire::StreamOut {
    wire::StreamOut { source, frame: Some(frame) }
}

/// An agent's frames, with the numbers of its sources changed into those that the person was told.
/// Dropping them drops the input too, and so ends the agent's side.
fn renumbered(opened: Opened, numbers: Vec<u32>) -> Frames {
    let Opened { frames, input } = opened;
    Box::pin(frames.filter_map(move |item| {
        let _held = &input;
        let renumbered = match item {
            Ok(mut out) => {
                // An agent speaks of the sources it was asked for, and a ticket comes once.
                let known = numbers.get(out.source as usize).copied();
                let spoken = !matches!(
                    out.frame,
                    None | Some(
                        wire::stream_out::Frame::Ticket(_) | wire::stream_out::Frame::Sources(_)
                    )
                );
                known.filter(|_| spoken).map(|number| {
                    out.source = number;
                    Ok(out)
                })
            }
            Err(status) => Some(Err(status)),
        };
        std::future::ready(renumbered)
    }))
}
