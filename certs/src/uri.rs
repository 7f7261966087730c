//! An identity as a URI SAN. A SAN is ASCII (RFC 5280 §4.2.1.6) and user names need not be, so
//! what is not plain in a name travels percent-encoded UTF-8 (RFC 3986 §2.1).

use std::fmt::Write;

use tamer_model::Identity;

/// The identity as it stands in a certificate.
pub(crate) fn encode(identity: &Identity) -> String {
    let mut uri = String::new();
    for byte in identity.to_string().bytes() {
        if byte.is_ascii_alphanumeric() || b":/-_.".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            write!(uri, "%{byte:02X}").expect("writing to a string succeeds");
        }
    }
    uri
}

/// The identity that a certificate's URI names. Only the exact text that [`encode`] writes is
/// read, so that no identity has two spellings.
pub(crate) fn decode(uri: &str) -> Option<Identity> {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let (high, low) = (rest.next()?, rest.next()?);
            let digit = |c: u8| char::from(c).to_digit(16);
            bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    let identity = String::from_utf8(bytes).ok()?.parse().ok()?;
    (encode(&identity) == uri).then_some(identity)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tamer_model::{FleetId, Role};

    use super::*;

    proptest! {
        #[test]
        fn names_in_any_script_round_trip(fleet: [u8; 10], name in "[\\p{L}0-9][\\p{L}0-9._-]{0,10}") {
            let role = Role::User(name.parse().expect("a name"));
            let identity = Identity { fleet: FleetId::from_bytes(fleet), role };
            let uri = encode(&identity);
            prop_assert!(uri.is_ascii());
            prop_assert_eq!(decode(&uri), Some(identity));
        }

        #[test]
        fn any_text_decodes_or_not(text: String) {
            if let Some(identity) = decode(&text) {
                prop_assert_eq!(encode(&identity), text);
            }
        }
    }
}
