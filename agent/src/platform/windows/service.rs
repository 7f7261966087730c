//! The service. Not yet on Windows: a scheduled task or a service wrapper starts the program.

use tamer_model::{Code, Problem};

use crate::service::Service;

/// Refuses, and says what to do instead.
pub fn service(_: Service) -> Result<String, Problem> {
    Err(Problem::new(
        Code::WrongState,
        "the agent cannot install itself as a service of Windows yet",
    )
    .remedy("let the Task Scheduler start `tamer-agent run` at boot"))
}
