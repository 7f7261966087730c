//! Collectors that are the same everywhere. Those of one platform are in its half of `platform`.

mod all;
mod certificates;
mod configs;
mod files;
mod providers;
mod settings;
mod tree;
mod trees;

pub use all::all;
pub use configs::{ConfigFile, Format};
