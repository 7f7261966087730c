//! What an engine can do.

use tamer_model::{Ability, Capabilities, Operation};
use tamer_provider::Probe;

use crate::engine::{Engine, Kind};

/// What [`tamer_provider::Provider::probe`] tells.
pub(crate) fn probe(engine: &Engine) -> Probe {
    let abilities =
        Operation::ALL.iter().map(|operation| (*operation, ability(engine, *operation)));
    Probe {
        version: engine.title(),
        endpoint: engine.client.endpoint.to_string(),
        capabilities: abilities.collect::<Capabilities>(),
    }
}

fn ability(engine: &Engine, operation: Operation) -> Ability {
    match operation {
        Operation::CheckpointFull => Ability::No(match engine.kind {
            Kind::Docker => "memory is saved by experimental engines with CRIU only, which is not \
                             used; the file system is saved as an image"
                .to_owned(),
            Kind::Podman => "Podman's compatible interface does not save memory; the file system \
                             is saved as an image"
                .to_owned(),
        }),
        Operation::List
        | Operation::Create
        | Operation::Start
        | Operation::Stop
        | Operation::Restart
        | Operation::Pause
        | Operation::Resume
        | Operation::Remove
        | Operation::Exec
        | Operation::ExecTerminal
        | Operation::Logs
        | Operation::LogsSince
        | Operation::LogsTimestamps
        | Operation::Stats
        | Operation::Events
        | Operation::CheckpointDisk
        | Operation::ImagePull
        | Operation::ImageLoad
        | Operation::ImageList
        | Operation::ImageRemove
        | Operation::Scan => Ability::Yes,
    }
}
