//! XML, as libvirt writes and reads it: a tree, and what is said with it.

mod domain;
mod read;
mod tree;

pub use domain::{NAMESPACE, domain, snapshot};
pub use read::Domain;
pub use tree::Element;
