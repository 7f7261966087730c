//! One instance, as its technology tells it now.

use std::time::Duration;

use futures_util::StreamExt as _;
use tamer_model::{Code, Problem, StreamRequest};
use tamer_proto::wire::stream_out::Frame;
use tamer_proto::{problem_of, wire};

use super::{Source, renumbered};
use crate::control::People;
use crate::instances::find::find;

/// How long a technology may take to describe an instance.
const DESCRIBING: Duration = Duration::from_secs(15);

impl People {
    /// What the fleet knows is told in any case; what the technology says, where it can be had.
    pub(in crate::control) async fn describe(
        &self,
        name: &str,
    ) -> Result<wire::DescribeInstanceResponse, Problem> {
        let (shown, source) = {
            let view = self.fleet.view();
            let found = find(&view, name)?;
            (found.show(&view), Source::new(&view, 0, found))
        };
        let detail = match source {
            Ok(source) => {
                tokio::time::timeout(DESCRIBING, self.detail(source)).await.unwrap_or_else(|_| {
                    Err(Problem::new(Code::TimedOut, "the host did not answer in time"))
                })
            }
            Err(problem) => Err(problem),
        };
        let (detail, problem) = match detail {
            Ok(detail) => (Some(detail), None),
            Err(problem) => (None, Some(problem.into())),
        };
        Ok(wire::DescribeInstanceResponse { instance: Some(shown), detail, problem })
    }

    async fn detail(&self, source: Source) -> Result<wire::InstanceDetail, Problem> {
        let Source { host, reference, .. } = source;
        let opened = self.open(host, StreamRequest::Describe { instance: reference }).await?;
        let mut frames = renumbered(opened, vec![0]);
        while let Some(out) = frames.next().await {
            match out.map_err(|status| problem_of(&status))?.frame {
                Some(Frame::Detail(detail)) => return Ok(detail),
                Some(Frame::Problem(problem)) => return Err(problem.into()),
                _ => {}
            }
        }
        Err(Problem::new(Code::Unreachable, "the host's agent went away before it had answered"))
    }
}
