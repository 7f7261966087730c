//! Calls about the host and its hypervisor.

use super::{Connection, RpcError, procedure};

impl Connection {
    /// The version of the hypervisor: 7002017 is 7.2.17.
    pub async fn version(&self) -> Result<u64, RpcError> {
        self.call(procedure::CONNECT_GET_VERSION, &()).await
    }

    /// The version of libvirt itself, in the same way.
    pub async fn lib_version(&self) -> Result<u64, RpcError> {
        self.call(procedure::CONNECT_GET_LIB_VERSION, &()).await
    }

    /// The name of the host, as the daemon knows it.
    pub async fn hostname(&self) -> Result<String, RpcError> {
        self.call(procedure::CONNECT_GET_HOSTNAME, &()).await
    }

    /// What the host and its hypervisor can do, as XML.
    pub async fn capabilities(&self) -> Result<String, RpcError> {
        self.call(procedure::CONNECT_GET_CAPABILITIES, &()).await
    }

    /// What a domain of this emulator, architecture, machine and `<domain type>` could have, as
    /// XML. What is absent the daemon chooses.
    pub async fn domain_capabilities(
        &self,
        emulator: Option<&str>,
        arch: Option<&str>,
        machine: Option<&str>,
        virttype: Option<&str>,
    ) -> Result<String, RpcError> {
        let arguments = (emulator, arch, machine, virttype, 0u32);
        self.call(procedure::CONNECT_GET_DOMAIN_CAPABILITIES, &arguments).await
    }
}
