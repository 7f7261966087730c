//! Which addresses to dial: configured ones, the one that worked last, and, when none of them
//! answers, what the local network shows. An address found is never a reason to trust it.

use tamer_model::{Fingerprint, Problem};

use crate::config::Config;
use crate::identity::IdentityFiles;

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

/// What the local network shows of the fleet with the CA `wanted`, or of any fleet.
pub async fn discovered(
    config: &Config,
    wanted: Option<Fingerprint>,
) -> Result<Vec<String>, Problem> {
    let _ = (config, wanted);
    Ok(Vec::new())
}
