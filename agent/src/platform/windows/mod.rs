//! The Windows half. Compiled on every build of the workspace for Windows, and run under Wine.

mod child;
mod facts;
mod files;
mod inventory;
mod manager;
mod process;
mod service;
mod technologies;
mod work;

pub use child::{Child, Ended, Pipe, Spawned, spawn};
pub use facts::{OS, addresses, distribution, providers, virtualization};
pub use files::{
    create_private_file, create_private_folder, default_data_folder, read_at, sync_folder, write_at,
};
pub use inventory::{
    Stamp, Watch, collectors, configs, default_certificates, default_files, is_private, is_settled,
    owner_of, stamp, trust_stores,
};
pub use manager::{notify_ready, notify_status, notify_stopping, stop_signal, watchdog};
pub use process::{HAS_TERM, command, end_leftovers, exit_of, is_no_program, mark};
pub use service::service;
pub use technologies::technologies;
pub use work::{
    Rights, UserIds, create_new_folder, create_script, give, hand_over, interpreter,
    missing_interpreter, open_in_place, open_partial, open_to_read, other_user, reserve, rights,
};
