//! A command in an instance, with its streams.

use futures_util::stream::{self, StreamExt as _};
use tamer_model::{Code, ExecSpec, Problem, StreamRequest};
use tamer_proto::wire::exec_request::Frame as Asked;
use tamer_proto::wire::stream_in::Frame as Input;
use tamer_proto::{Required, status_of, wire};
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use super::{Frames, Source, renumbered, sources};
use crate::audit;
use crate::control::{Asker, People};
use crate::instances::find::find;
use crate::instances::streams::{MAX_INPUT, Opened};
use crate::state::Unstorable;

impl People {
    /// Opens the stream that the first message asks for, and returns what the audit says it is on.
    pub(in crate::control) async fn exec_in(
        &self,
        asker: &Asker,
        open: wire::OpenExec,
        input: Streaming<wire::ExecRequest>,
    ) -> Result<Frames, Problem> {
        let wire::OpenExec { instance, spec } = open;
        let spec: ExecSpec = spec.required("spec")?.try_into()?;
        let source = {
            let view = self.fleet.view();
            Source::new(&view, 0, find(&view, &instance)?)?
        };
        let Source { host, reference, shown } = source;
        // Written before it runs: what is not on record does not happen. The program is named and
        // its arguments are not, which may hold secrets.
        let detail = format!(
            "host={} name={} program={:?} terminal={}",
            shown.host,
            shown.name,
            spec.argv.first(),
            spec.terminal.is_some()
        );
        let commit = tamer_store::Commit::new();
        let commit = audit::done(commit, &asker.caller, "instance.exec", &shown.id, detail);
        self.store.commit(commit).await.map_err(Unstorable::problem)?;
        let request = StreamRequest::Exec { instance: reference, spec };
        let Opened { frames, input: to_agent } = self.open(host, request).await?;
        // Ends with the person's input, with the agent's side, or with the program. The sender
        // that the frames hold keeps the stream open when the person only listens.
        let stop = self.stop.clone();
        let pump = to_agent.clone();
        tokio::spawn(async move {
            let closed = pump.clone();
            tokio::select! {
                () = stop.cancelled() => {}
                () = closed.closed() => {}
                () = forward(input, pump) => {}
            }
        });
        let frames = renumbered(Opened { frames, input: to_agent }, vec![0]);
        let first = stream::iter([Ok(sources(vec![shown]))]);
        Ok(Box::pin(first.chain(frames)))
    }
}

/// Hands the person's input to the agent, as fast as the instance takes it.
async fn forward(
    mut input: Streaming<wire::ExecRequest>,
    to_agent: mpsc::Sender<Result<wire::StreamIn, Status>>,
) {
    loop {
        let frame = match input.message().await {
            Ok(Some(wire::ExecRequest { frame: Some(Asked::Input(frame)) })) => frame,
            Ok(Some(_)) => continue,
            // Nothing more comes; the command learns it from its own frame.
            Ok(None) => return,
            Err(_) => {
                let gone = Problem::new(Code::Unreachable, "the person who ran it went away");
                let _ = to_agent.send(Err(status_of(gone))).await;
                return;
            }
        };
        let too_long = matches!(&frame.frame, Some(Input::Stdin(bytes)) if bytes.len() > MAX_INPUT);
        let item = if too_long {
            let message = format!("more than {MAX_INPUT} bytes in one frame");
            Err(status_of(Problem::field("input.stdin", message)))
        } else {
            Ok(frame)
        };
        if to_agent.send(item).await.is_err() || too_long {
            return;
        }
    }
}

/// The first message of an exec call.
pub(in crate::control) fn opening(
    message: Option<wire::ExecRequest>,
) -> Result<wire::OpenExec, Problem> {
    match message.and_then(|message| message.frame) {
        Some(Asked::Open(open)) => Ok(open),
        Some(Asked::Input(_)) | None => {
            Err(Problem::field("open", "the first message of an exec says what to run"))
        }
    }
}
