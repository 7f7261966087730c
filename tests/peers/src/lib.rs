//! Real technologies for the tests: Docker Engine, Podman, libvirt with QEMU, started by the process
//! that needs them, in namespaces of their own, and stopped when it lets go of them.

#[cfg(unix)]
pub mod guest;
#[cfg(unix)]
pub mod libvirt;
