//! What differs between the systems: two files with the same functions.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{
    Stop, config_folder, data_folder, exposed, interrupts, machine_name, make_private_folder,
    own_group, stop_requests, terminate, write_private,
};
#[cfg(windows)]
pub use windows::{
    Stop, config_folder, data_folder, exposed, interrupts, machine_name, make_private_folder,
    own_group, stop_requests, terminate, write_private,
};
