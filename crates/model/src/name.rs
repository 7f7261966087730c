//! Names that people give: of hosts, users, leases, schedules, workloads, devices, rules, snapshots and baselines.

use crate::text::text;

/// A text that cannot be a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a {kind}: use 1 to {max} letters, digits, `-`, `_` or `.`, beginning with a letter or digit"
)]
pub struct InvalidName {
    /// What it should have named.
    pub kind: &'static str,
    /// The most characters allowed.
    pub max: usize,
    /// The text as given, cut at 64 characters.
    pub text: String,
}

fn is_name(text: &str, max: usize) -> bool {
    let ok = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= max && text.chars().all(ok) && text.starts_with(char::is_alphanumeric)
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal) => {
        text!($(#[$doc])* $name);

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                if is_name(&text, $max) {
                    return Ok(Self(text));
                }
                let text = text.chars().take(64).collect();
                Err(InvalidName { kind: $kind, max: $max, text })
            }
        }
    };
}

name!(
    /// What people call a host; its machine's own name unless they chose another. At most 253
    /// bytes, the limit of DNS (RFC 1035 §2.3.4).
    HostName, "host name", 253
);
name!(
    /// A person or program that uses `tamerctl`. At most 64 bytes.
    UserName, "user name", 64
);
name!(
    /// The name of a lease, the same in every batch that shares it.
    LeaseName, "lease name", 63
);
name!(
    /// What people call a schedule, unique in the fleet.
    ScheduleName, "schedule name", 63
);
name!(
    /// What people call a workload, unique in the fleet. Names of its instances begin with it.
    WorkloadName, "workload name", 48
);
name!(
    /// A kind of device that hosts have some of, such as `gpu`.
    DeviceName, "device name", 63
);
name!(
    /// What people call a rule about drift, unique in the fleet.
    RuleName, "rule name", 63
);

name!(
    /// What people call a snapshot. Several may have the same; the newest is meant.
    SnapshotName, "snapshot name", 63
);
name!(
    /// What people call a baseline, unique in the fleet.
    BaselineName, "baseline name", 63
);

impl HostName {
    /// The nearest valid name to what a machine calls itself: what is not allowed becomes `-`.
    pub fn nearest(text: &str) -> Self {
        let fit =
            |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
        let mut name: String = text.chars().map(fit).skip_while(|c| !c.is_alphanumeric()).collect();
        while name.len() > 253 {
            name.pop();
        }
        if name.is_empty() { Self("unnamed".to_owned()) } else { Self(name) }
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nearest_is_always_a_name(text: String) {
            let name = HostName::nearest(&text);
            prop_assert_eq!(HostName::from_str(name.as_str()), Ok(name));
        }

        #[test]
        fn a_name_is_its_own_nearest(text in "[a-z0-9][a-z0-9._-]{0,40}") {
            let name = HostName::nearest(&text);
            prop_assert_eq!(name.as_str(), text);
        }
    }
}
