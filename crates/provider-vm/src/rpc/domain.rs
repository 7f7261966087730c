//! Calls about domains: machines, defined or running.

use super::xdr::structure;
use super::{Connection, RpcError, procedure};

/// A domain, by everything that names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Domain {
    /// Its name, which can change while it does not run.
    pub name: String,
    /// What it is for ever.
    pub uuid: [u8; 16],
    /// The number of its run; -1 when it did not run when it was asked about.
    pub id: i32,
}
structure!(Domain { name, uuid, id });

/// What a domain has and used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DomainInfo {
    /// A number of `virDomainState`.
    pub state: u32,
    /// The most memory it may get, in KiB.
    pub max_memory_kib: u64,
    /// The memory it has, in KiB.
    pub memory_kib: u64,
    /// Its processors.
    pub vcpus: u32,
    /// Nanoseconds of processor time that it used.
    pub cpu_time_ns: u64,
}
structure!(DomainInfo { state, max_memory_kib, memory_kib, vcpus, cpu_time_ns });

/// A network interface of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestInterface {
    /// The guest's name of it with the agent as source, else the host's.
    pub name: String,
    /// Its hardware address.
    pub hwaddr: Option<String>,
    /// Its addresses.
    pub addresses: Vec<GuestAddress>,
}
structure!(GuestInterface { name, hwaddr, addresses });

/// An address of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestAddress {
    /// `virIPAddrType`: 0 is IPv4, 1 is IPv6.
    pub family: i32,
    /// In its usual notation.
    pub address: String,
    /// Bits of the network.
    pub prefix: u32,
}
structure!(GuestAddress { family, address, prefix });

impl Connection {
    /// Every domain, whether it runs or not.
    pub async fn domains(&self) -> Result<Vec<Domain>, RpcError> {
        let (domains, _count): (_, u32) =
            self.call(procedure::CONNECT_LIST_ALL_DOMAINS, &(1i32, 0u32)).await?;
        Ok(domains)
    }

    /// The domain of this UUID; `VIR_ERR_NO_DOMAIN` when there is none.
    pub async fn lookup_uuid(&self, uuid: &[u8; 16]) -> Result<Domain, RpcError> {
        self.call(procedure::DOMAIN_LOOKUP_BY_UUID, uuid).await
    }

    /// The domain of this name; `VIR_ERR_NO_DOMAIN` when there is none.
    pub async fn lookup_name(&self, name: &str) -> Result<Domain, RpcError> {
        self.call(procedure::DOMAIN_LOOKUP_BY_NAME, name).await
    }

    /// Its state and the reason for it: `virDomainState` and the enumeration of that state.
    pub async fn state(&self, domain: &Domain) -> Result<(i32, i32), RpcError> {
        self.call(procedure::DOMAIN_GET_STATE, &(domain, 0u32)).await
    }

    /// What it has and used.
    pub async fn info(&self, domain: &Domain) -> Result<DomainInfo, RpcError> {
        self.call(procedure::DOMAIN_GET_INFO, domain).await
    }

    /// Its description. `flags` of `virDomainXMLFlags`: 1 with secrets, 2 as it will be started
    /// next.
    pub async fn xml(&self, domain: &Domain, flags: u32) -> Result<String, RpcError> {
        self.call(procedure::DOMAIN_GET_XML_DESC, &(domain, flags)).await
    }

    /// Defines it, or redefines the one of the same UUID and name. `flags` of
    /// `virDomainDefineFlags`: 1 checks it against the schema.
    pub async fn define(&self, xml: &str, flags: u32) -> Result<Domain, RpcError> {
        self.call(procedure::DOMAIN_DEFINE_XML_FLAGS, &(xml, flags)).await
    }

    /// Forgets its definition. `flags` of `virDomainUndefineFlagsValues`: 1 removes a managed save
    /// too, 2 what is known of its snapshots, 4 its NVRAM, 16 what is known of its checkpoints.
    pub async fn undefine(&self, domain: &Domain, flags: u32) -> Result<(), RpcError> {
        self.call(procedure::DOMAIN_UNDEFINE_FLAGS, &(domain, flags)).await
    }

    /// Starts it, and returns it with the number of its run. `flags` of `virDomainCreateFlags`:
    /// 1 paused, 8 without its managed save, which is forgotten.
    pub async fn create(&self, domain: &Domain, flags: u32) -> Result<Domain, RpcError> {
        self.call(procedure::DOMAIN_CREATE_WITH_FLAGS, &(domain, flags)).await
    }

