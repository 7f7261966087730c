//! Calls about libvirt's networks.

use super::xdr::structure;
use super::{Connection, RpcError, procedure};

/// A network, by everything that names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// What it is for ever.
    pub uuid: [u8; 16],
}
structure!(Network { name, uuid });

impl Connection {
    /// Every network, active or not.
    pub async fn networks(&self) -> Result<Vec<Network>, RpcError> {
        let (networks, _count): (_, u32) =
            self.call(procedure::CONNECT_LIST_ALL_NETWORKS, &(1i32, 0u32)).await?;
        Ok(networks)
    }

    /// Its description.
    pub async fn network_xml(&self, network: &Network) -> Result<String, RpcError> {
        self.call(procedure::NETWORK_GET_XML_DESC, &(network, 0u32)).await
    }

    /// Whether it is there for guests now.
    pub async fn network_is_active(&self, network: &Network) -> Result<bool, RpcError> {
        let active: i32 = self.call(procedure::NETWORK_IS_ACTIVE, network).await?;
        Ok(active != 0)
    }
}
