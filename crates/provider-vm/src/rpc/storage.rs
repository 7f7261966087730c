//! Calls about storage pools and the volumes in them.

use super::xdr::structure;
use super::{Connection, RpcError, Stream, procedure};

/// A storage pool, by everything that names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// What it is for ever.
    pub uuid: [u8; 16],
}
structure!(Pool { name, uuid });

/// How a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolInfo {
    /// `virStoragePoolState`: 0 inactive, 1 building, 2 running, 3 degraded, 4 inaccessible.
    pub state: u32,
    /// Bytes.
    pub capacity: u64,
    /// Bytes in use.
    pub allocation: u64,
    /// Bytes to be had.
    pub available: u64,
}
structure!(PoolInfo { state, capacity, allocation, available });

/// A volume, by everything that names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Volume {
    /// The name of its pool.
    pub pool: String,
    /// Its name, unique in its pool.
    pub name: String,
    /// What it is for ever: mostly its path.
    pub key: String,
}
structure!(Volume { pool, name, key });

/// How a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VolumeInfo {
    /// `virStorageVolType`: 0 a file, 1 a block device, 2 a directory.
    pub kind: i32,
    /// Bytes that it shows to a guest.
    pub capacity: u64,
    /// Bytes that it takes.
    pub allocation: u64,
}
structure!(VolumeInfo { kind, capacity, allocation });

impl Connection {
    /// Every pool, active or not.
    pub async fn pools(&self) -> Result<Vec<Pool>, RpcError> {
        let (pools, _count): (_, u32) =
            self.call(procedure::CONNECT_LIST_ALL_STORAGE_POOLS, &(1i32, 0u32)).await?;
        Ok(pools)
    }

    /// The pool of this name; `VIR_ERR_NO_STORAGE_POOL` when there is none.
    pub async fn pool_lookup(&self, name: &str) -> Result<Pool, RpcError> {
        self.call(procedure::STORAGE_POOL_LOOKUP_BY_NAME, name).await
    }

    /// Its description.
    pub async fn pool_xml(&self, pool: &Pool) -> Result<String, RpcError> {
        self.call(procedure::STORAGE_POOL_GET_XML_DESC, &(pool, 0u32)).await
    }

    /// How it is.
    pub async fn pool_info(&self, pool: &Pool) -> Result<PoolInfo, RpcError> {
        self.call(procedure::STORAGE_POOL_GET_INFO, pool).await
    }

    /// Makes the daemon look at what is in it.
    pub async fn pool_refresh(&self, pool: &Pool) -> Result<(), RpcError> {
        self.call(procedure::STORAGE_POOL_REFRESH, &(pool, 0u32)).await
    }

    /// Every volume of an active pool.
    pub async fn volumes(&self, pool: &Pool) -> Result<Vec<Volume>, RpcError> {
        let arguments = (pool, 1i32, 0u32);
        let (volumes, _count): (_, u32) =
            self.call(procedure::STORAGE_POOL_LIST_ALL_VOLUMES, &arguments).await?;
        Ok(volumes)
    }

    /// The volume of this name; `VIR_ERR_NO_STORAGE_VOL` when there is none.
    pub async fn volume_lookup(&self, pool: &Pool, name: &str) -> Result<Volume, RpcError> {
        self.call(procedure::STORAGE_VOL_LOOKUP_BY_NAME, &(pool, name)).await
    }

    /// The volume at this path of the host; `VIR_ERR_NO_STORAGE_VOL` when it is in no pool.
    pub async fn volume_lookup_path(&self, path: &str) -> Result<Volume, RpcError> {
        self.call(procedure::STORAGE_VOL_LOOKUP_BY_PATH, path).await
    }

    /// Its description.
    pub async fn volume_xml(&self, volume: &Volume) -> Result<String, RpcError> {
        self.call(procedure::STORAGE_VOL_GET_XML_DESC, &(volume, 0u32)).await
    }

    /// How it is.
    pub async fn volume_info(&self, volume: &Volume) -> Result<VolumeInfo, RpcError> {
        self.call(procedure::STORAGE_VOL_GET_INFO, volume).await
    }

    /// Its path on the host.
    pub async fn volume_path(&self, volume: &Volume) -> Result<String, RpcError> {
        self.call(procedure::STORAGE_VOL_GET_PATH, volume).await
    }

    /// Makes one. `flags` of `virStorageVolCreateFlags`: 1 with the metadata of its format
    /// preallocated, 2 as a reflink.
    pub async fn volume_create_xml(
        &self,
        pool: &Pool,
        xml: &str,
        flags: u32,
    ) -> Result<Volume, RpcError> {
        self.call(procedure::STORAGE_VOL_CREATE_XML, &(pool, xml, flags)).await
    }

    /// Makes one with what is in another. `flags` as for [`Connection::volume_create_xml`].
    pub async fn volume_create_from(
        &self,
        pool: &Pool,
        xml: &str,
        source: &Volume,
        flags: u32,
    ) -> Result<Volume, RpcError> {
        self.call(procedure::STORAGE_VOL_CREATE_XML_FROM, &(pool, xml, source, flags)).await
    }

    /// Gives it another capacity, in bytes. `flags` of `virStorageVolResizeFlags`: 4 lets it
    /// become smaller.
    pub async fn volume_resize(
        &self,
        volume: &Volume,
        capacity: u64,
        flags: u32,
    ) -> Result<(), RpcError> {
        self.call(procedure::STORAGE_VOL_RESIZE, &(volume, capacity, flags)).await
    }

    /// Removes it with what is in it. `flags` of `virStorageVolDeleteFlags`.
    pub async fn volume_delete(&self, volume: &Volume, flags: u32) -> Result<(), RpcError> {
        self.call(procedure::STORAGE_VOL_DELETE, &(volume, flags)).await
    }

    /// Writes into it from `offset` on what is written to the stream, `length` bytes at most (0:
    /// no limit). What was written is there when [`Stream::finish`] returned.
    pub async fn volume_upload(
        &self,
        volume: &Volume,
        offset: u64,
        length: u64,
    ) -> Result<Stream, RpcError> {
        let arguments = (volume, offset, length, 0u32);
        self.open_stream(procedure::STORAGE_VOL_UPLOAD, &arguments).await
    }
}
