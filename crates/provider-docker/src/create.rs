//! From a spec to a container.

use serde_json::{Map, Value, json};
use tamer_model::{
    InstanceSpec, MANAGED_LABEL, Mount, MountKind, NativeId, Port, PullPolicy, RestartPolicy,
};
use tamer_provider::{Fault, FaultKind, Options, Progress, ProgressSink, Result};

use crate::checkpoint::INSTANCE_LABEL;
use crate::client::{Ask, SLOW};
use crate::engine::Engine;
use crate::networks;
use crate::options::OPTIONS;
use crate::provider::ContainerProvider;
use crate::reference::Reference;
use crate::wire::Made;

/// Makes a container, and what of it was made is removed when it fails.
pub(crate) async fn create(
    provider: &ContainerProvider,
    engine: &Engine,
    spec: &InstanceSpec,
    progress: &ProgressSink,
) -> Result<NativeId> {
    let image = image(spec)?;
    let options = Options::check(&spec.options, OPTIONS)?;
    check_host(engine, spec).await?;
    networks::check(engine, &spec.networks).await?;
    have_image(provider, engine, &image, spec.pull, progress).await?;
    let mut ask = Ask::post(&["containers", "create"]).json(&body(&image, spec, &options));
    if let Some(name) = &spec.name {
        ask = ask.query("name", name);
    }
    let made: Made = engine
        .client
        .json("make the container", ask)
        .await
        .map_err(|fault| with_place(fault, spec))?;
    let id: NativeId = made.id.parse()?;
    // The first network was given at creation.
    for (at, network) in spec.networks.iter().enumerate().skip(1) {
        let aliases = options.list("network_aliases");
        if let Err(fault) = networks::connect(engine, network, &id, aliases).await {
            take_back(engine, &id).await;
            return Err(fault.on(format!("networks[{at}]")));
        }
    }
    Ok(id)
}

/// Removes what was made on the way to something that failed. A fault of that is logged: the caller
/// is told the first one.
pub(crate) async fn take_back(engine: &Engine, id: &NativeId) {
    let ask = Ask::delete(&["containers", id.as_str()])
        .query("v", "true")
        .query("force", "true")
        .limit(Some(SLOW));
    if let Err(fault) = engine.client.done(&format!("take back {id}"), ask).await {
        tracing::warn!(container = %id, %fault, "a container that was half made is left");
    }
}

/// What the container is made of, and a refusal of what no container is made of.
fn image(spec: &InstanceSpec) -> Result<Reference> {
    for (field, given) in [("disk", &spec.disk), ("template", &spec.template)] {
        if given.is_some() {
            let message = "a container is made of an image, not of a disk or template";
            return Err(Fault::new(FaultKind::Unsupported, message)
                .on(field)
                .remedy("give `image` in its place"));
        }
    }
    let text = spec.image.as_deref().ok_or_else(|| Fault::spec("image", "no image is given"))?;
    Reference::parse(text)
}

/// Refuses what this engine would take and go wrong with.
async fn check_host(engine: &Engine, spec: &InstanceSpec) -> Result<()> {
    if engine.kind.makes_bind_sources() && engine.client.endpoint.is_local() {
        for (at, mount) in spec.mounts.iter().enumerate() {
            let field = format!("mounts[{at}].source");
            if mount.kind == MountKind::Bind
                && !tokio::fs::try_exists(&mount.source).await.unwrap_or(true)
            {
                let message = format!("{} does not exist on the host", mount.source);
                return Err(Fault::spec(field, message).remedy("make it, or correct the path"));
            }
        }
    }
    if let (Some(wanted), true) = (spec.limits.cpu_millis, engine.kind.takes_any_cpus()) {
        #[derive(serde::Deserialize)]
        struct Info {
            #[serde(rename = "NCPU")]
            processors: u64,
        }
        let info: Info = engine.client.json("tell about its host", Ask::get(&["info"])).await?;
        if wanted > info.processors.saturating_mul(1000) {
            let message =
                format!("{wanted} thousandths of a processor; the host has {}", info.processors);
            return Err(Fault::spec("limits.cpu_millis", message));
        }
    }
    Ok(())
}

/// Sees to it that the image is there, as the spec's policy says.
async fn have_image(
    provider: &ContainerProvider,
    engine: &Engine,
    image: &Reference,
    policy: PullPolicy,
    progress: &ProgressSink,
) -> Result<()> {
    let fetch = async || {
        let pulled = crate::image::pull(provider, engine, image, progress).await;
        pulled.map_err(|fault| if fault.field.is_some() { fault } else { fault.on("image") })
    };
    if policy == PullPolicy::Always {
        return fetch().await;
    }
    match crate::image::is_there(engine, image).await {
        Ok(()) => Ok(()),
        Err(fault) if fault.kind == FaultKind::NotFound && policy == PullPolicy::Missing => {
            progress.tell(Progress {
                what: format!("{image} is not there"),
                done_bytes: None,
                total_bytes: None,
            });
            fetch().await
        }
        Err(fault) => Err(fault.on("image")),
    }
}

