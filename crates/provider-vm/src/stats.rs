//! From libvirt's bulk statistics to ours. Names as `virConnectGetAllDomainStats` documents them.

use tamer_model::{InstanceStats, Timestamp};

use crate::rpc::TypedValue;

/// The groups that make a sample: state, processors, memory, network cards, disks.
pub const SAMPLE: u32 = 1 | 2 | 4 | 16 | 32;
/// The group of the state alone.
pub const STATE: u32 = 1;
const KIB: u64 = 1024;

/// The values of one domain.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a>(pub &'a [(String, TypedValue)]);

impl Values<'_> {
    /// The state and the reason for it.
    pub fn state(&self) -> (i32, i32) {
        let number = |name| self.number(name).and_then(|n| i32::try_from(n).ok());
        (number("state.state").unwrap_or(0), number("state.reason").unwrap_or(0))
    }

    /// One sample.
    pub fn sample(&self, at: Timestamp) -> InstanceStats {
        InstanceStats {
            at,
            cpu_ns: self.number("cpu.time"),
            memory_bytes: self.memory_kib().map(|kib| kib * KIB),
            memory_limit_bytes: self.number("balloon.maximum").map(|kib| kib * KIB),
            network_received_bytes: self.sum("net.", ".rx.bytes"),
            network_sent_bytes: self.sum("net.", ".tx.bytes"),
            block_read_bytes: self.sum("block.", ".rd.bytes"),
            block_written_bytes: self.sum("block.", ".wr.bytes"),
            // A machine's processes are its own kernel's affair.
            pids: None,
        }
    }

    /// What the guest says it cannot give back, else what QEMU holds of the host.
    fn memory_kib(&self) -> Option<u64> {
        let all = self.number("balloon.available");
        let left = self.number("balloon.usable").or_else(|| self.number("balloon.unused"));
        match (all, left) {
            (Some(all), Some(left)) if left <= all => Some(all - left),
            _ => self.number("balloon.rss"),
        }
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.0.iter().find(|(key, _)| key == name)?.1.as_u64()
    }

    /// The sum over all devices; none where no device has it.
    fn sum(&self, begin: &str, end: &str) -> Option<u64> {
        let fits = |key: &str| key.starts_with(begin) && key.ends_with(end);
        let values = self.0.iter().filter(|(key, _)| fits(key)).filter_map(|(_, v)| v.as_u64());
        values.reduce(u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &[(&str, u64)]) -> Vec<(String, TypedValue)> {
        values.iter().map(|(key, n)| ((*key).to_owned(), TypedValue::ULong(*n))).collect()
    }

    #[test]
    fn devices_are_added_and_what_is_not_counted_is_absent() {
        let values = values(&[
            ("state.state", 1),
            ("state.reason", 5),
            ("cpu.time", 77),
            ("balloon.maximum", 100),
            ("balloon.available", 90),
            ("balloon.unused", 20),
            ("balloon.usable", 40),
            ("balloon.rss", 60),
            ("net.0.rx.bytes", 1),
            ("net.1.rx.bytes", 2),
            ("net.0.rx.pkts", 50),
            ("block.0.rd.bytes", 7),
        ]);
        let values = Values(&values);
        assert_eq!(values.state(), (1, 5));
        let wanted = InstanceStats {
            at: Timestamp::from_millis(3),
            cpu_ns: Some(77),
            memory_bytes: Some(50 * 1024),
            memory_limit_bytes: Some(100 * 1024),
            network_received_bytes: Some(3),
            block_read_bytes: Some(7),
            ..InstanceStats::default()
        };
        assert_eq!(values.sample(Timestamp::from_millis(3)), wanted);
    }

    #[test]
    fn without_a_word_of_the_guest_memory_is_what_its_process_holds() {
        let values = values(&[("balloon.available", 90), ("balloon.rss", 60)]);
        assert_eq!(Values(&values).sample(Timestamp::default()).memory_bytes, Some(60 * 1024));
    }
}
