//! Real technologies for the tests: Docker Engine, Podman, libvirt with QEMU, started by the process
//! that needs them, in namespaces of their own, and stopped when it lets go of them.

#[cfg(unix)]
pub mod docker;
#[cfg(unix)]
mod engine;
#[cfg(unix)]
pub mod guest;
#[cfg(unix)]
pub mod image;
#[cfg(unix)]
pub mod libvirt;
#[cfg(unix)]
pub mod load;
#[cfg(unix)]
pub mod podman;
#[cfg(unix)]
mod space;
#[cfg(unix)]
pub mod standing;
