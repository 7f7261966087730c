//! What differences of typical resources read like.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tamer_drift::diff::{Path, fields, three_way};
use tamer_drift::{Kind, Resource, ResourceKey, Source, Value};
use tamer_model::Timestamp;

fn key(source: &str, kind: Kind, id: &str) -> ResourceKey {
    ResourceKey::new(source.parse().expect("a source"), kind, id).expect("a key")
}

fn texts(values: &[&str]) -> Value {
    Value::List(values.iter().copied().map(Value::from).collect())
}

fn set(values: &[&str]) -> Value {
    Value::Set(values.iter().copied().map(Value::from).collect())
}

fn map(values: &[(&str, Value)]) -> Value {
    Value::Map(values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
}

fn told(before: &Resource, after: &Resource) -> String {
    let mut text = format!("{}\n", before.key);
    for change in fields(before, after) {
        let side = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
        let (before, after) = (side(&change.before), side(&change.after));
        writeln!(text, "  {}: {before} → {after}", change.path).expect("a text");
    }
    text
}

fn container() -> Resource {
    let mut resource = Resource::new(key("docker", Kind::Instance, "3f2a77"), "shop-web-1")
        .with("image", "registry.local/shop:1.4")
        .with("command", texts(&["/shop", "--port", "8080"]))
        .with("networks", set(&["front", "back"]))
        .with("restarts", true)
        .with("memory", 256 << 20)
        .with(
            "ports",
            map(&[
                ("80/tcp", map(&[("address", "0.0.0.0".into()), ("port", 8080.into())])),
                ("443/tcp", map(&[("address", "0.0.0.0".into()), ("port", 8443.into())])),
            ]),
        )
        .with(
            "environment",
            map(&[("MODE", "live".into()), ("DB_PASSWORD", Value::Hidden([0x5a; 16]))]),
        );
    resource.tags = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
    resource.created = Some(Timestamp::from_millis(1_790_000_000_000));
    resource.depends_on = BTreeSet::from([key("docker", Kind::Network, "front")]);
    resource.parent = Some(key("docker", Kind::Technology, "docker"));
    resource
}

#[test]
fn a_container_changes_in_many_places() {
    let before = container();
    let mut after = before
        .clone()
        .with("image", "registry.local/shop:1.5")
        .with("command", texts(&["/shop", "--port", "9090"]))
        .with("networks", set(&["back", "metrics"]))
        .with("restarts", "always")
        .with(
            "ports",
            map(&[
                ("80/tcp", map(&[("address", "127.0.0.1".into()), ("port", 8080.into())])),
                ("9100/tcp", map(&[("port", 9100.into())])),
            ]),
        )
        .with(
            "environment",
            map(&[("MODE", "live".into()), ("DB_PASSWORD", Value::Hidden([0xa5; 16]))]),
        );
    after.name = "shop-web-2".to_owned();
    after.tags = BTreeMap::from([
        ("env".to_owned(), "test".to_owned()),
        ("by".to_owned(), "ada".to_owned()),
    ]);
    after.depends_on = BTreeSet::from([key("docker", Kind::Network, "metrics")]);
    after.parent = None;
    insta::assert_snapshot!(told(&before, &after));
}

#[test]
fn what_came_and_went_in_one() {
    let bare = Resource::new(container().key, "shop-web-1");
    insta::assert_snapshot!(told(&bare, &container()));
}

#[test]
fn things_of_a_host() {
    let of = |kind, id: &str| Resource::new(key("host", kind, id), id);
    let mut text = String::new();
    let package = |version: &str| of(Kind::Package, "openssl:amd64").with("version", version);
    text += &told(&package("3.0.15-1"), &package("3.0.16-1"));
    let user = |groups: &[&str], shell: &str| {
        of(Kind::User, "ada").with("groups", set(groups)).with("shell", shell)
    };
    text += &told(&user(&["adm", "users"], "/bin/bash"), &user(&["users", "docker"], "/bin/zsh"));
    let sysctl = |value: i64| of(Kind::Sysctl, "net.ipv4.ip_forward").with("value", value);
    text += &told(&sysctl(0), &sysctl(1));
    let resolver = |servers: &[&str]| of(Kind::Resolver, "default").with("servers", texts(servers));
    text += &told(&resolver(&["10.0.0.1", "10.0.0.2"]), &resolver(&["10.0.0.2", "10.0.0.1"]));
    text += &told(&resolver(&["10.0.0.1"]), &resolver(&["10.0.0.1", "9.9.9.9"]));
    let file = |mode: &str, digest: u8| {
        of(Kind::File, "/etc/app/app.conf")
            .with("mode", mode)
            .with("digest", Value::Hidden([digest; 16]))
    };
    text += &told(&file("0640", 1), &file("0644", 2));
    let config = |value: Value| of(Kind::Config, "/etc/wsl.conf").with("settings", value);
    let boot = |systemd: bool| map(&[("boot", map(&[("systemd", systemd.into())]))]);
    text += &told(&config(boot(false)), &config(boot(true)));
    insta::assert_snapshot!(text);
}

#[test]
fn three_states_of_a_container() {
    let baseline = container();
    let live = baseline
        .clone()
        .with("image", "registry.local/shop:1.5")
        .with("memory", 512 << 20)
        .with("networks", set(&["front", "back", "metrics"]));
    let desired = BTreeMap::from([
        (Path::property("image"), Some(Value::from("registry.local/shop:1.5"))),
        (Path::property("memory"), Some(Value::from(256 << 20))),
        (Path::property("command"), Some(texts(&["/shop", "--port", "9090"]))),
        ("environment.MODE".parse().expect("a path"), Some(Value::from("live"))),
    ]);
    let mut text = String::new();
    for field in three_way(&baseline, &live, &desired) {
        writeln!(text, "{}: {}", field.path, field.stand).expect("a text");
    }
    insta::assert_snapshot!(text);
}

/// The digest of a content never changes: trees that were kept are still found.
#[test]
fn digests_are_for_ever() {
    let root = |resources: Vec<Resource>| {
        tamer_drift::tree::build(resources).expect("within bounds").root.to_string()
    };
    let source = Source::host();
    let many = (0..500).map(|number| {
        let id = format!("n{number}");
        let key = ResourceKey::new(source.clone(), Kind::File, id).expect("a key");
        Resource::new(key, "f").with("size", i64::from(number))
    });
    insta::assert_snapshot!(format!(
        "nothing: {}\na container: {}\nits tree: {}\nmany: {}",
        root(Vec::new()),
        tamer_drift::canonical::digest(&container()),
        root(vec![container()]),
        root(many.collect()),
    ));
}