/// Puts the number of the list's entry into the field that a refusal names.
fn with_place(fault: Fault, spec: &InstanceSpec) -> Fault {
    let said = fault.technology.clone().unwrap_or_default();
    let place = match fault.field.as_deref() {
        Some("mounts") => {
            // The longest, for one path may begin with another.
            let sources =
                spec.mounts.iter().enumerate().filter(|(_, mount)| {
                    mount.kind == MountKind::Bind && said.contains(&mount.source)
                });
            let meant = sources.max_by_key(|(_, mount)| mount.source.len());
            meant.map(|(at, _)| format!("mounts[{at}].source"))
        }
        Some("networks") => {
            let meant = spec.networks.iter().position(|name| said.contains(name));
            meant.map(|at| format!("networks[{at}]"))
        }
        _ => None,
    };
    match place {
        Some(place) => fault.on(place),
        None => fault,
    }
}

/// The body of `POST /containers/create`.
fn body(image: &Reference, spec: &InstanceSpec, options: &Options<'_>) -> Value {
    let mut body = Map::new();
    let mut set = |key: &str, value: Value| body.insert(key.to_owned(), value);
    set("Image", json!(image.to_string()));
    set("Env", pairs(spec.env.iter()));
    set("Labels", labels(spec));
    set("Tty", json!(options.flag("tty")));
    set("OpenStdin", json!(options.flag("open_stdin")));
    if !spec.command.is_empty() {
        set("Cmd", json!(spec.command));
    }
    for (key, value) in [
        ("WorkingDir", spec.workdir.as_deref()),
        ("User", spec.user.as_deref()),
        ("Hostname", options.text("hostname")),
        ("StopSignal", options.text("stop_signal")),
    ] {
        if let Some(value) = value {
            set(key, json!(value));
        }
    }
    if let Some(seconds) = options.number("stop_seconds") {
        set("StopTimeout", json!(seconds));
    }
    if !options.list("entrypoint").is_empty() {
        set("Entrypoint", json!(options.list("entrypoint")));
    }
    let exposed: Map<_, _> = spec.ports.iter().map(|port| (port_key(port), json!({}))).collect();
    set("ExposedPorts", Value::Object(exposed));
    set("HostConfig", Value::Object(host_config(spec, options)));
    if let Some(first) = spec.networks.first() {
        let endpoint = json!({ "Aliases": options.list("network_aliases") });
        set("NetworkingConfig", json!({ "EndpointsConfig": { first: endpoint } }));
    }
    Value::Object(body)
}

fn host_config(spec: &InstanceSpec, options: &Options<'_>) -> Map<String, Value> {
    let mut config = Map::new();
    let mut set = |key: &str, value: Value| config.insert(key.to_owned(), value);
    let limits = spec.limits;
    if let Some(millis) = limits.cpu_millis {
        set("NanoCpus", json!(millis.saturating_mul(1_000_000)));
    }
    if let Some(bytes) = limits.memory_bytes {
        set("Memory", json!(bytes));
    }
    if let Some(pids) = limits.pids {
        set("PidsLimit", json!(pids));
    }
    if let Some(bytes) = limits.disk_bytes {
        set("StorageOpt", json!({ "size": bytes.to_string() }));
    }
    if !spec.mounts.is_empty() {
        set("Mounts", spec.mounts.iter().map(mount).collect());
    }
    if !spec.ports.is_empty() {
        set("PortBindings", Value::Object(bindings(&spec.ports)));
    }
    if let Some(first) = spec.networks.first() {
        set("NetworkMode", json!(first));
    }
    set("RestartPolicy", json!({ "Name": restart_word(spec.restart) }));
    for (key, option) in
        [("Privileged", "privileged"), ("Init", "init"), ("ReadonlyRootfs", "read_only")]
    {
        if options.flag(option) {
            set(key, json!(true));
        }
    }
    for (key, option) in [
        ("CapAdd", "cap_add"),
        ("CapDrop", "cap_drop"),
        ("Dns", "dns"),
        ("ExtraHosts", "extra_hosts"),
        ("SecurityOpt", "security_opt"),
    ] {
        if !options.list(option).is_empty() {
            set(key, json!(options.list(option)));
        }
    }
    if let Some(bytes) = options.number("shm_bytes") {
        set("ShmSize", json!(bytes));
    }
    config
}

fn labels(spec: &InstanceSpec) -> Value {
    let mut labels = spec.labels.clone();
    labels.insert(MANAGED_LABEL.to_owned(), "true".to_owned());
    // By this its checkpoints are found, also after it was made anew from one.
    labels.insert(INSTANCE_LABEL.to_owned(), uuid::Uuid::new_v4().simple().to_string());
    json!(labels)
}

