//! Unix sockets.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tokio::net::UnixStream;

use super::{Endpoint, Wire};
use crate::find::Owner;

/// How a local endpoint is written.
pub(super) const SCHEME: &str = "unix";

/// The places where engines listen, best first: the host's own, then our user's, then those of
/// every user who is logged in.
pub(crate) fn usual_places() -> Vec<(Owner, Endpoint)> {
    let mut runtime: Vec<_> =
        std::env::var_os("XDG_RUNTIME_DIR").map(Into::into).into_iter().collect();
    let mut users: Vec<_> = fs::read_dir("/run/user")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    // Our own first; the rest in an order that does not change.
    let own = fs::metadata("/proc/self").map_or(0, |about| about.uid());
    users.sort();
    users.sort_by_key(|path| !path.ends_with(own.to_string()));
    runtime.extend(users);
    runtime.dedup();
    let local = |path: &Path| Endpoint::Local(path.display().to_string());
    let mut places = vec![
        (Owner::Docker, local(Path::new("/var/run/docker.sock"))),
        (Owner::Podman, local(Path::new("/run/podman/podman.sock"))),
    ];
    for folder in runtime {
        places.push((Owner::Docker, local(&folder.join("docker.sock"))));
        places.push((Owner::Podman, local(&folder.join("podman/podman.sock"))));
    }
    places
}

/// Whether there is anything at this path; what may not be looked at counts as there.
pub(super) fn is_there(path: &str) -> bool {
    !matches!(fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

pub(super) async fn connect(path: &str) -> io::Result<Box<dyn Wire>> {
    Ok(Box::new(UnixStream::connect(path).await?))
}
