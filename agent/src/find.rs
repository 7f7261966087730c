//! Which addresses to dial: configured ones, the one that worked last, and, when none of them
//! answers, what the local network shows. An address found is never a reason to trust it.

use std::collections::BTreeMap;
use std::time::Duration;

use tamer_discovery::{Found, Interfaces, Wanted};
use tamer_model::{Code, Fingerprint, FleetId, Problem};

use crate::config::Config;
use crate::identity::IdentityFiles;
use crate::problem::chain;

/// How long one search takes when nothing is found.
const LOOK: Duration = Duration::from_secs(3);

/// What is known without looking: the one that worked last, then the configured ones.
pub fn known(config: &Config, files: &IdentityFiles) -> Vec<String> {
    let mut addresses: Vec<String> = files.last_address().into_iter().collect();
    for address in &config.coordinators {
        if !addresses.contains(address) {
            addresses.push(address.clone());
        }
    }
    addresses
}

/// What the local network shows: coordinators of the fleet with the CA `wanted`, or of any fleet.
/// Looks for a few seconds, and only while nobody is connected: the search ends with the call.
pub async fn discovered(config: &Config, wanted: Option<Fingerprint>) -> Vec<Found> {
    if !config.discovery {
        return Vec::new();
    }
    let wanted = Wanted { fleet: None, ca: wanted };
    match tamer_discovery::find(Interfaces::default(), wanted, LOOK).await {
        Ok(found) => found.into_iter().filter(|found| wanted.fits(found)).collect(),
        Err(error) => {
            // At each round the same; the first of them is in the log at the level it deserves.
            tracing::debug!(error = %chain(&error), "the local network cannot be searched");
            Vec::new()
        }
    }
}

/// The addresses of `found` that are not `known`, as they are dialled.
pub fn addresses(found: &[Found], known: &[String]) -> Vec<String> {
    let all = found.iter().flat_map(|found| &found.addresses).map(ToString::to_string);
    let mut new: Vec<String> = Vec::new();
    for address in all {
        if !known.contains(&address) && !new.contains(&address) {
            new.push(address);
        }
    }
    new
}

/// How many fleets a search showed: more than one is a question for a person.
pub fn several_fleets(found: &[Found]) -> Option<Problem> {
    let fleets: BTreeMap<Fingerprint, FleetId> =
        found.iter().map(|found| (found.ca, found.fleet)).collect();
    if fleets.len() < 2 {
        return None;
    }
    let list: Vec<String> =
        fleets.iter().map(|(ca, fleet)| format!("fleet {fleet} with CA {ca}")).collect();
    let text = format!("several fleets answer on the local network: {}", list.join("; "));
    Some(Problem::new(Code::Ambiguous, text).on("ca").remedy("name the one to join with --ca"))
}

#[cfg(test)]
mod tests {
    use tamer_model::CoordinatorId;

    use super::*;

    fn found(ca: u8, address: &str) -> Found {
        Found {
            coordinator: CoordinatorId::from_bytes([ca; 10]),
            fleet: FleetId::from_bytes([ca; 10]),
            ca: Fingerprint::from_bytes([ca; 32]),
            addresses: vec![address.parse().expect("an address")],
            wire_version: 1,
            program_version: None,
        }
    }

    #[test]
    fn two_fleets_are_a_question() {
        assert_eq!(several_fleets(&[found(1, "10.0.0.1:1"), found(1, "10.0.0.2:1")]), None);
        let problem = several_fleets(&[found(1, "10.0.0.1:1"), found(2, "10.0.0.2:1")]);
        assert_eq!(problem.expect("a problem").code, Code::Ambiguous);
    }

    #[test]
    fn an_address_is_dialled_once() {
        let all = [found(1, "10.0.0.1:1"), found(2, "10.0.0.1:1"), found(2, "10.0.0.2:1")];
        assert_eq!(addresses(&all, &["10.0.0.2:1".to_owned()]), ["10.0.0.1:1"]);
    }
}