    /// Asks it to shut down, and does not wait for it. `flags` of
    /// `virDomainShutdownFlagValues`: 1 by ACPI, 2 by its agent; 0 lets the daemon choose.
    pub async fn shutdown(&self, domain: &Domain, flags: u32) -> Result<(), RpcError> {
        self.call(procedure::DOMAIN_SHUTDOWN_FLAGS, &(domain, flags)).await
    }

    /// Ends it at once. `flags` of `virDomainDestroyFlagsValues`: 1 only by asking its process.
    pub async fn destroy(&self, domain: &Domain, flags: u32) -> Result<(), RpcError> {
        self.call(procedure::DOMAIN_DESTROY_FLAGS, &(domain, flags)).await
    }

    /// Asks it to reboot, and does not wait for it. `flags` as for [`Connection::shutdown`].
    pub async fn reboot(&self, domain: &Domain, flags: u32) -> Result<(), RpcError> {
        self.call(procedure::DOMAIN_REBOOT, &(domain, flags)).await
    }

    /// Takes its processors away and keeps its memory.
    pub async fn suspend(&self, domain: &Domain) -> Result<(), RpcError> {
        self.call(procedure::DOMAIN_SUSPEND, domain).await
    }

    /// Gives them back.
    pub async fn resume(&self, domain: &Domain) -> Result<(), RpcError> {
        self.call(procedure::DOMAIN_RESUME, domain).await
    }

    /// Saves its memory where its next start finds it, and ends it. `flags` of
    /// `virDomainSaveRestoreFlags`.
    pub async fn managed_save(&self, domain: &Domain, flags: u32) -> Result<(), RpcError> {
        self.call(procedure::DOMAIN_MANAGED_SAVE, &(domain, flags)).await
    }

    /// Whether its memory is saved so.
    pub async fn has_managed_save(&self, domain: &Domain) -> Result<bool, RpcError> {
        let result: i32 =
            self.call(procedure::DOMAIN_HAS_MANAGED_SAVE_IMAGE, &(domain, 0u32)).await?;
        Ok(result != 0)
    }

    /// Removes what was saved.
    pub async fn managed_save_remove(&self, domain: &Domain) -> Result<(), RpcError> {
        self.call(procedure::DOMAIN_MANAGED_SAVE_REMOVE, &(domain, 0u32)).await
    }

    /// Whether it starts with the daemon.
    pub async fn get_autostart(&self, domain: &Domain) -> Result<bool, RpcError> {
        let autostart: i32 = self.call(procedure::DOMAIN_GET_AUTOSTART, domain).await?;
        Ok(autostart != 0)
    }

    /// Says whether it starts with the daemon.
    pub async fn set_autostart(&self, domain: &Domain, autostart: bool) -> Result<(), RpcError> {
        self.call(procedure::DOMAIN_SET_AUTOSTART, &(domain, i32::from(autostart))).await
    }

    /// Sets a part of its description that is not the hypervisor's. `kind` of
    /// `virDomainMetadataType`: 0 its description, 1 its title, 2 an element with the prefix `key`
    /// and the namespace `uri`. Absent `metadata` removes it. `flags` of
    /// `virDomainModificationImpact`: 0 as it is now, 1 as it runs, 2 as it is defined.
    pub async fn set_metadata(
        &self,
        domain: &Domain,
        kind: i32,
        metadata: Option<&str>,
        key: Option<&str>,
        uri: Option<&str>,
        flags: u32,
    ) -> Result<(), RpcError> {
        let arguments = (domain, kind, metadata, key, uri, flags);
        self.call(procedure::DOMAIN_SET_METADATA, &arguments).await
    }

    /// Such a part; `VIR_ERR_NO_DOMAIN_METADATA` when it has none.
    pub async fn get_metadata(
        &self,
        domain: &Domain,
        kind: i32,
        uri: Option<&str>,
        flags: u32,
    ) -> Result<String, RpcError> {
        self.call(procedure::DOMAIN_GET_METADATA, &(domain, kind, uri, flags)).await
    }

    /// Its network interfaces with their addresses. `source` of
    /// `virDomainInterfaceAddressesSource`: 0 the leases of libvirt's networks, 1 its agent, 2 the
    /// host's table of neighbours.
    pub async fn interface_addresses(
        &self,
        domain: &Domain,
        source: u32,
    ) -> Result<Vec<GuestInterface>, RpcError> {
        self.call(procedure::DOMAIN_INTERFACE_ADDRESSES, &(domain, source, 0u32)).await
    }
}
