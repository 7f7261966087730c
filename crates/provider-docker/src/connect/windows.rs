//! Named pipes.

use std::io;
use std::time::Duration;

use tokio::net::windows::named_pipe::ClientOptions;

use super::{Endpoint, Wire};
use crate::find::Owner;

/// How a local endpoint is written.
pub(super) const SCHEME: &str = "npipe";
/// All instances of the pipe are taken: the server makes the next one in a moment.
const ERROR_PIPE_BUSY: i32 = 231;
/// How often a busy pipe is tried; the caller's limit may end it sooner.
const TRIES: u32 = 100;

/// The places where engines listen, best first.
pub(crate) fn usual_places() -> Vec<(Owner, Endpoint)> {
    let pipe = |name: &str| Endpoint::Local(format!("//./pipe/{name}"));
    vec![(Owner::Docker, pipe("docker_engine")), (Owner::Podman, pipe("podman-machine-default"))]
}

/// Whether there is such a pipe.
pub(super) fn is_there(path: &str) -> bool {
    std::fs::metadata(path.replace('/', "\\")).is_ok()
}

pub(super) async fn connect(path: &str) -> io::Result<Box<dyn Wire>> {
    let path = path.replace('/', "\\");
    let mut tries = 0;
    loop {
        match ClientOptions::new().open(&path) {
            Ok(pipe) => return Ok(Box::new(pipe)),
            Err(error) if error.raw_os_error() == Some(ERROR_PIPE_BUSY) && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(error),
        }
    }
}
