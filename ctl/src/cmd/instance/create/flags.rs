//! A spec in flags.

use std::collections::BTreeMap;

use tamer_model::{
    InstanceSpec, Limits, Mount, OptionValue, Port, Problem, PullPolicy, RestartPolicy,
};

use super::super::super::pairs;
use super::words;

/// What the instance shall be.
#[derive(Debug, Default, clap::Args)]
#[group(id = "spec")]
pub struct Flags {
    /// Its name [default: the technology chooses one]
    #[arg(long)]
    name: Option<String>,
    /// The container image it is made of
    #[arg(long)]
    image: Option<String>,
    /// The disk image it is made of: an absolute path on the host, or POOL/VOLUME
    #[arg(long)]
    disk: Option<String>,
    /// The template it is made of
    #[arg(long)]
    template: Option<String>,
    /// Set a variable
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = pairs::pair)]
    env: Vec<(String, String)>,
    /// Publish a port of it on its host
    #[arg(short, long, value_name = "[[ADDR:]HOST:]INSTANCE[/udp]", value_parser = words::port)]
    port: Vec<Port>,
    /// Mount something: type=bind|volume|tmpfs, source=, target=, ro
    #[arg(long, value_name = "type=…,target=…", value_parser = words::mount)]
    mount: Vec<Mount>,
    /// Put it on this network
    #[arg(long, value_name = "NAME")]
    network: Vec<String>,
    /// Give it a label
    #[arg(long, value_name = "KEY=VALUE", value_parser = pairs::pair)]
    label: Vec<(String, String)>,
    /// The folder its command runs in
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// The user its command runs as
    #[arg(short, long)]
    user: Option<String>,
    /// The most processors it may use, as 1.5
    #[arg(long, value_name = "NUMBER", value_parser = words::cpus)]
    cpus: Option<u64>,
    /// The most memory it may use, as 512M
    #[arg(long, value_name = "SIZE", value_parser = words::size)]
    memory: Option<u64>,
    /// The most processes and threads
    #[arg(long, value_name = "NUMBER")]
    pids: Option<u64>,
    /// The size of its disk, as 10G
    #[arg(long, value_name = "SIZE", value_parser = words::size)]
    disk_size: Option<u64>,
    /// What happens when it ends: no, on-failure, unless-stopped, always
    #[arg(long, value_name = "WHEN", value_parser = words::word::<RestartPolicy>)]
    restart: Option<RestartPolicy>,
    /// When its image is fetched: missing, always, never
    #[arg(long, value_name = "WHEN", value_parser = words::word::<PullPolicy>)]
    pull: Option<PullPolicy>,
    /// An option that only this provider has. `true` and `false` are flags, whole numbers are
    /// numbers, all else is text; KEY+=VALUE adds to a list. Text that looks like a number needs
    /// a file
    #[arg(long, value_name = "KEY=VALUE|KEY+=VALUE", value_parser = pairs::pair)]
    option: Vec<(String, String)>,
    /// What it runs in place of what its image says, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Flags {
    /// The spec.
    pub fn spec(self) -> Result<InstanceSpec, Problem> {
        let Self {
            name,
            image,
            disk,
            template,
            env,
            port,
            mount,
            network,
            label,
            workdir,
            user,
            cpus,
            memory,
            pids,
            disk_size,
            restart,
            pull,
            option,
            command,
        } = self;
        Ok(InstanceSpec {
            name: name.map(TryInto::try_into).transpose()?,
            image,
            disk,
            template,
            command,
            env: env.into_iter().collect(),
            workdir,
            user,
            labels: label.into_iter().collect(),
            limits: Limits { cpu_millis: cpus, memory_bytes: memory, pids, disk_bytes: disk_size },
            mounts: mount,
            ports: port,
            networks: network,
            restart: restart.unwrap_or_default(),
            pull: pull.unwrap_or_default(),
            options: options(option)?,
        })
    }
}

fn options(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, OptionValue>, Problem> {
    let mut options = BTreeMap::new();
    for (key, value) in pairs {
        let (key, fresh) = match key.strip_suffix('+') {
            Some(list) => match options.get_mut(list) {
                Some(OptionValue::List(texts)) => {
                    texts.push(value);
                    continue;
                }
                Some(_) | None => (list.to_owned(), OptionValue::List(vec![value])),
            },
            None => (key, words::option(value)),
        };
        if key.is_empty() || options.contains_key(&key) {
            let message = format!("{key:?} is empty, or given twice");
            return Err(Problem::field("option", message)
                .remedy("give each option once; KEY+=VALUE, again and again, makes a list"));
        }
        options.insert(key, fresh);
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use tamer_model::MountKind;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn read(line: &[&str]) -> Result<InstanceSpec, Problem> {
        let line = Line::try_parse_from(std::iter::once("x").chain(line.iter().copied()));
        line.expect("arguments").flags.spec()
    }

    #[test]
    fn flags_become_a_spec() {
        let spec = read(&[
            "--image=busybox",
            "--name=shop",
            "-eA=1",
            "-e",
            "B==2",
            "--port",
            "127.0.0.1:8080:80",
            "--mount=type=bind,source=/srv,target=/data,ro",
            "--network=front",
            "--cpus=1.5",
            "--memory=512M",
            "--pids=99",
            "--disk-size=2G",
            "--restart=on-failure",
            "--pull=never",
            "--label=tier=front",
            "--option=tty=true",
            "--option=shm=64",
            "--option=dns+=1.1.1.1",
            "--option=dns+=8.8.8.8",
            "--",
            "httpd",
            "-f",
        ])
        .and_then(InstanceSpec::validate)
        .expect("a spec");
        insta::assert_snapshot!(serde_saphyr::to_string(&spec).expect("yaml"), @r#"
        name: shop
        image: busybox
        command:
        - httpd
        - -f
        env:
          A: "1"
          B: =2
        labels:
          tier: front
        limits:
          cpu_millis: 1500
          memory_bytes: 536870912
          pids: 99
          disk_bytes: 2147483648
        mounts:
        - kind: bind
          source: /srv
          target: /data
          read_only: true
        ports:
        - instance: 80
          host: 8080
          address: "127.0.0.1"
          protocol: tcp
        networks:
        - front
        restart: on_failure
        pull: never
        options:
          dns:
          - "1.1.1.1"
          - "8.8.8.8"
          shm: 64
          tty: true
        "#);
        assert_eq!(spec.mounts[0].kind, MountKind::Bind);
    }

    #[test]
    fn an_option_means_one_thing() {
        let field = |line: &[&str]| read(line).expect_err("refused").field;
        assert_eq!(field(&["--option=a=1", "--option=a=2"]).as_deref(), Some("option"));
        assert_eq!(field(&["--option=a=1", "--option=a+=2"]).as_deref(), Some("option"));
        assert_eq!(field(&["--option=+=2"]).as_deref(), Some("option"));
        assert_eq!(field(&["--name=a/b"]).as_deref(), Some("name"));
    }
}
