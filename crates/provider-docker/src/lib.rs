//! Containers behind the provider contract: Docker Engine, and Podman by its compatible socket.
//!
//! Both speak one HTTP interface, so one [`ContainerProvider`] serves both; what differs between
//! them is in `engine`. What is asked and answered at once goes by bollard's typed calls, over the
//! connections of our own `client`; what comes piece by piece is read by the `client` itself, and
//! nothing is held of it that was not asked for
//! (`docs/decisions/0016-bollard-asks-streams-are-our-own.md` says why). A call is a connection.

mod bounded;
mod checkpoint;
mod client;
mod connect;
mod create;
mod engine;
mod events;
mod exec;
mod fault;
mod find;
mod frames;
mod image;
mod items;
mod lifecycle;
mod list;
mod logs;
mod networks;
mod options;
mod probe;
mod provider;
mod reference;
mod scan;
mod settings;
mod stats;
mod typed;
mod whole;
mod wire;

pub use provider::ContainerProvider;
pub use settings::{Registry, Secret, Settings, TlsFiles};
