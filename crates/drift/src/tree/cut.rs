//! Where a node ends. A function of the entries since the node began and nothing else, so that a
//! tree follows from its content.

/// The most entries of a node.
pub const MAX_ENTRIES: usize = 128;

/// A node ends after the entry with which it reaches this many bytes.
const FULL_BYTES: usize = 128 << 10;

/// The most bytes of a node: it was not full before its last entry, which is a resource of at most
/// 256 KiB, a key and two lengths; then the head. Two nodes fill a message of 1 MiB.
pub const MAX_NODE_BYTES: usize = FULL_BYTES + crate::MAX_RESOURCE_BYTES + 1024;

/// A key ends a node when these bits of its digest are zero: one in 32. Each level asks other
/// bits, so that what ends a leaf does not end everything above it.
const BITS: u32 = 5;

/// Whether a node ends after its `entries`th entry, the one with this key, with which it has
/// `bytes` bytes. Keys can be chosen so that their digests never say so, or always: the bounds
/// hold for these too. A node of two at least keeps the height within the logarithm of the number
/// of entries.
pub(super) fn ends(level: u8, entries: usize, bytes: usize, key: &[u8]) -> bool {
    entries >= MAX_ENTRIES || bytes >= FULL_BYTES || (entries >= 2 && says_so(level, key))
}

fn says_so(level: u8, key: &[u8]) -> bool {
    let digest = blake3::hash(key);
    let mut word = [0; 8];
    word.copy_from_slice(&digest.as_bytes()[..8]);
    // Twelve levels have bits of their own: 32 to the twelfth entries. Above them all ask the same.
    let shift = (u32::from(level) * BITS).min(64 - BITS);
    (u64::from_le_bytes(word) >> shift).trailing_zeros() >= BITS
}
