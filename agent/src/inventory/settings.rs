//! What the configuration says of the inventory.

use std::time::Duration;

use super::pattern::Pattern;

/// What is looked at, and how often.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether this host keeps a picture at all.
    pub enabled: bool,
    /// Files whose digests are told.
    pub files: Vec<Pattern>,
    /// Files that may hold certificates.
    pub certificates: Vec<Pattern>,
    /// Settings of the kernel on top of the shipped ones, by dotted pattern.
    pub sysctls: Vec<String>,
    /// How often that is looked at of which no event tells; 20 s. What takes long is looked at more
    /// rarely: a look is at most a twentieth of the time.
    pub poll: Duration,
    /// How often everything is looked at, whatever events told; 10 min.
    pub full: Duration,
}

impl Default for Settings {
    /// Nothing that only a configuration can name.
    fn default() -> Self {
        Self {
            enabled: true,
            files: Vec::new(),
            certificates: Vec::new(),
            sysctls: Vec::new(),
            poll: Duration::from_secs(20),
            full: Duration::from_secs(600),
        }
    }
}
