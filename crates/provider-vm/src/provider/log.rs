//! The console of a machine, as libvirt's log daemon writes it to a file.

use std::path::PathBuf;

use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use tamer_model::{LogOptions, NativeId, StreamKind};
use tamer_provider::{Fault, LogChunk, LogStream, Result};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::MachineProvider;
use super::look::{find, state_of};
use super::probe::NO_TIMES;
use crate::console::Console;
use crate::session::Live;
use crate::{rpc, state};

/// Pieces that wait for a slow reader: 16 of 32 KiB.
const WAITING: usize = 16;
const TO_READ_EVERYTHING: &str = "leave it out and read everything";

impl MachineProvider {
    pub(super) async fn logged(&self, id: &NativeId, options: &LogOptions) -> Result<LogStream> {
        self.only_qemu("logs")?;
        if options.since.is_some() {
            return Err(Fault::unsupported("since", NO_TIMES).remedy(TO_READ_EVERYTHING));
        }
        if options.timestamps {
            return Err(Fault::unsupported("timestamps", NO_TIMES).remedy(TO_READ_EVERYTHING));
        }
        let live = self.session.live().await?;
        let domain = find(&live, id).await?;
        let known = live.book.read(&live.quick, &domain).await?;
        let Some(path) = known.console_log.clone().map(PathBuf::from) else {
            let why = "libvirt does not write this machine's console to a file";
            return Err(Fault::unsupported("logs", why)
                .remedy("give its serial console a <log file='…'/> in its definition"));
        };
        let (pieces, read) = mpsc::channel(WAITING);
        let follow = options.follow.then_some((live, domain));
        let reading = tokio::spawn(tell(Console::new(path, options.tail), follow, pieces));
        // The reader ends the reading by going away.
        let owned = (read, AbortOnDropHandle::new(reading));
        Ok(unfold(owned, async |(mut read, reading)| Some((read.recv().await?, (read, reading))))
            .boxed())
    }
}

/// Reads to the end; when it is followed, to the end of the machine's run.
async fn tell(
    mut console: Console,
    follow: Option<(Live, rpc::Domain)>,
    pieces: mpsc::Sender<Result<LogChunk>>,
) {
    loop {
        // Asked before the rest is read, so that nothing that was written before the end is lost.
        let runs = match &follow {
            Some((live, domain)) => match state_of(live, domain).await {
                Ok((number, _)) => Ok(state::is_active(number)),
                Err(fault) if fault.kind == tamer_provider::FaultKind::NotFound => Ok(false),
                Err(fault) => Err(fault),
            },
            None => Ok(false),
        };
        loop {
            let data = match console.read().await {
                Ok(Some(data)) => data,
                Ok(None) => break,
                Err(fault) => return drop(pieces.send(Err(fault)).await),
            };
            let chunk = LogChunk { stream: StreamKind::Stdout, data };
            if pieces.send(Ok(chunk)).await.is_err() {
                return;
            }
        }
        match runs {
            Ok(true) => console.wait().await,
            Ok(false) => return,
            Err(fault) => return drop(pieces.send(Err(fault)).await),
        }
    }
}
