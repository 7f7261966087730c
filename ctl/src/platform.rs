//! What differs between the systems: two files with the same functions.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::{
    Endings, Resizes, Stop, config_folder, create_private, data_folder, endings, exposed,
    in_foreground, interrupts, machine_name, make_private_folder, own_group, prepare_terminal,
    resizes, stop_requests, suspend, terminate, write_private,
};
#[cfg(windows)]
pub use windows::{
    Endings, Resizes, Stop, config_folder, create_private, data_folder, endings, exposed,
    in_foreground, interrupts, machine_name, make_private_folder, own_group, prepare_terminal,
    resizes, stop_requests, suspend, terminate, write_private,
};
