//! The instances of all hosts: taking in what agents tell, finding what people mean, and the
//! streams between the two.
//!
//! Every instance is a record of the store, so a coordinator that was killed knows them again, and
//! the cache of the fleet shows them as it shows everything else. [`ingest`] writes the records,
//! [`find`] reads the cache, [`streams`] pairs a person's call with an agent's bulk stream.

pub mod find;
pub mod ingest;
pub mod streams;

use aws_lc_rs::digest;
use tamer_model::{HostId, InstanceId, InstanceRef};

/// The id of what a host knows by `reference`. The same wherever and whenever it is worked out, so
/// an agent that lost its data folder brings back the same instances.
pub fn id_of(host: HostId, reference: &InstanceRef) -> InstanceId {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(host.as_bytes());
    // Neither part can hold a NUL, so no two references write the same bytes.
    for part in [reference.provider.as_str(), reference.native.as_str()] {
        context.update(&[0]);
        context.update(part.as_bytes());
    }
    let mut id = [0; 10];
    id.copy_from_slice(&context.finish().as_ref()[..10]);
    InstanceId::from_bytes(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_the_same_for_ever() {
        let host = HostId::from_bytes([7; 10]);
        let reference = |provider: &str, native: &str| InstanceRef {
            provider: provider.parse().expect("a name"),
            native: native.parse().expect("an id"),
        };
        let id = id_of(host, &reference("docker", "abc"));
        assert_eq!(id.to_string(), "i-5tg3c538a3b6chhj");
        assert_ne!(id, id_of(host, &reference("dockera", "bc")));
        assert_ne!(id, id_of(HostId::from_bytes([8; 10]), &reference("docker", "abc")));
    }
}
