//! What the benchmarks share: a coordinator, hosts that join it, and what processes use.

mod coordinator;
mod echo;
mod host;
mod process;
mod setting;
mod slim;
mod wire;

pub use coordinator::{Coordinator, connect};
pub use echo::Echo;
pub use host::{RealAgent, enrol, facts, hello, join_token, patiently};
pub use process::{Process, machine};
pub use setting::{Setting, Stopped, raise_file_limit};
pub use slim::{Hosts, Slim, all_ready, join, slim_name};
pub use wire::Wire;

/// The median of some times.
///
/// # Panics
/// Without a single time.
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
