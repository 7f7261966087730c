//! How answers look: the formats, lines of toned text, tables that fit, and the one writer.

pub mod encode;
mod format;
pub mod human;
mod line;
mod pour;
pub mod print;
mod table;
pub mod width;
mod wrap;

pub use format::Format;
pub use line::{Line, Tone};
pub use pour::Pour;
pub use table::{Cell, Table, pairs};
pub use wrap::wrap;
