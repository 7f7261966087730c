//! What is not the same on every operating system.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{connect, identity, kvm_can_be_opened, make_folder};
#[cfg(windows)]
pub use windows::{connect, identity, kvm_can_be_opened, make_folder};
