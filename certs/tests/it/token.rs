//! Join tokens as they travel by hand.

use proptest::prelude::*;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use tamer_certs::{JoinToken, Secret, SecretHash, TokenError};
use tamer_model::{Code, Fingerprint, FleetId, Problem, TokenId};

prop_compose! {
    fn tokens()(fleet: [u8; 10], id: [u8; 10], ca: [u8; 32], secret: [u8; 32]) -> JoinToken {
        JoinToken {
            fleet: FleetId::from_bytes(fleet),
            id: TokenId::from_bytes(id),
            ca: Fingerprint::from_bytes(ca),
            secret: Secret::from_bytes(secret),
        }
    }
}

fn same(a: &JoinToken, b: &JoinToken) -> bool {
    (a.fleet, a.id, a.ca) == (b.fleet, b.id, b.ca) && a.secret.expose() == b.secret.expose()
}

proptest! {
    #[test]
    fn tokens_round_trip(token in tokens(), before in "[ \t\r\n]{0,3}", after in "[ \t\r\n]{0,3}") {
        let text = format!("{before}{}{after}", *token.reveal());
        prop_assert!(same(&text.parse().expect("a token"), &token));
        prop_assert_eq!(token.reveal().len(), 127);
    }

    #[test]
    fn no_changed_character_is_accepted(token in tokens(), at in 0usize..127, to in "[A-Za-z0-9_.~é-]") {
        let text = token.reveal();
        let changed: String = text
            .char_indices()
            .map(|(index, c)| if index == at { to.clone() } else { c.to_string() })
            .collect();
        prop_assume!(changed != *text);
        prop_assert!(changed.parse::<JoinToken>().is_err());
    }

    #[test]
    fn swapped_neighbours_are_noticed(token in tokens(), at in 7usize..126) {
        let text = token.reveal();
        let mut bytes = text.as_bytes().to_vec();
        bytes.swap(at, at + 1);
        prop_assume!(bytes != text.as_bytes());
        let text = String::from_utf8(bytes).expect("ASCII");
        prop_assert_eq!(text.parse::<JoinToken>().err(), Some(TokenError::Mistyped));
    }

    #[test]
    fn a_piece_is_incomplete(token in tokens(), length in 1usize..127) {
        let error = token.reveal()[..length].parse::<JoinToken>().err();
        prop_assert_eq!(error, Some(TokenError::Truncated { found: length }));
    }

    #[test]
    fn any_text_is_a_token_or_an_error(text: String, digits in "\\PC{0,130}") {
        for text in [text, format!("tamer1.{digits}"), format!("tamer{digits}")] {
            if let Ok(token) = text.parse::<JoinToken>() {
                prop_assert_eq!(&*token.reveal(), text.trim());
            }
        }
    }

    #[test]
    fn only_the_secret_itself_verifies(a: [u8; 32], b: [u8; 32]) {
        let hash = Secret::from_bytes(a).hash();
        prop_assert!(hash.verify(&Secret::from_bytes(a)));
        prop_assert_eq!(hash.verify(&Secret::from_bytes(b)), a == b);
    }
}

#[test]
fn errors_say_what_it_is() {
    let token = JoinToken::generate(FleetId::from_bytes([1; 10]), Fingerprint::from_bytes([2; 32]));
    let text = token.reveal();
    let cases = [
        ("", TokenError::NotAToken),
        ("hunter2", TokenError::NotAToken),
        ("tamer0.abc", TokenError::NotAToken),
        ("tamer2.abc", TokenError::NewerVersion(2)),
        (&text[..50], TokenError::Truncated { found: 50 }),
        (&format!("{}A", *text), TokenError::Mistyped),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse::<JoinToken>().expect_err(text), expected);
        let problem = Problem::from(expected);
        assert_eq!((problem.code, problem.field.as_deref()), (Code::TokenMalformed, Some("token")));
        assert!(problem.remedy.is_some());
    }
}

#[test]
fn secrets_are_shown_only_on_purpose() {
    let token = JoinToken::generate(FleetId::from_bytes([1; 10]), Fingerprint::from_bytes([2; 32]));
    let shown = format!("{token:?} {:?}", token.secret.hash());
    let bytes = token.secret.expose();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!shown.contains(&hex) && !shown.contains(&token.reveal()[60..]), "{shown}");
    assert!(!shown.contains(&format!("{bytes:?}")));
}

#[test]
fn stored_hashes_never_change_between_versions() {
    let stored = "sha256:26bc9d946fc1ffd6726e64aaa214885a83c9141aceb74dd4c617668f04275026";
    let stored: StrDeserializer<'_, Error> = stored.into_deserializer();
    let hash = SecretHash::deserialize(stored).expect("a hash");
    assert!(hash.verify(&Secret::from_bytes([7; 32])), "{:?}", Secret::from_bytes([7; 32]).hash());
}
