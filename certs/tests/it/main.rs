//! The PKI as its users see it: real handshakes in memory, real files.

mod files;
mod fleet;
mod handshake;
mod issue;
mod pin;
mod revoke;
mod token;
