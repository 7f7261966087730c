//! Devices that placements may have: `devices.NAME = COUNT`.

use std::collections::BTreeMap;

use tamer_model::DeviceName;

use super::Reader;
use super::keys::any_part;

/// The most devices of one kind.
const MOST: u32 = 1024;

impl Reader<'_> {
    pub(super) fn devices(&mut self) -> BTreeMap<DeviceName, u32> {
        let keys = self.merged.keys().filter(|key| any_part(key, "devices.", "").is_some());
        let keys: Vec<_> = keys.cloned().collect();
        keys.iter().filter_map(|key| self.device(key)).collect()
    }

    fn device(&mut self, key: &str) -> Option<(DeviceName, u32)> {
        let name = any_part(key, "devices.", "").unwrap_or_default().trim_matches('"');
        let name = name.parse::<DeviceName>().map_err(|error| {
            self.problem(key, error.to_string(), "write a name such as gpu");
        });
        let remedy = "write how many there are, from 1 to 1024";
        let count = self.parsed::<u32>(key, remedy)?;
        if !(1..=MOST).contains(&count) {
            self.problem(key, format!("{count} is not between 1 and {MOST}"), remedy);
            return None;
        }
        Some((name.ok()?, count))
    }
}
