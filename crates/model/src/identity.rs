//! Who a certificate says its holder is: the URI SAN `tamer://FLEET/ROLE/NAME`.

use std::fmt;
use std::str::FromStr;

use crate::{CoordinatorId, FleetId, HostId, UserName};

/// An identity that the fleet's certificate authority vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The fleet that vouches.
    pub fleet: FleetId,
    /// What the holder is in it.
    pub role: Role,
}

/// What the holder of a certificate is. There is no other role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Role {
    /// An agent.
    Host(HostId),
    /// A coordinator.
    Coordinator(CoordinatorId),
    /// A person or program that uses `tamerctl`.
    User(UserName),
}

/// A URI that is not an identity of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate's URI is not `tamer://FLEET/host|coordinator|user/NAME`")]
pub struct InvalidIdentity;

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tamer://{}/{}", self.fleet, self.role)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(id) => write!(f, "host/{id}"),
            Self::Coordinator(id) => write!(f, "coordinator/{id}"),
            Self::User(name) => write!(f, "user/{name}"),
        }
    }
}

impl FromStr for Identity {
    type Err = InvalidIdentity;

    fn from_str(uri: &str) -> Result<Self, InvalidIdentity> {
        let mut parts = uri.strip_prefix("tamer://").ok_or(InvalidIdentity)?.splitn(3, '/');
        let (Some(fleet), Some(kind), Some(name)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidIdentity);
        };
        let fleet = fleet.parse().map_err(|_| InvalidIdentity)?;
        let role = match kind {
            "host" => name.parse().map(Role::Host).map_err(|_| InvalidIdentity),
            "coordinator" => name.parse().map(Role::Coordinator).map_err(|_| InvalidIdentity),
            "user" => name.parse().map(Role::User).map_err(|_| InvalidIdentity),
            _ => Err(InvalidIdentity),
        }?;
        Ok(Self { fleet, role })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_round_trips(fleet: [u8; 10], host: [u8; 10], user in "[a-z][a-z0-9-]{0,20}") {
            let fleet = FleetId::from_bytes(fleet);
            for role in [Role::Host(HostId::from_bytes(host)), Role::User(user.parse().expect("a name"))] {
                let identity = Identity { fleet, role };
                prop_assert_eq!(identity.to_string().parse(), Ok(identity));
            }
        }

        #[test]
        fn any_text_is_an_identity_or_an_error(text: String) {
            let _ = text.parse::<Identity>();
        }
    }
}
