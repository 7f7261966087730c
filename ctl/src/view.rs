//! What a running batch looks like. Pure, but for `terminal`: events go into the [`Board`], which
//! gives changes; a [`View`] makes lines of them.

mod board;
pub mod escape;
mod fold;
pub mod known;
mod lines;
mod live;
mod plain;
pub mod rates;
pub mod sources;
pub mod summary;
mod terminal;

pub use board::{Board, Change, OutputLine, Row, Said};
pub use fold::Fold;
pub use lines::{Assembler, Reader};
pub use live::picture;
pub use plain::{labelled, said};
pub use terminal::{Collected, View};
