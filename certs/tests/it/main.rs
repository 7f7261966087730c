//! The PKI as its users see it: real handshakes in memory, real files.

mod files;
mod fleet;
mod handshake;
mod issue;
mod memory;
mod pin;
mod revoke;
mod token;
