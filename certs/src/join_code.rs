//! The code that both sides print when a host asks to join without a token.

use tamer_model::Fingerprint;

use crate::crypto;

/// Crockford's base 32, as in ids: nothing that is misheard or misread.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The code for a host's key (`key`, of its CSR) under the CA that it sees or that issues (`ca`):
/// 80 bits as four groups of four, `7k2p-9xwd-3fmn-0c4t`. Equal codes on both screens mean that
/// nobody stands between: someone who does would need other keys of the same code, 2⁸⁰ tries.
pub fn join_code(ca: Fingerprint, key: Fingerprint) -> String {
    let hash = crypto::sha256(&[b"tamer join code 1\0", ca.as_bytes(), key.as_bytes()]);
    let bits = hash[..10].iter().fold(0u128, |bits, byte| (bits << 8) | u128::from(*byte));
    let digit = |at: usize| char::from(ALPHABET[((bits >> (75 - 5 * at)) & 31) as usize]);
    let group = |group: usize| (0..4).map(|at| digit(4 * group + at)).collect::<String>();
    [group(0), group(1), group(2), group(3)].join("-")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn codes_are_short_and_depend_on_both(a: [u8; 32], b: [u8; 32]) {
            prop_assume!(a != b);
            let (a, b) = (Fingerprint::from_bytes(a), Fingerprint::from_bytes(b));
            prop_assert_eq!(join_code(a, b).len(), 19);
            prop_assert_ne!(join_code(a, b), join_code(b, a));
            prop_assert_ne!(join_code(a, b), join_code(a, a));
        }
    }

    #[test]
    fn a_code_never_changes_between_versions() {
        let code = join_code(Fingerprint::from_bytes([1; 32]), Fingerprint::from_bytes([2; 32]));
        assert_eq!(code, "1xrf-80z7-h6g9-jxp2");
    }
}
