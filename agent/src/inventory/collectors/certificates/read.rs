//! Certificates as resources.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tamer_drift::{Kind, Resource, Value};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::inventory::{host, set};

/// The most certificates of a file that are told one by one; of a bundle only what it holds in all.
const MOST_EACH: usize = 8;

/// What a file holds, PEM or DER. A file without any certificate, as one of a key, holds none.
pub(super) fn ders(content: &[u8]) -> Vec<Vec<u8>> {
    let pem = |content| CertificateDer::pem_slice_iter(content).flatten().map(|der| der.to_vec());
    let ders: Vec<Vec<u8>> = pem(content).collect();
    if ders.is_empty() && content.first() == Some(&0x30) {
        return vec![content.to_vec()];
    }
    ders
}

/// The certificates of a file.
pub(super) fn certificates(id: &str, ders: &[Vec<u8>]) -> Vec<Resource> {
    let named = |at: usize| if at == 0 { id.to_owned() } else { format!("{id}#{}", at + 1) };
    if ders.len() <= MOST_EACH {
        let read = ders.iter().enumerate().filter_map(|(at, der)| certificate(&named(at), der));
        return read.collect();
    }
    vec![bundle(id, ders)]
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

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
