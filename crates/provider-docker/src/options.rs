//! Options of a spec that only containers have.

use tamer_provider::{OptionKind, OptionSpec};

const fn option(key: &'static str, kind: OptionKind, about: &'static str) -> OptionSpec {
    OptionSpec { key, kind, about }
}

/// What [`tamer_provider::Provider::options`] tells.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    option("cap_add", OptionKind::List, "Kernel capabilities on top of the engine's usual ones."),
    option("cap_drop", OptionKind::List, "Kernel capabilities to take away; ALL for every one."),
    option("dns", OptionKind::List, "Addresses of name servers, in place of the host's."),
    option(
        "entrypoint",
        OptionKind::List,
        "The program that gets the command as its arguments, in place of what the image says.",
    ),
    option("extra_hosts", OptionKind::List, "Entries for /etc/hosts, each NAME:ADDRESS."),
    option("hostname", OptionKind::Text, "Its host name; its short id when absent."),
    option(
        "init",
        OptionKind::Flag,
        "Run a small init as its first process, which takes in orphans; off when absent.",
    ),
    option(
        "network_aliases",
        OptionKind::List,
        "More names by which others on its networks find it; networks made by users only.",
    ),
    option("open_stdin", OptionKind::Flag, "Keep its standard input open; off when absent."),
    option(
        "privileged",
        OptionKind::Flag,
        "All capabilities and devices of the host; off when absent.",
    ),
    option("read_only", OptionKind::Flag, "Its own file system can only be read; off when absent."),
    option(
        "security_opt",
        OptionKind::List,
        "Security options as the engine writes them: seccomp=unconfined.",
    ),
    option(
        "shm_bytes",
        OptionKind::Number(1 << 12, 1 << 40),
        "The size of /dev/shm, in bytes; 64 MiB when absent.",
    ),
    option("stop_signal", OptionKind::Text, "The signal of a polite stop; SIGTERM when absent."),
    option(
        "stop_seconds",
        OptionKind::Number(0, 3600),
        "The grace of a stop that says none, in seconds; 10 when absent.",
    ),
    option("tty", OptionKind::Flag, "Give its first process a terminal; off when absent."),
];
