//! What a file may hold, and so how much memory reading one takes.

/// How much of what a file may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Bytes of the file.
    pub(super) file: u64,
    /// Bytes between two places where something ends: the head, a resource, a host. Longer is no
    /// resource.
    pub(super) stretch: usize,
    /// Hosts.
    pub(super) hosts: usize,
    /// What is told of all hosts' sources, as [`SOURCE`] weighs them: it is in memory until the end.
    pub(super) sources: usize,
    /// Resources of one host.
    pub(super) resources: usize,
    /// Bytes of one host's resources in canonical form: they are in memory until the host ends, and
    /// their tree beside them.
    pub(super) host: usize,
}

/// Bytes that a source takes in memory, beside what it says went wrong.
pub(super) const SOURCE: usize = 256;

impl Bounds {
    /// Those of every import.
    pub(super) const USUAL: Self = Self {
        file: 4 << 30,
        stretch: 1 << 20,
        hosts: 100_000,
        // A hundred thousand hosts of twenty sources.
        sources: 512 << 20,
        resources: 500_000,
        host: 256 << 20,
    };
}
