//! Writing a snapshot as a file.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use bytes::Bytes;
use serde::Serialize;
use tamer_drift::fleet::HostState;
use tamer_model::{FleetId, HostId, HostName, Problem};
use tokio::sync::mpsc;

use super::super::record::{Named, SnapshotRecord};
use super::super::{Drift, Nodes, off, trees};
use super::{FORMAT, MAX_PIECE, VERSION};
use crate::state::encode;

/// Pieces that wait for whoever takes them.
const AHEAD: usize = 2;

/// A file that is being written. It ends with the file, or with a problem: then it is no file.
pub type Pieces = mpsc::Receiver<Result<Bytes, Problem>>;

#[derive(Serialize)]
struct Host<'a> {
    id: HostId,
    name: &'a HostName,
    state: &'a HostState,
}

impl Drift {
    /// Writes a snapshot as a file, as fast as it is taken.
    ///
    /// # Errors
    /// `NotFound` when the tree of hosts is damaged. Damage of a host's tree ends the file.
    pub async fn export(&self, record: SnapshotRecord, fleet: FleetId) -> Result<Pieces, Problem> {
        let hosts = self.hosts_of(record.root).await?;
        let names = self.names_of(record.id).await?;
        let (out, pieces) = mpsc::channel(AHEAD);
        let nodes = self.nodes().clone();
        // Ends when the file does, or when nobody takes it any more. It holds no turn meanwhile: how
        // long it takes is the reader's affair, and the calls of a connection bound how many there are.
        tokio::spawn(async move {
            let failing = out.clone();
            let written = off(move || write(&nodes, &record, fleet, &hosts, &names, out)).await;
            if let Err(problem) = written {
                let _ = failing.send(Err(problem)).await;
            }
        });
        Ok(pieces)
    }
}

fn write(
    nodes: &Nodes,
    record: &SnapshotRecord,
    fleet: FleetId,
    hosts: &BTreeMap<HostId, HostState>,
    names: &[Named],
    out: mpsc::Sender<Result<Bytes, Problem>>,
) -> Result<(), Problem> {
    let mut to = BufWriter::with_capacity(MAX_PIECE, Out(out));
    let names: BTreeMap<HostId, &HostName> = names.iter().map(|one| (one.id, &one.name)).collect();
    let gone = |error: io::Error| Problem::field("export", error.to_string());
    write!(to, r#"{{"format":"{FORMAT}","version":{VERSION},"fleet":"{fleet}","snapshot":"#)
        .and_then(|()| to.write_all(&encode(record)))
        .and_then(|()| to.write_all(br#","hosts":["#))
        .map_err(gone)?;
    let mut resources = 0u64;
    let mut counted = 0u64;
    for (host, state) in hosts {
        let unnamed = host.to_string().parse::<HostName>().ok();
        let Some(name) = names.get(host).copied().or(unnamed.as_ref()) else { continue };
        let comma = if counted == 0 { "" } else { "," };
        let head = encode(&Host { id: *host, name, state });
        // The head is an object: its end makes room for what belongs to it.
        writeln!(to, "{comma}")
            .and_then(|()| to.write_all(&head[..head.len() - 1]))
            .map_err(gone)?;
        to.write_all(br#","resources":["#).map_err(gone)?;
        let mut comma = "";
        trees::each(nodes, state.root, |resource| {
            resources += 1;
            writeln!(to, "{comma}")
                .and_then(|()| to.write_all(&encode(&resource)))
                .map_err(gone)?;
            comma = ",";
            Ok(())
        })?;
        to.write_all(b"]}").map_err(gone)?;
        counted += 1;
    }
    write!(to, "\n],\"end\":{{\"hosts\":{counted},\"resources\":{resources}}}}}\n")
        .and_then(|()| to.flush())
        .map_err(gone)
}

/// Hands on what is written, piece by piece; waits for whoever takes them.
struct Out(mpsc::Sender<Result<Bytes, Problem>>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(MAX_PIECE);
        let piece = Bytes::copy_from_slice(&bytes[..taken]);
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes the file any more");
        self.0.blocking_send(Ok(piece)).map_err(gone)?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
