//! `tamer-agent service install|uninstall|status`: what to do, in words of no platform.

use std::path::PathBuf;

use crate::config::{LISTS, Merged};

/// What to do with the service of this machine.
#[derive(Debug)]
pub enum Service {
    /// Install and start it, now and at every boot. With what was already installed, an upgrade.
    Install {
        /// What its configuration shall say; keys that nobody set are left out.
        settings: Merged,
        /// The join token as text, if one was given.
        token: Option<String>,
    },
    /// Stop and remove it.
    Uninstall {
        /// Remove its data folder and configuration too. The host must join again after that.
        purge: bool,
    },
    /// Say how it is doing.
    Status,
}

/// The configuration file of a service, out of what was set on the command line.
pub fn configuration(settings: &Merged, token_file: Option<PathBuf>) -> String {
    let mut table = toml::Table::new();
    for (key, (values, source)) in settings {
        if *source == crate::config::Source::Default
            || matches!(key.as_str(), "token" | "token_file")
        {
            continue;
        }
        let value = match (key.as_str(), values.as_slice()) {
            ("discovery" | "ask_to_join", [flag]) => toml::Value::Boolean(flag == "true"),
            (key, list) if LISTS.contains(&key) => {
                toml::Value::Array(list.iter().cloned().map(toml::Value::String).collect())
            }
            (_, values) => toml::Value::String(values.join(",")),
        };
        insert(&mut table, &parts(key), value);
    }
    if let Some(path) = token_file {
        table.insert("token_file".to_owned(), path.display().to_string().into());
    }
    table.to_string()
}

/// The parts of a key, as TOML reads them.
fn parts(key: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut table = format!("{key} = 0").parse::<toml::Table>().unwrap_or_default();
    while let Some((part, value)) = table.into_iter().next() {
        parts.push(part);
        table = match value {
            toml::Value::Table(below) => below,
            _ => break,
        };
    }
    parts
}

/// Puts a value into the table of its key's last part.
fn insert(table: &mut toml::Table, parts: &[String], value: toml::Value) {
    match parts {
        [] => {}
        [last] => drop(table.insert(last.clone(), value)),
        [first, rest @ ..] => {
            let below = table.entry(first.clone()).or_insert_with(|| toml::Table::new().into());
            if let Some(below) = below.as_table_mut() {
                insert(below, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Layer, Source, environment, file, merge, setting};

    #[test]
    fn what_is_written_reads_back() {
        let set = [
            ("TAMER_AGENT_DATA", "/a b"),
            ("TAMER_AGENT_COORDINATORS", "x:1,y:2"),
            ("TAMER_AGENT_ASK_TO_JOIN", "true"),
            ("TAMER_TOKEN", "secret"),
            ("TAMER_AGENT_PROVIDERS_DOCKER_ENDPOINT", "unix:///d.sock"),
        ];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let login = setting("registries.\"r:5000\".user=me").expect("known");
        let password = setting("registries.\"r:5000\".password_file=/dev/null").expect("known");
        let values = login.into_iter().chain(password).collect();
        let flags = Layer { source: Source::Flag, values };
        let text = configuration(&merge([environment(set).expect("known"), flags]), None);
        assert!(!text.contains("secret") && !text.contains("log_level"), "{text}");
        let written = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(written.path(), text).expect("written");
        let config = Config::read(&merge([file(written.path()).expect("a file")])).expect("reads");
        assert_eq!(config.coordinators, ["x:1", "y:2"]);
        assert!(config.ask_to_join && config.data.ends_with("a b"));
        assert_eq!(config.providers.docker.endpoint.as_deref(), Some("unix:///d.sock"));
        assert_eq!(config.providers.registries[0].host, "r:5000");
    }
}
