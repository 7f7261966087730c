//! What differs between Linux and Windows: two halves with the same functions, and no `cfg`
//! anywhere else in the program.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;
