//! A batch as people ask for it, in flags and files. Nothing is started here, and no file of this
//! machine is read but the spec itself.

mod draft;
mod file;
mod flags;
mod form;
mod paths;
pub mod rollout;
mod step;
mod targets;
mod task;
#[cfg(test)]
mod tests;
mod text;
pub mod values;
mod what;
pub mod words;

pub use draft::{Draft, Ready};
pub use targets::TargetArgs;
pub use what::{How, What};

/// One struct over another of the same type, field by field: options where nothing is said, lists
/// where they are empty.
macro_rules! over {
    ($above:ident, $below:ident; $($option:ident),* ; $($list:ident),*) => {
        Self {
            $($option: $above.$option.or($below.$option),)*
            $($list: if $above.$list.is_empty() { $below.$list } else { $above.$list },)*
        }
    };
}
use over;
