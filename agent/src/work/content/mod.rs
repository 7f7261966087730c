//! Contents: what scripts and files are made of. They travel apart from the tasks that need them,
//! named by their digests, and each transfer goes on where it was cut (decision 19).

mod cache;
mod digest;
mod download;
mod fault;
mod keyed;
mod link;
mod litter;
mod partial;
mod patience;
mod source;
mod transfers;
mod upload;

pub use cache::Cache;
pub use digest::hex;
pub use download::download;
pub use fault::{off_thread, problem};
pub use link::{Held, Link};
pub use litter::{Kind as LitterKind, Litter, Used};
pub use partial::Partial;
pub use source::{Reading, Source};
pub use transfers::{MAX_TRANSFERS, Transfers};
pub use upload::upload;