fn pairs<'a>(map: impl Iterator<Item = (&'a String, &'a String)>) -> Value {
    map.map(|(key, value)| Value::String(format!("{key}={value}"))).collect()
}

fn port_key(port: &Port) -> String {
    format!("{}/{}", port.instance, port.protocol)
}

fn bindings(ports: &[Port]) -> Map<String, Value> {
    let mut bindings = Map::new();
    for port in ports {
        let binding = json!({
            "HostIp": port.address.map(|address| address.to_string()).unwrap_or_default(),
            "HostPort": port.host.map(|host| host.to_string()).unwrap_or_default(),
        });
        let list = bindings.entry(port_key(port)).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(binding);
        }
    }
    bindings
}

/// A mount in the form in which a missing source is refused; the older `Binds` make it.
fn mount(mount: &Mount) -> Value {
    let mut value = json!({
        "Type": mount.kind.as_str(),
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    });
    if mount.kind != MountKind::Tmpfs {
        value["Source"] = json!(mount.source);
    }
    value
}

const fn restart_word(policy: RestartPolicy) -> &'static str {
    match policy {
        RestartPolicy::No => "no",
        RestartPolicy::OnFailure => "on-failure",
        RestartPolicy::UnlessStopped => "unless-stopped",
        RestartPolicy::Always => "always",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tamer_model::{Limits, OptionValue, Protocol};

    use super::*;

    #[test]
    fn every_field_has_its_place() {
        let port = |host| Port { instance: 80, host, address: None, protocol: Protocol::Tcp };
        let spec = InstanceSpec {
            image: Some("busybox".into()),
            command: vec!["a".into(), "b".into()],
            env: BTreeMap::from([("K".into(), "V=1".into())]),
            workdir: Some("/w".into()),
            user: Some("1:2".into()),
            labels: BTreeMap::from([(MANAGED_LABEL.into(), "false".into())]),
            limits: Limits {
                cpu_millis: Some(1500),
                memory_bytes: Some(1 << 24),
                pids: Some(9),
                disk_bytes: Some(1 << 30),
            },
            mounts: vec![Mount {
                kind: MountKind::Bind,
                source: "/s".into(),
                target: "/t".into(),
                read_only: true,
            }],
            ports: vec![port(Some(8080)), port(None)],
            networks: vec!["n".into()],
            restart: RestartPolicy::OnFailure,
            options: BTreeMap::from([
                ("tty".into(), OptionValue::Flag(true)),
                ("cap_add".into(), OptionValue::List(vec!["NET_ADMIN".into()])),
                ("shm_bytes".into(), OptionValue::Number(4096)),
                ("network_aliases".into(), OptionValue::List(vec!["also".into()])),
            ]),
            ..InstanceSpec::default()
        };
        let options = Options::check(&spec.options, OPTIONS).expect("it is well made");
        let body = body(&image(&spec).expect("it is well made"), &spec, &options);
        assert_eq!(body["Image"], "busybox:latest");
        assert_eq!(body["Cmd"], json!(["a", "b"]));
        assert_eq!(body["Env"], json!(["K=V=1"]));
        assert_eq!(body["Labels"][MANAGED_LABEL], "true");
        assert_eq!(body["Tty"], true);
        let host = &body["HostConfig"];
        assert_eq!(host["NanoCpus"], 1_500_000_000_u64);
        assert_eq!(host["Memory"], 1 << 24);
        assert_eq!(host["StorageOpt"]["size"], (1_u64 << 30).to_string());
        assert_eq!(host["RestartPolicy"]["Name"], "on-failure");
        let mount = json!([{"Type": "bind", "Source": "/s", "Target": "/t", "ReadOnly": true}]);
        assert_eq!(host["Mounts"], mount);
        let bound = json!([{"HostIp": "", "HostPort": "8080"}, {"HostIp": "", "HostPort": ""}]);
        assert_eq!(host["PortBindings"]["80/tcp"], bound);
        assert_eq!(host["CapAdd"], json!(["NET_ADMIN"]));
        assert_eq!(body["NetworkingConfig"]["EndpointsConfig"]["n"]["Aliases"], json!(["also"]));
    }

    #[test]
    fn what_no_container_is_made_of_is_refused_by_name() {
        let disk = InstanceSpec { disk: Some("/d".into()), ..InstanceSpec::default() };
        let fault = image(&disk).expect_err("it is refused");
        assert_eq!((fault.kind, fault.field.as_deref()), (FaultKind::Unsupported, Some("disk")));
        let bad = InstanceSpec { image: Some("A::b".into()), ..InstanceSpec::default() };
        let fault = image(&bad).expect_err("it is refused");
        assert_eq!((fault.kind, fault.field.as_deref()), (FaultKind::InvalidSpec, Some("image")));
    }
}
