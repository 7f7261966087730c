//! What the instance of a placement is called.

use std::fmt;
use std::str::FromStr;

use crate::{PlacementId, Problem, WorkloadName};

/// What the instance of a placement is called: the same however often it is worked out, so that an
/// instance is never made twice. In text it is `WORKLOAD-INDEX-TAIL`, with the tail of the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyName {
    /// Of which workload.
    pub workload: WorkloadName,
    /// Which copy, from 0.
    pub index: u32,
    /// The placement.
    pub id: PlacementId,
}

impl fmt::Display for CopyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workload, index, id } = self;
        let id = id.to_string();
        let tail = id.split_once('-').map_or(id.as_str(), |(_, tail)| tail);
        write!(f, "{workload}-{index}-{tail}")
    }
}

impl FromStr for CopyName {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let parts = || {
            let (rest, tail) = text.rsplit_once('-')?;
            let (workload, index) = rest.rsplit_once('-')?;
            let id = format!("p-{tail}").parse().ok()?;
            Some(Self { workload: workload.parse().ok()?, index: index.parse().ok()?, id })
        };
        // A copy has one name: `web-03-…` is of none.
        let name = parts().filter(|name| name.to_string() == text);
        name.ok_or_else(|| Problem::field("name", "not WORKLOAD-INDEX-TAIL, as copies are called"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let name = CopyName {
            workload: "my-shop".parse().expect("a name"),
            index: 3,
            id: PlacementId::at(1_700_000_000_000, [7; 4]),
        };
        assert_eq!(name.to_string().parse(), Ok(name));
    }

    #[test]
    fn other_names_are_of_no_copy() {
        for name in
            ["shop", "shop-db-1", "my-shop-3-", "-3-06gzcg5w000g2081", "shop-03-06gzcg5w000g2081"]
        {
            assert!(name.parse::<CopyName>().is_err(), "{name}");
        }
    }
}
