//! The little of qcow2 that an overlay needs, so that no program of QEMU has to be there: reading
//! a header, and writing an empty layer over another disk.
//!
//! The format is that of `docs/interop/qcow2.txt` of QEMU, version 3. All numbers are big-endian.

use std::io;

const MAGIC: [u8; 4] = *b"QFI\xfb";
const CLUSTER_BITS: u32 = 16;
const CLUSTER: usize = 1 << CLUSTER_BITS;
/// One cluster of the second table maps this many bytes: 8192 entries of a cluster.
const MAPPED_BY_TABLE: u64 = (CLUSTER as u64 / 8) << CLUSTER_BITS;
const HEADER: usize = 104;
/// Header extension: the format of the backing file.
const BACKING_FORMAT: u32 = 0xe279_2aca;
/// The longest name of a backing file that the format allows.
const MAX_BACKING: usize = 1023;
/// More would need a first table beyond what QEMU opens (32 MiB, two pebibytes): refused here with
/// a lower bound that no disk of ours comes near, and that bounds the memory for it.
const MAX_BYTES: u64 = 1 << 46;

/// How a disk is written, and how large it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// `qcow2` or `raw`, as QEMU names it.
    pub format: &'static str,
    /// What a guest sees, in bytes.
    pub bytes: u64,
}

/// The shape of a disk, by how it begins and how long its file is.
pub fn shape(begin: &[u8], length: u64) -> Shape {
    match begin {
        head if head.starts_with(&MAGIC) && head.len() >= 32 => {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&head[24..32]);
            Shape { format: "qcow2", bytes: u64::from_be_bytes(bytes) }
        }
        _ => Shape { format: "raw", bytes: length },
    }
}

/// The file of an empty layer of `bytes` over the disk at `backing`, written in `format`.
pub fn overlay(bytes: u64, backing: &str, format: &str) -> io::Result<Vec<u8>> {
    let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if backing.len() > MAX_BACKING {
        return refused("the path of the disk is longer than qcow2 allows (1023 bytes)");
    }
    if bytes > MAX_BYTES {
        return refused("the disk is larger than 64 TiB");
    }
    let bytes = bytes.next_multiple_of(512);
    let entries = usize::try_from(bytes.div_ceil(MAPPED_BY_TABLE)).map_err(io::Error::other)?;
    // Cluster 0 the header, 1 the table of reference counts, 2 the counts, from 3 the first table.
    let clusters = 3 + (entries * 8).div_ceil(CLUSTER);
    let mut file = vec![0; clusters * CLUSTER];
    let mut head = Vec::with_capacity(HEADER + 32 + backing.len());
    let extension = 8 + format.len().next_multiple_of(8) + 8;
    head.extend(MAGIC);
    head.extend(3u32.to_be_bytes());
    head.extend(((HEADER + extension) as u64).to_be_bytes());
    head.extend((backing.len() as u32).to_be_bytes());
    head.extend(CLUSTER_BITS.to_be_bytes());
    head.extend(bytes.to_be_bytes());
    head.extend(0u32.to_be_bytes()); // not encrypted
    head.extend((entries as u32).to_be_bytes());
    head.extend((3 * CLUSTER as u64).to_be_bytes()); // the first table
    head.extend((CLUSTER as u64).to_be_bytes()); // the table of reference counts
    head.extend(1u32.to_be_bytes()); // its clusters
    head.extend([0; 4 + 8]); // no snapshots
    head.extend([0; 3 * 8]); // no feature of any kind
    head.extend(4u32.to_be_bytes()); // counts of 16 bits
    head.extend((HEADER as u32).to_be_bytes());
    head.extend(BACKING_FORMAT.to_be_bytes());
    head.extend((format.len() as u32).to_be_bytes());
    head.extend(format.as_bytes());
    head.resize(HEADER + extension, 0); // padding, and the extension that ends them
    head.extend(backing.as_bytes());
    file[..head.len()].copy_from_slice(&head);
    file[CLUSTER..CLUSTER + 8].copy_from_slice(&(2 * CLUSTER as u64).to_be_bytes());
    for cluster in 0..clusters {
        let at = 2 * CLUSTER + 2 * cluster;
        file[at..at + 2].copy_from_slice(&1u16.to_be_bytes());
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_tells_its_own_shape() {
        let file = overlay(5 << 30, "/base.raw", "raw").expect("made");
        let shape = shape(&file, file.len() as u64);
        assert_eq!(shape, Shape { format: "qcow2", bytes: 5 << 30 });
        assert_eq!(&file[HEADER + 24..HEADER + 24 + 9], b"/base.raw");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(overlay(1 << 47, "/a", "raw").is_err());
        assert!(overlay(512, &"a".repeat(1024), "raw").is_err());
        assert_eq!(shape(b"anything", 8).format, "raw");
        assert_eq!(shape(b"QFI\xfb", 4).format, "raw");
    }
}
