//! Specs on the wire.

use tamer_model::{
    InstanceSpec, Limits, Mount, OptionValue, Port, Problem, PullPolicy, RestartPolicy,
};

use crate::required::{Required, optional, parse};
use crate::wire;

impl From<InstanceSpec> for wire::InstanceSpec {
    fn from(spec: InstanceSpec) -> Self {
        let InstanceSpec {
            name,
            image,
            disk,
            template,
            command,
            env,
            workdir,
            user,
            labels,
            limits,
            mounts,
            ports,
            networks,
            restart,
            pull,
            options,
        } = spec;
        Self {
            name: name.map(Into::into).unwrap_or_default(),
            image: image.unwrap_or_default(),
            disk: disk.unwrap_or_default(),
            template: template.unwrap_or_default(),
            command,
            env: env.into_iter().collect(),
            workdir: workdir.unwrap_or_default(),
            user: user.unwrap_or_default(),
            labels: labels.into_iter().collect(),
            limits: Some(limits.into()),
            mounts: mounts.into_iter().map(Into::into).collect(),
            ports: ports.into_iter().map(Into::into).collect(),
            networks,
            restart: restart.as_str().to_owned(),
            pull: pull.as_str().to_owned(),
            options: options.into_iter().map(|(key, value)| (key, value.into())).collect(),
        }
    }
}

impl TryFrom<wire::InstanceSpec> for InstanceSpec {
    type Error = Problem;

    fn try_from(spec: wire::InstanceSpec) -> Result<Self, Problem> {
        let wire::InstanceSpec {
            name,
            image,
            disk,
            template,
            command,
            env,
            workdir,
            user,
            labels,
            limits,
            mounts,
            ports,
            networks,
            restart,
            pull,
            options,
        } = spec;
        let options = options.into_iter().map(|(key, value)| {
            let value = value.value.required("options")?.into();
            Ok((key, value))
        });
        Self {
            name: optional(name).map(TryInto::try_into).transpose()?,
            image: optional(image),
            disk: optional(disk),
            template: optional(template),
            command,
            env: env.into_iter().collect(),
            workdir: optional(workdir),
            user: optional(user),
            labels: labels.into_iter().collect(),
            limits: limits.map(Into::into).unwrap_or_default(),
            mounts: mounts.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            ports: ports.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            networks,
            restart: match restart.as_str() {
                "" => RestartPolicy::default(),
                word => parse(word, "restart")?,
            },
            pull: match pull.as_str() {
                "" => PullPolicy::default(),
                word => parse(word, "pull")?,
            },
            options: options.collect::<Result<_, Problem>>()?,
        }
        .validate()
    }
}

impl From<Limits> for wire::Limits {
    fn from(limits: Limits) -> Self {
        let Limits { cpu_millis, memory_bytes, pids, disk_bytes } = limits;
        Self { cpu_millis, memory_bytes, pids, disk_bytes }
    }
}

impl From<wire::Limits> for Limits {
    fn from(limits: wire::Limits) -> Self {
        let wire::Limits { cpu_millis, memory_bytes, pids, disk_bytes } = limits;
        Self { cpu_millis, memory_bytes, pids, disk_bytes }
    }
}

impl From<Mount> for wire::Mount {
    fn from(mount: Mount) -> Self {
        let Mount { kind, source, target, read_only } = mount;
        Self { kind: kind.as_str().to_owned(), source, target, read_only }
    }
}

impl TryFrom<wire::Mount> for Mount {
    type Error = Problem;

    fn try_from(mount: wire::Mount) -> Result<Self, Problem> {
        let wire::Mount { kind, source, target, read_only } = mount;
        Ok(Self { kind: parse(&kind, "mounts.kind")?, source, target, read_only })
    }
}

impl From<Port> for wire::Port {
    fn from(port: Port) -> Self {
        let Port { instance, host, address, protocol } = port;
        Self {
            instance: instance.into(),
            host: host.unwrap_or_default().into(),
            address: address.map(|address| address.to_string()).unwrap_or_default(),
            protocol: protocol.as_str().to_owned(),
        }
    }
}

impl TryFrom<wire::Port> for Port {
    type Error = Problem;

    fn try_from(port: wire::Port) -> Result<Self, Problem> {
        let wire::Port { instance, host, address, protocol } = port;
        let number = |value: u32, field: &str| {
            u16::try_from(value).map_err(|_| Problem::field(field, "not between 1 and 65535"))
        };
        Ok(Self {
            instance: number(instance, "ports.instance")?,
            host: (host != 0).then(|| number(host, "ports.host")).transpose()?,
            address: optional(address).map(|text| parse(&text, "ports.address")).transpose()?,
            protocol: parse(&protocol, "ports.protocol")?,
        })
    }
}

impl From<OptionValue> for wire::OptionValue {
    fn from(value: OptionValue) -> Self {
        use wire::option_value::Value;
        let value = match value {
            OptionValue::Flag(flag) => Value::Flag(flag),
            OptionValue::Number(number) => Value::Number(number),
            OptionValue::Text(text) => Value::Text(text),
            OptionValue::List(texts) => Value::List(wire::Texts { texts }),
        };
        Self { value: Some(value) }
    }
}

impl From<wire::option_value::Value> for OptionValue {
    fn from(value: wire::option_value::Value) -> Self {
        use wire::option_value::Value;
        match value {
            Value::Flag(flag) => Self::Flag(flag),
            Value::Number(number) => Self::Number(number),
            Value::Text(text) => Self::Text(text),
            Value::List(wire::Texts { texts }) => Self::List(texts),
        }
    }
}

#[cfg(test)]
mod tests {
    use tamer_model::{MountKind, Protocol};

    use super::*;

    #[test]
    fn a_spec_survives_the_wire() {
        let text = || Some("t".to_owned());
        let spec = InstanceSpec {
            name: Some("ünï".parse().expect("a name")),
            image: Some("busybox".to_owned()),
            disk: None,
            template: None,
            command: vec!["a".to_owned(), String::new()],
            env: [("k".to_owned(), "v".to_owned())].into(),
            workdir: text(),
            user: text(),
            labels: [("l".to_owned(), String::new())].into(),
            limits: Limits {
                cpu_millis: Some(500),
                memory_bytes: Some(1 << 20),
                pids: None,
                disk_bytes: None,
            },
            mounts: vec![Mount {
                kind: MountKind::Tmpfs,
                source: String::new(),
                target: "/t".to_owned(),
                read_only: true,
            }],
            ports: vec![Port {
                instance: 80,
                host: Some(8080),
                address: Some([127, 0, 0, 1].into()),
                protocol: Protocol::Udp,
            }],
            networks: vec!["n".to_owned()],
            restart: RestartPolicy::OnFailure,
            pull: PullPolicy::Never,
            options: [
                ("flag".to_owned(), OptionValue::Flag(true)),
                ("number".to_owned(), OptionValue::Number(-3)),
                ("text".to_owned(), OptionValue::Text(String::new())),
                ("list".to_owned(), OptionValue::List(vec!["a".to_owned()])),
            ]
            .into(),
        };
        assert_eq!(InstanceSpec::try_from(wire::InstanceSpec::from(spec.clone())), Ok(spec));
    }
}
