//! Resources as hosts have them, by number and in the order of keys.

use std::collections::BTreeSet;

use anyhow::Result;
use tamer_drift::tree::{Builder, Memory};
use tamer_drift::{Digest, Kind, Resource, ResourceKey, Source, Value};

/// A resource of a host with so many: a tenth packages, most files, some instances.
pub fn resource(number: u32, of: u32) -> Result<Resource> {
    let tenth = of.div_ceil(10).max(1);
    match number / tenth {
        0 => package(number),
        1..=8 => file(number),
        _last => instance(number),
    }
}

/// The same, a little later: one field is another.
pub fn changed(number: u32, of: u32) -> Result<Resource> {
    let resource = resource(number, of)?;
    Ok(match resource.key.kind() {
        Kind::Package => resource.with("version", "3.0.16-1+deb12u1"),
        Kind::Instance => resource.with("state", "stopped"),
        _file => resource.with("mode", "0666"),
    })
}

/// The tree of so many resources.
pub fn tree(of: u32, memory: &mut Memory) -> Result<Digest> {
    let mut builder = Builder::new::<Resource>(|digest, bytes| memory.put(digest, bytes));
    for number in 0..of {
        builder.push(&resource(number, of)?)?;
    }
    Ok(builder.finish())
}

fn new(source: Source, kind: Kind, id: String, name: String) -> Result<Resource> {
    Ok(Resource::new(ResourceKey::new(source, kind, id)?, name))
}

fn package(number: u32) -> Result<Resource> {
    let name = format!("lib{number:08}");
    Ok(new(Source::host(), Kind::Package, format!("{name}:amd64"), name)?
        .with("version", "3.0.15-1~deb12u1")
        .with("architecture", "amd64")
        .with("size", i64::from(number) * 1024)
        .with("state", "installed"))
}

fn file(number: u32) -> Result<Resource> {
    let name = format!("/etc/app-{:05}/part-{number:08}.conf", number / 100);
    let digest = Digest::of(tamer_drift::Domain::RESOURCE, &number.to_le_bytes()).to_string();
    Ok(new(Source::host(), Kind::File, name.clone(), name)?
        .with("digest", digest)
        .with("mode", "0644")
        .with("owner", "root")
        .with("group", "root")
        .with("size", i64::from(number % 5000)))
}

fn instance(number: u32) -> Result<Resource> {
    let source: Source = "docker".parse()?;
    let mut resource =
        new(source.clone(), Kind::Instance, format!("{number:064x}"), format!("shop-{number}"))?
            .with("image", "registry.example/shop/web:1.4.2")
            .with("state", "running")
            .with("memory", 256_i64 << 20)
            .with("networks", Value::Set(["front", "back"].map(Value::from).into()))
            .with("command", Value::List(["/shop", "--port", "8080"].map(Value::from).into()));
    resource.tags.insert("environment".to_owned(), "production".to_owned());
    resource.depends_on = BTreeSet::from([ResourceKey::new(source, Kind::Network, "front")?]);
    Ok(resource)
}
