//! The names of keys, as they are written in the file with dots between their parts.

/// One key of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// As it is written in the file; a part `*` stands for any name.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// Every key and what it means. The order is that of `--print-config`.
pub const KEYS: &[Key] = &[
    key("data", "the agent's folder, which no other agent may use"),
    key("coordinators", "addresses to dial, as ADDRESS or ADDRESS:PORT; empty: only discovery"),
    key("discovery", "whether coordinators are looked for on the local network (mDNS)"),
    key("name", "the name to ask for when joining; empty: the machine's own"),
    key("token", "the join token; in a command line every user of the machine can read it"),
    key("token_file", "a file that holds the join token"),
    key("ask_to_join", "whether to ask to join without a token and wait for approval"),
    key("ca", "the fingerprint of the only fleet to ask to join; empty: any"),
    key("redial_longest", "the longest wait before a coordinator is dialled again: 50ms to 1h"),
    key("log_format", "text or json"),
    key("log_level", "error, warn, info, debug, trace, or directives"),
    key(
        "tasks.accept",
        "what this host takes: commands, scripts, files, instances, placements; empty: nothing",
    ),
    key(
        "output.spool_task",
        "of the whole output of a task, how much is kept on disk for readers, of each stream; 0: nothing",
    ),
    key("output.spool_total", "how much is kept on disk of the whole output of all tasks"),
    key(
        "providers.docker.enabled",
        "true, false, or auto: looked for, rarely while it is not there",
    ),
    key(
        "providers.docker.endpoint",
        "unix:///PATH, npipe:////./pipe/NAME or tcp://HOST:PORT; empty: the usual places",
    ),
    key("providers.docker.tls_ca", "file of the CA of a tcp:// endpoint (PEM)"),
    key("providers.docker.tls_cert", "file of the agent's certificate for it (PEM)"),
    key("providers.docker.tls_key", "file of that certificate's key (PEM)"),
    key(
        "providers.podman.enabled",
        "true, false, or auto: looked for, rarely while it is not there",
    ),
    key("providers.podman.endpoint", "unix:///PATH or tcp://HOST:PORT; empty: the usual places"),
    key("providers.podman.tls_ca", "file of the CA of a tcp:// endpoint (PEM)"),
    key("providers.podman.tls_cert", "file of the agent's certificate for it (PEM)"),
    key("providers.podman.tls_key", "file of that certificate's key (PEM)"),
    key(
        "providers.libvirt.enabled",
        "true, false, or auto: looked for, rarely while it is not there",
    ),
    key("providers.libvirt.socket", "libvirt's socket; empty: the usual places"),
    key("providers.libvirt.uri", "the libvirt connection"),
    key(
        "providers.libvirt.domain_type",
        "auto, kvm, or qemu: how machines run unless their spec says it",
    ),
    key(
        "providers.libvirt.templates",
        "the folder of machine templates; empty: the provider's own",
    ),
    key("inventory.enabled", "whether this host keeps a picture of what it holds, to find drift"),
    key(
        "inventory.files",
        "files whose digests are told: absolute paths, with one * in a part, or with /** at the end",
    ),
    key("inventory.certificates", "files that may hold certificates, by such paths"),
    key(
        "inventory.sysctls",
        "settings of the kernel on top of the shipped ones, such as net.core.*",
    ),
    key(
        "inventory.poll",
        "how often that is looked at of which no event tells: 1s to 1h; more rarely what takes long",
    ),
    key("inventory.full", "how often everything is looked at, whatever events told: 10s to 24h"),
    key(
        "devices.*",
        "how many devices of this kind copies of workloads may have here, such as gpu",
    ),
    key("registries.*.user", "the user at this image registry, HOST or HOST:PORT"),
    key("registries.*.password_file", "a file that holds the password at this image registry"),
];

/// The keys whose values are lists. In a variable their parts are divided by commas.
pub const LISTS: &[&str] = &[
    "coordinators",
    "tasks.accept",
    "inventory.files",
    "inventory.certificates",
    "inventory.sysctls",
];

const fn key(name: &'static str, doc: &'static str) -> Key {
    Key { name, doc }
}

impl Key {
    /// Whether `name` is this key.
    pub fn is(&self, name: &str) -> bool {
        match self.name.split_once('*') {
            None => self.name == name,
            Some((before, after)) => any_part(name, before, after).is_some(),
        }
    }

    /// Whether keys lie below `path`.
    pub fn is_below(&self, path: &str) -> bool {
        match self.name.split_once('*') {
            Some((before, _)) if path.starts_with(before) => true,
            _ => self.name.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')),
        }
    }

    /// The variable of the environment that sets it, without its prefix; a key with any part has
    /// none, because a variable's name cannot hold it.
    pub fn variable(&self) -> Option<String> {
        (!self.name.contains('*')).then(|| self.name.replace('.', "_"))
    }
}

/// The part of `name` that the `*` of a key stands for.
pub fn any_part<'a>(name: &'a str, before: &str, after: &str) -> Option<&'a str> {
    name.strip_prefix(before)?.strip_suffix(after).filter(|part| !part.is_empty())
}
