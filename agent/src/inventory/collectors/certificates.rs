//! Certificates in files, with the day they end. Keys that lie beside them are passed over.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tamer_drift::{Kind, Resource, Value};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::inventory::{Cover, Found, Look, Pattern, Stop, Worker, host, read, set};

/// The most bytes of one file: a bundle of all authorities has a fifth of it.
const MOST: usize = 4 << 20;
/// The most certificates of a file that are told one by one; of a bundle only what it holds in all.
const MOST_EACH: usize = 8;

/// Looks at certificates.
pub struct Certificates {
    /// Files that may hold some.
    pub patterns: Vec<Pattern>,
}

impl Look for Certificates {
    fn marks(&self) -> Vec<PathBuf> {
        self.patterns.iter().map(|pattern| pattern.base().to_owned()).collect()
    }

    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        let mut files = BTreeSet::new();
        for pattern in &self.patterns {
            let matches = pattern.find();
            for (folder, error) in matches.unseen {
                let folder = folder.display().to_string();
                let cover = Cover::Prefix(Kind::Certificate, folder.clone());
                found.miss(cover, format!("{folder}: {error}"));
            }
            // Stores of authorities are full of links to the same files.
            let real = matches.paths.iter().filter_map(|path| path.canonicalize().ok());
            files.extend(real.filter(|path| path.is_file()));
        }
        for file in files {
            worker.breathe();
            let id = file.display().to_string();
            match read::bytes(&file, MOST) {
                Ok(content) => {
                    for one in certificates(&id, &content) {
                        found.put(one)?;
                    }
                }
                Err(error) => {
                    found.miss(
                        Cover::Prefix(Kind::Certificate, id.clone()),
                        format!("{id}: {error}"),
                    );
                }
            }
        }
        Ok(())
    }
}

/// The certificates of a file, PEM or DER. A file without any, as one of a key, is none.
fn certificates(id: &str, content: &[u8]) -> Vec<Resource> {
    let pem = |content| CertificateDer::pem_slice_iter(content).flatten().map(|der| der.to_vec());
    let mut ders: Vec<Vec<u8>> = pem(content).collect();
    if ders.is_empty() && content.first() == Some(&0x30) {
        ders.push(content.to_vec());
    }
    let named = |at: usize| if at == 0 { id.to_owned() } else { format!("{id}#{}", at + 1) };
    if ders.len() <= MOST_EACH {
        let read = ders.iter().enumerate().filter_map(|(at, der)| certificate(&named(at), der));
        return read.collect();
    }
    vec![bundle(id, &ders)]
}

fn certificate(id: &str, der: &[u8]) -> Option<Resource> {
    let (_, read) = X509Certificate::from_der(der).ok()?;
    let names = read.subject_alternative_name().ok().flatten();
    let names = names.map(|names| names.value.general_names.iter().filter_map(name).collect());
    let names: BTreeSet<String> = names.unwrap_or_default();
    let subject = read.subject().to_string();
    let made = host(Kind::Certificate, id)
        .named(if subject.is_empty() { id } else { &subject })
        .text("subject", &subject)
        .text("issuer", read.issuer().to_string())
        .text("serial", hex(read.raw_serial()))
        .put("not_before", millis(read.validity().not_before.timestamp()))
        .put("not_after", millis(read.validity().not_after.timestamp()))
        .text("fingerprint", hex(digest(&SHA256, der).as_ref()))
        .put("names", set(names))
        .flag("authority", read.is_ca());
    Some(made.done())
}

/// A bundle: how many, the first that ends, and which they are as one digest.
fn bundle(id: &str, ders: &[Vec<u8>]) -> Resource {
    let mut prints: Vec<_> = ders.iter().map(|der| digest(&SHA256, der)).collect();
    prints.sort_by(|a, b| a.as_ref().cmp(b.as_ref()));
    let mut hasher = blake3::Hasher::new();
    for print in &prints {
        hasher.update(print.as_ref());
    }
    let ends = ders.iter().filter_map(|der| {
        let (_, read) = X509Certificate::from_der(der).ok()?;
        Some(read.validity().not_after.timestamp())
    });
    host(Kind::Certificate, id)
        .int("certificates", ders.len())
        .text("digest", hasher.finalize().to_hex())
        .maybe("first_not_after", ends.min().map(millis))
        .done()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(bytes) => match **bytes {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(a, b, c, d).to_string()),
            _ => <[u8; 16]>::try_from(*bytes)
                .ok()
                .map(|six| std::net::Ipv6Addr::from(six).to_string()),
        },
        GeneralName::OtherName(..)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => None,
    }
}

/// Seconds as milliseconds since the Unix epoch.
fn millis(seconds: i64) -> Value {
    Value::Int(seconds.saturating_mul(1000))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use tamer_certs::Authority;
    use tamer_model::{FleetId, Timestamp};

    use super::*;

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
        let [from_pem] = certificates("/c.pem", text.as_bytes()).try_into().expect("one");
        let [from_der] = certificates("/c.pem", &der).try_into().expect("one");
        assert_eq!(from_pem, from_der);
        assert!(
            matches!(from_pem.properties["not_after"], Value::Int(at) if at > 1_700_000_000_000)
        );
        assert_eq!(from_pem.properties["authority"], Value::Bool(true));
        let two = certificates("/c.pem", format!("{text}{}", pem(&self::der(2))).as_bytes());
        let ids: Vec<_> = two.iter().map(|one| one.key.id()).collect();
        assert_eq!(ids, ["/c.pem", "/c.pem#2"]);
    }

    #[test]
    fn a_bundle_is_one_whatever_its_order() {
        let mut ders: Vec<_> = (1..=9).map(der).collect();
        let text = |ders: &[Vec<u8>]| ders.iter().map(|der| pem(der)).collect::<String>();
        let one = certificates("/all", text(&ders).as_bytes());
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].properties["certificates"], Value::Int(9));
        ders.reverse();
        assert_eq!(one, certificates("/all", text(&ders).as_bytes()));
        ders.pop();
        ders.push(der(10));
        assert_ne!(one, certificates("/all", text(&ders).as_bytes()));
    }

    #[test]
    fn what_is_no_certificate_is_none_and_breaks_nothing() {
        let good = der(1);
        for at in 0..good.len().min(400) {
            let mut bad = good.clone();
            bad[at] ^= 0xff;
            certificates("/x", &bad);
            certificates("/x", &good[..at]);
        }
        let key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n";
        assert_eq!(certificates("/key", key.as_bytes()), []);
        assert_eq!(certificates("/x", b"-----BEGIN CERTIFICATE-----\nx"), []);
        assert_eq!(certificates("/x", &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), []);
    }
}
