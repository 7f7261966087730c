//! What a running batch looks like. Pure, but for `terminal` and `stage`: events go into the
//! [`Board`], which gives changes; a [`View`] makes lines of them.

mod board;
mod differ;
pub mod escape;
mod events;
mod fold;
pub mod known;
mod lines;
mod live;
mod misses;
mod plain;
mod pulse;
pub mod rates;
mod screen;
pub mod sources;
mod stage;
pub mod summary;
mod tally;
mod terminal;
mod words;

pub use board::{Board, Bytes, Change, OutputLine, Row, Said};
pub use fold::Fold;
pub use lines::{Assembler, Reader};
pub use live::Live;
pub use plain::{labelled, said};
pub use screen::{HostPage, Key, Screen, Size, Wish};
pub use stage::Input;
pub use tally::{Kind, Tally};
pub use terminal::{Collected, View};
