//! From a spec to a container.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, MountType, NetworkingConfig, PortBinding,
    PortMap, RestartPolicyNameEnum,
};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptions};
use tamer_model::{
    InstanceSpec, MANAGED_LABEL, Mount, MountKind, NativeId, Port, PullPolicy, RestartPolicy,
};
use tamer_provider::{Fault, FaultKind, Options, Progress, ProgressSink, Result};

use crate::checkpoint::INSTANCE_LABEL;
use crate::client::{Ask, SLOW};
use crate::engine::Engine;
use crate::lifecycle::remove_only;
use crate::networks;
use crate::options::OPTIONS;
use crate::provider::ContainerProvider;
use crate::reference::Reference;

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
    let body = body(&image, spec, &options);
    let named = CreateContainerOptions {
        name: spec.name.as_ref().map(ToString::to_string),
        ..CreateContainerOptions::default()
    };
    let call = engine.client.typed("make the container", Some(SLOW), |docker| async move {
        docker.create_container(Some(named), body).await
    });
    let made = call.await.map_err(|fault| with_place(fault, spec))?;
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
    let how = RemoveContainerOptions { v: true, force: true, link: false };
    if let Err(fault) = remove_only(engine, &format!("take back {id}"), id, how).await {
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
        // By a type of our own: bollard's refuses the whole answer for one word that it does not
        // know, and one number of it is wanted.
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
fn body(image: &Reference, spec: &InstanceSpec, options: &Options<'_>) -> ContainerCreateBody {
    let text = |key| options.text(key).map(str::to_owned);
    ContainerCreateBody {
        image: Some(image.to_string()),
        env: Some(spec.env.iter().map(|(key, value)| format!("{key}={value}")).collect()),
        labels: Some(labels(spec)),
        tty: Some(options.flag("tty")),
        open_stdin: Some(options.flag("open_stdin")),
        cmd: some(&spec.command),
        entrypoint: some(options.list("entrypoint")),
        working_dir: spec.workdir.clone(),
        user: spec.user.clone(),
        hostname: text("hostname"),
        stop_signal: text("stop_signal"),
        stop_timeout: options.number("stop_seconds"),
        exposed_ports: Some(spec.ports.iter().map(port_key).collect()),
        host_config: Some(host_config(spec, options)),
        networking_config: spec.networks.first().map(|first| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(
                first.clone(),
                EndpointSettings {
                    aliases: Some(options.list("network_aliases").to_vec()),
                    ..EndpointSettings::default()
                },
            )])),
        }),
        ..ContainerCreateBody::default()
    }
}

fn host_config(spec: &InstanceSpec, options: &Options<'_>) -> HostConfig {
    let limits = spec.limits;
    let flag = |key| options.flag(key).then_some(true);
    let list = |key| some(options.list(key));
    HostConfig {
        nano_cpus: limits.cpu_millis.map(|millis| signed(millis.saturating_mul(1_000_000))),
        memory: limits.memory_bytes.map(signed),
        pids_limit: limits.pids.map(signed),
        storage_opt: limits
            .disk_bytes
            .map(|bytes| HashMap::from([("size".to_owned(), bytes.to_string())])),
        mounts: (!spec.mounts.is_empty()).then(|| spec.mounts.iter().map(mount).collect()),
        port_bindings: (!spec.ports.is_empty()).then(|| bindings(&spec.ports)),
        network_mode: spec.networks.first().cloned(),
        restart_policy: Some(bollard::models::RestartPolicy {
            name: Some(restart_word(spec.restart)),
            maximum_retry_count: None,
        }),
        privileged: flag("privileged"),
        init: flag("init"),
        readonly_rootfs: flag("read_only"),
        cap_add: list("cap_add"),
        cap_drop: list("cap_drop"),
        dns: list("dns"),
        extra_hosts: list("extra_hosts"),
        security_opt: list("security_opt"),
        shm_size: options.number("shm_bytes"),
        ..HostConfig::default()
    }
}

/// A number as bollard writes it. What is larger is more than there can be, and said as the most.
fn signed(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// What an engine takes an empty list for is not always what its absence means.
fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

fn labels(spec: &InstanceSpec) -> HashMap<String, String> {
    let mut labels: HashMap<_, _> = spec.labels.clone().into_iter().collect();
    labels.insert(MANAGED_LABEL.to_owned(), "true".to_owned());
    // By this its checkpoints are found, also after it was made anew from one.
    labels.insert(INSTANCE_LABEL.to_owned(), uuid::Uuid::new_v4().simple().to_string());
    labels
}

fn port_key(port: &Port) -> String {
    format!("{}/{}", port.instance, port.protocol)
}

fn bindings(ports: &[Port]) -> PortMap {
    let mut bindings = PortMap::new();
    for port in ports {
        let binding = PortBinding {
            host_ip: Some(port.address.map(|address| address.to_string()).unwrap_or_default()),
            host_port: Some(port.host.map(|host| host.to_string()).unwrap_or_default()),
        };
        bindings.entry(port_key(port)).or_default().get_or_insert_default().push(binding);
    }
    bindings
}

/// A mount in the form in which a missing source is refused; the older `Binds` make it.
fn mount(mount: &Mount) -> bollard::models::Mount {
    let (typ, source) = match mount.kind {
        MountKind::Bind => (MountType::BIND, Some(mount.source.clone())),
        MountKind::Volume => (MountType::VOLUME, Some(mount.source.clone())),
        MountKind::Tmpfs => (MountType::TMPFS, None),
    };
    bollard::models::Mount {
        typ: Some(typ),
        target: Some(mount.target.clone()),
        source,
        read_only: Some(mount.read_only),
        ..Default::default()
    }
}

const fn restart_word(policy: RestartPolicy) -> RestartPolicyNameEnum {
    match policy {
        RestartPolicy::No => RestartPolicyNameEnum::NO,
        RestartPolicy::OnFailure => RestartPolicyNameEnum::ON_FAILURE,
        RestartPolicy::UnlessStopped => RestartPolicyNameEnum::UNLESS_STOPPED,
        RestartPolicy::Always => RestartPolicyNameEnum::ALWAYS,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
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
        let body = serde_json::to_value(body).expect("it becomes JSON");
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
