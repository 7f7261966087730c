//! Certificates in files that are written for it.

use tamer_certs::Authority;
use tamer_drift::{Resource, Value};
use tamer_model::{FleetId, Timestamp};

use super::read::ders;
use super::*;
use crate::inventory::{Limits, Pace};

/// What a file of this content brings.
fn of_file(id: &str, content: &[u8]) -> Vec<Resource> {
    certificates(id, &ders(content))
}

/// What a look finds in a folder of authorities, and beside it.
fn look(folder: &Path, store: bool) -> Vec<Resource> {
    let pattern = |path: PathBuf| path.display().to_string().parse().expect("a pattern");
    // Leaked: a folder of authorities is named by the platform, and lives as long.
    let path: &'static str = folder.join("store").display().to_string().leak();
    let stores: &'static [&'static str] = if store { vec![path].leak() } else { &[] };
    let patterns = vec![pattern(folder.join("store/*")), pattern(folder.join("own/*"))];
    let mut found = Found::within(Limits::default());
    let collector = Certificates { patterns, stores };
    collector.look(&mut found, &mut Pace::free().worker()).expect("looked");
    found.resources().cloned().collect()
}

fn pem(der: &[u8]) -> String {
    use std::fmt::Write as _;
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for (at, piece) in der.chunks(3).enumerate() {
        let bits = piece.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - piece.len()));
        for index in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * index)) as usize & 63];
            text.push(if index > piece.len() { '=' } else { char::from(letter) });
        }
        if at % 16 == 15 {
            writeln!(text).expect("a text");
        }
    }
    text + "\n-----END CERTIFICATE-----\n"
}

fn der(seed: u8) -> Vec<u8> {
    tamer_certs::install_crypto();
    let fleet = FleetId::from_bytes([seed; 10]);
    let authority = Authority::create(fleet, Timestamp::from_millis(1_700_000_000_000));
    authority.expect("made").trust().der().to_vec()
}

#[test]
fn certificates_are_read_from_both_forms() {
    let der = der(1);
    let text = pem(&der);
    let [from_pem] = of_file("/c.pem", text.as_bytes()).try_into().expect("one");
    let [from_der] = of_file("/c.pem", &der).try_into().expect("one");
    assert_eq!(from_pem, from_der);
    assert!(matches!(from_pem.properties["not_after"], Value::Int(at) if at > 1_700_000_000_000));
    assert_eq!(from_pem.properties["authority"], Value::Bool(true));
    let two = of_file("/c.pem", format!("{text}{}", pem(&self::der(2))).as_bytes());
    let ids: Vec<_> = two.iter().map(|one| one.key.id()).collect();
    assert_eq!(ids, ["/c.pem", "/c.pem#2"]);
}

#[test]
fn a_bundle_is_one_whatever_its_order() {
    let mut ders: Vec<_> = (1..=9).map(der).collect();
    let text = |ders: &[Vec<u8>]| ders.iter().map(|der| pem(der)).collect::<String>();
    let one = of_file("/all", text(&ders).as_bytes());
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].properties["certificates"], Value::Int(9));
    ders.reverse();
    assert_eq!(one, of_file("/all", text(&ders).as_bytes()));
    ders.pop();
    ders.push(der(10));
    assert_ne!(one, of_file("/all", text(&ders).as_bytes()));
}

/// A folder of nine authorities, linked twice as distributions do, and one of the host's own.
fn folders() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["store", "own", "share"] {
        std::fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    let mut all = String::new();
    for seed in 1..=9 {
        all += &add(folder.path(), seed);
    }
    std::fs::write(folder.path().join("store/all.crt"), all).expect("a bundle");
    std::fs::write(folder.path().join("own/shop.crt"), pem(&der(30))).expect("written");
    folder
}

/// The platform trusts one more.
fn add(folder: &Path, seed: u8) -> String {
    let (file, text) = (folder.join(format!("share/{seed}.crt")), pem(&der(seed)));
    std::fs::write(&file, &text).expect("written");
    for link in ["name", "hash"] {
        let link = folder.join(format!("store/{link}-{seed}.0"));
        std::fs::hard_link(&file, link).expect("a link");
    }
    text
}

#[test]
fn who_is_trusted_is_one_thing() {
    let folder = folders();
    let store = folder.path().join("store").display().to_string();
    let before = look(folder.path(), true);
    assert_eq!(before.len(), 2, "{before:#?}");
    let of = |found: &[Resource]| {
        found.iter().find(|one| one.key.id() == store).expect("the store").clone()
    };
    let was = of(&before);
    assert_eq!(was.properties["certificates"], Value::Int(9));
    // One more that is trusted is one field of it; and the bundle of all says nothing else.
    add(folder.path(), 10);
    let is = of(&look(folder.path(), true));
    let names = |one: &Resource| match &one.properties["authorities"] {
        Value::Set(names) => names.clone(),
        other => panic!("{other}"),
    };
    assert_eq!(names(&is).difference(&names(&was)).count(), 1, "{is:#?}");
    assert!(names(&was).is_subset(&names(&is)));
    assert_ne!(is.properties["digest"], was.properties["digest"]);
    // In no such folder each is one, with the day it ends.
    let each = look(folder.path(), false);
    assert!(each.len() > 10 && each.iter().any(|one| one.properties.contains_key("not_after")));
}

#[cfg(unix)]
#[test]
fn an_authority_that_also_lies_elsewhere_is_told_by_itself() {
    let folder = folders();
    let own = folder.path().join("own/shop.crt");
    std::os::unix::fs::symlink(&own, folder.path().join("store/shop.pem")).expect("a link");
    let found = look(folder.path(), true);
    let own = own.canonicalize().expect("it is there").display().to_string();
    let alone = found.iter().find(|one| one.key.id() == own).expect("by itself");
    assert!(alone.properties.contains_key("not_after"), "{alone:#?}");
    let is_ten = |one: &Resource| one.properties.get("certificates") == Some(&Value::Int(10));
    assert!(found.iter().any(is_ten), "{found:#?}");
}

#[test]
fn what_is_no_certificate_is_none_and_breaks_nothing() {
    let good = der(1);
    for at in 0..good.len().min(400) {
        let mut bad = good.clone();
        bad[at] ^= 0xff;
        of_file("/x", &bad);
        of_file("/x", &good[..at]);
    }
    let key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n";
    assert_eq!(of_file("/key", key.as_bytes()), []);
    assert_eq!(of_file("/x", b"-----BEGIN CERTIFICATE-----\nx"), []);
    assert_eq!(of_file("/x", &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), []);
}
