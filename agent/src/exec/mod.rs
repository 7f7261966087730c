//! Running one command: started without a shell unless asked, in a group of its own, with its
//! output streamed and bounded, and ended as a whole. `tasks` calls it; nothing here knows a
//! journal or a session.

mod launch;
mod live;
mod output;
mod supervise;
#[cfg(test)]
mod tests;

pub use launch::{LaunchError, Running, launch};
pub use live::{Chunk, LIVE_CHUNK, LiveView};
pub use output::Output;
pub use supervise::{Stop, supervise};

/// The variable that names the task in the environment of its processes, so that an agent that
/// was killed finds again what it had started.
pub const MARKER: &str = "TAMER_TASK";
