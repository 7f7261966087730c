//! Logs and stats of many instances, from many hosts, as one stream.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _, select_all};
use tamer_model::{HostId, InstanceRef, LogOptions, Problem, StreamRequest};
use tamer_proto::wire;
use tamer_proto::wire::stream_out::Frame;

use super::{Frames, Source, frame, renumbered, sources};
use crate::control::People;
use crate::instances::find::Selection;

/// The most instances of one stream: each is a source at an agent, and a line on a screen.
const MAX_SOURCES: usize = 4096;

impl People {
    pub(in crate::control) async fn follow_logs(
        &self,
        request: wire::LogsRequest,
    ) -> Result<Frames, Problem> {
        let wire::LogsRequest { selection, options } = request;
        let options: LogOptions = options.map(Into::into).unwrap_or_default();
        self.follow(selection, |instances| StreamRequest::Logs { instances, options }).await
    }

    pub(in crate::control) async fn follow_stats(
        &self,
        request: wire::StatsRequest,
    ) -> Result<Frames, Problem> {
        let wire::StatsRequest { selection, every_ms } = request;
        let every_ms = (every_ms != 0).then_some(every_ms);
        self.follow(selection, |instances| StreamRequest::Stats { instances, every_ms }).await
    }

    /// Opens a stream to each host that has some of the instances. A host that cannot be reached
    /// ends its sources with a problem; the others go on.
    async fn follow(
        &self,
        selection: Option<wire::InstanceSelection>,
        request: impl Fn(Vec<InstanceRef>) -> StreamRequest,
    ) -> Result<Frames, Problem> {
        let selection = Selection::try_from(selection)?;
        let mut shown = Vec::new();
        let mut hosts: BTreeMap<HostId, Vec<(u32, InstanceRef)>> = BTreeMap::new();
        let mut unreachable = Vec::new();
        {
            let view = self.fleet.view();
            let found = selection.find_some(&view)?;
            if found.len() > MAX_SOURCES {
                let message = format!("{} instances, more than {MAX_SOURCES}", found.len());
                return Err(Problem::field("instances", message).remedy("select fewer of them"));
            }
            for (number, found) in found.into_iter().enumerate() {
                let source = found.placed;
                match Source::new(&view, number, found) {
                    Ok(Source { host, reference, shown: name }) => {
                        shown.push(name);
                        hosts.entry(host).or_default().push((number as u32, reference));
                    }
                    Err(problem) => {
                        shown.push(wire::StreamSource {
                            source: number as u32,
                            id: source.instance.id.to_string(),
                            name: source.instance.instance.name.to_string(),
                            host: found.member.host.name.to_string(),
                            provider: source.instance.provider.to_string(),
                        });
                        unreachable.push((number as u32, problem));
                    }
                }
            }
        }
        let opening = hosts.into_iter().map(|(host, sources)| {
            let (numbers, instances): (Vec<_>, Vec<_>) = sources.into_iter().unzip();
            let request = request(instances);
            async move { (self.open(host, request).await, numbers) }
        });
        let mut streams: Vec<Frames> = Vec::new();
        for (opened, numbers) in join_all(opening).await {
            match opened {
                Ok(opened) => streams.push(ended_truthfully(opened, numbers)),
                Err(problem) => {
                    unreachable.extend(numbers.into_iter().map(|number| (number, problem.clone())));
                }
            }
        }
        let first = std::iter::once(sources(shown)).chain(
            unreachable
                .into_iter()
                .map(|(number, problem)| frame(number, Frame::Problem(problem.into()))),
        );
        let first: Vec<_> = first.map(Ok).collect();
        Ok(Box::pin(stream::iter(first).chain(select_all(streams))))
    }
}

/// An agent's frames; when its stream breaks, each source that has not ended ends with a problem,
/// and the other hosts' go on.
fn ended_truthfully(opened: crate::instances::streams::Opened, numbers: Vec<u32>) -> Frames {
    struct Following {
        frames: Frames,
        open: std::collections::BTreeSet<u32>,
        broken: Option<Problem>,
    }
    let open = numbers.iter().copied().collect();
    let following = Following { frames: renumbered(opened, numbers), open, broken: None };
    Box::pin(stream::unfold(following, |mut following| async move {
        if following.broken.is_none() {
            match following.frames.next().await {
                Some(Ok(out)) => {
                    if matches!(out.frame, Some(Frame::Ended(_) | Frame::Problem(_))) {
                        following.open.remove(&out.source);
                    }
                    return Some((Ok(out), following));
                }
                Some(Err(status)) => following.broken = Some(tamer_proto::problem_of(&status)),
                None => {
                    following.broken = Some(Problem::new(
                        tamer_model::Code::Unreachable,
                        "the host's agent went away in the middle",
                    ));
                }
            }
        }
        let problem = following.broken.clone()?;
        let number = following.open.pop_first()?;
        Some((Ok(frame(number, Frame::Problem(problem.into()))), following))
    }))
}
