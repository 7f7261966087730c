#![expect(clippy::unwrap_used, reason = "a test may")]

use proptest::prelude::*;

use super::super::packet::{Packet, RemoteError};
use super::super::{Domain, GuestInterface, Network, TypedValue};
use super::*;

type Stats = Vec<(Domain, Vec<(String, TypedValue)>)>;

fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,20}"
}

fn domain() -> impl Strategy<Value = Domain> {
    (text(), any::<[u8; 16]>(), any::<i32>()).prop_map(|(name, uuid, id)| Domain { name, uuid, id })
}

fn value() -> impl Strategy<Value = TypedValue> {
    prop_oneof![
        any::<i32>().prop_map(TypedValue::Int),
        any::<u32>().prop_map(TypedValue::UInt),
        any::<i64>().prop_map(TypedValue::Long),
        any::<u64>().prop_map(TypedValue::ULong),
        (-1e300f64..1e300).prop_map(TypedValue::Double),
        any::<bool>().prop_map(TypedValue::Bool),
        text().prop_map(TypedValue::Text),
    ]
}

fn error() -> impl Strategy<Value = RemoteError> {
    let network = (text(), any::<[u8; 16]>()).prop_map(|(name, uuid)| Network { name, uuid });
    let about = (prop::option::of(domain()), prop::option::of(network));
    let texts = prop::array::uniform4(prop::option::of(text()));
    (any::<[i32; 5]>(), texts, about).prop_map(|(numbers, texts, (about, network))| {
        let [code, domain, level, int1, int2] = numbers;
        let [message, str1, str2, str3] = texts;
        RemoteError { code, domain, message, level, about, str1, str2, str3, int1, int2, network }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        stats in prop::collection::vec((domain(), prop::collection::vec((text(), value()), 0..4)), 0..4),
        error in error(),
    ) {
        let bytes = encode(&stats).unwrap();
        prop_assert_eq!(bytes.len() % 4, 0);
        prop_assert_eq!(decode::<Stats>(&bytes).unwrap(), stats);
        prop_assert_eq!(decode::<RemoteError>(&encode(&error).unwrap()).unwrap(), error);
    }

    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<Stats>(&bytes);
        let _ = decode::<RemoteError>(&bytes);
        let _ = decode::<Vec<GuestInterface>>(&bytes);
        let _ = Packet::parse(bytes.into());
    }

    #[test]
    fn every_part_of_a_message_is_too_short(
        stats in prop::collection::vec((domain(), prop::collection::vec((text(), value()), 0..4)), 1..3),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = encode(&stats).unwrap();
        let part = &bytes[..cut.index(bytes.len())];
        prop_assert!(decode::<Stats>(part).is_err());
    }
}

#[test]
fn texts_are_filled_up_and_absent_ones_are_a_zero() {
    let bytes = encode(&("héé", None::<&str>, Some("ab"), -2i32)).unwrap();
    let expected = [
        &[0, 0, 0, 5][..],
        "héé".as_bytes(),
        &[0, 0, 0],
        &[0, 0, 0, 0],
        &[0, 0, 0, 1, 0, 0, 0, 2, b'a', b'b', 0, 0],
        &[0xff, 0xff, 0xff, 0xfe],
    ];
    assert_eq!(bytes, expected.concat());
}

#[test]
fn a_length_alone_costs_nothing() {
    let most = (MAX_LIST as u32).to_be_bytes();
    let error = decode::<Vec<Domain>>(&most).unwrap_err();
    assert!(matches!(error, RpcError::Protocol("a message is too short")), "{error:?}");
    let more = (MAX_LIST as u32 + 1).to_be_bytes();
    assert!(matches!(decode::<Vec<Domain>>(&more), Err(RpcError::TooLong)));
    let text = (MAX_STRING as u32 + 1).to_be_bytes();
    assert!(matches!(decode::<String>(&text), Err(RpcError::TooLong)));
}

#[test]
fn what_no_daemon_takes_is_not_sent() {
    let long = "x".repeat(MAX_STRING + 1);
    assert!(matches!(encode(long.as_str()), Err(RpcError::TooLong)));
    assert!(encode(&long[1..]).is_ok());
    assert!(matches!(encode("a\0b"), Err(RpcError::Protocol(_))));
}

#[test]
fn what_comes_after_a_value_is_an_error() {
    assert!(matches!(decode::<u32>(&[0; 8]), Err(RpcError::Protocol("a message is too long"))));
}
