//! The files of this machine that travel to hosts, and those of hosts that come here. A content is
//! named by its digest, so that what is there already is not sent again, and what was cut short
//! goes on where it was.

mod digest;
mod download;
mod progress;
mod upload;
mod whole;

pub use digest::{Digests, read};
pub use download::{file_name, save_all};
pub use progress::Progress;
pub use upload::send_all;
pub use whole::Whole;
