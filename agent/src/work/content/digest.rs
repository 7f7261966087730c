//! What bytes are: their SHA-256, computed as they pass.

use std::io::{self, Read};

use aws_lc_rs::digest::{Context, SHA256};
use tamer_model::Fingerprint;

/// How much is read at once, in bytes.
pub const READ: usize = 256 * 1024;

/// The digest of the bytes so far.
#[derive(Clone)]
pub struct Digest(Context);

impl Digest {
    /// Of nothing.
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Takes what `from` gives, at most `most` bytes. Returns how many those were.
    pub fn read(&mut self, from: &mut impl Read, most: u64) -> io::Result<u64> {
        let mut buffer = vec![0; READ];
        let mut left = most;
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(READ).min(READ);
            match from.read(&mut buffer[..room]) {
                Ok(0) => break,
                Ok(len) => {
                    self.update(&buffer[..len]);
                    left -= len as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(most - left)
    }

    /// The digest.
    pub fn finish(self) -> Fingerprint {
        let digest = self.0.finish();
        let bytes = digest.as_ref().try_into().expect("SHA-256 has 32 bytes");
        Fingerprint::from_bytes(bytes)
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

/// The lower case hexadecimal digits of a digest, as files are named by it.
pub fn hex(digest: &Fingerprint) -> String {
    digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_all_bytes() {
        let mut digest = Digest::new();
        digest.update(b"a");
        assert_eq!(digest.read(&mut &b"bcd"[..], 2).expect("read"), 2);
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&digest.finish()), abc);
    }
}
