//! Containers behind the provider contract: Docker Engine, and Podman by its compatible socket.
//!
//! Both speak one HTTP interface, so one [`ContainerProvider`] serves both; what differs between
//! them is in `engine`. The client is a thin one of our own over hyper
//! (`docs/decisions/0016-own-container-client.md` says why): a call is a connection, an answer is read
//! as it comes, and nothing is held of it that was not asked for.

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
mod whole;
mod wire;

pub use provider::ContainerProvider;
pub use settings::{Registry, Secret, Settings, TlsFiles};
