//! The service as a unit of systemd.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tamer_model::{Code, Problem};

use super::create_private_folder;
use crate::config::{Config, file, merge};
use crate::folder;
use crate::problem::chain;
use crate::service::{Service, configuration};

/// The unit, with `@EXE@` and `@CONFIG@` to be replaced.
const UNIT: &str = include_str!("../../../../deploy/systemd/tamer-agent.service");
const NAME: &str = "tamer-agent.service";
const UNIT_PATH: &str = "/etc/systemd/system/tamer-agent.service";
const CONFIG_FOLDER: &str = "/etc/tamer";
const CONFIG_PATH: &str = "/etc/tamer/agent.toml";

/// Does it, and returns what there is to say about it.
pub fn service(what: Service) -> Result<String, Problem> {
    if !Path::new("/run/systemd/system").exists() {
        return Err(Problem::new(Code::WrongState, "systemd does not run this machine")
            .remedy("let what does run it start `tamer-agent run`"));
    }
    match what {
        Service::Status => status(),
        _ if !nix::unistd::Uid::effective().is_root() => Err(Problem::new(
            Code::RoleNotAllowed,
            "only root can change the services of a machine",
        )
        .remedy("run this with sudo")),
        Service::Install { settings, token } => {
            let exe = std::env::current_exe().map_err(|error| failed("this program", &error))?;
            let data = settings.get("data").and_then(|(values, _)| values.first().cloned());
            let data = PathBuf::from(data.unwrap_or_default());
            let token_file = token.map(|token| save_token(&data, &token)).transpose()?;
            let set =
                settings.values().any(|(_, source)| *source != crate::config::Source::Default);
            if set || !Path::new(CONFIG_PATH).exists() {
                let text = configuration(&settings, token_file);
                fs::create_dir_all(CONFIG_FOLDER).map_err(|error| failed(CONFIG_FOLDER, &error))?;
                folder::replace(Path::new(CONFIG_PATH), text.as_bytes())
                    .map_err(|error| failed(CONFIG_PATH, &error))?;
            }
            install(&exe)
        }
        Service::Uninstall { purge } => uninstall(purge),
    }
}

fn install(exe: &Path) -> Result<String, Problem> {
    fs::write(UNIT_PATH, unit(exe)?).map_err(|error| failed(UNIT_PATH, &error))?;
    systemctl(&["daemon-reload"])?;
    systemctl(&["enable", NAME])?;
    // Restart, not start: after an upgrade the new program shall run. It returns when the unit has
    // told that it is ready.
    systemctl(&["restart", NAME])?;
    Ok(format!("{NAME} is installed and active; its configuration is {CONFIG_PATH}\n"))
}

fn uninstall(purge: bool) -> Result<String, Problem> {
    if Path::new(UNIT_PATH).exists() {
        systemctl(&["disable", "--now", NAME])?;
        fs::remove_file(UNIT_PATH).map_err(|error| failed(UNIT_PATH, &error))?;
    }
    systemctl(&["daemon-reload"])?;
    let data = data_folder();
    if !purge {
        return Ok(format!("{NAME} is removed; the data stays in {}\n", data.display()));
    }
    for path in [data.as_path(), Path::new(CONFIG_PATH)] {
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(&path.display().to_string(), &error));
            }
            _ => {}
        }
    }
    Ok(format!("{NAME} and its data are removed\n"))
}

fn status() -> Result<String, Problem> {
    if !Path::new(UNIT_PATH).exists() {
        return Err(Problem::new(Code::NotFound, "the service is not installed")
            .remedy("install it with `tamer-agent service install`"));
    }
    let output = Command::new("systemctl")
        .args(["status", "--no-pager", "--lines=5", NAME])
        .output()
        .map_err(|error| failed("systemctl", &error))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(Problem::new(Code::WrongState, format!("the service does not run\n{text}"))
        .remedy(format!("see `journalctl -u {NAME}`, then `systemctl start {NAME}`")))
}

/// The unit for the program at `exe`.
fn unit(exe: &Path) -> Result<String, Problem> {
    let exe = exe.display().to_string();
    if exe.contains(|c: char| c.is_whitespace() || "\"'\\%$".contains(c)) {
        return Err(Problem::new(Code::WrongState, format!("a unit cannot start {exe:?}")).remedy(
            "move the program to a path without spaces and signs, such as /usr/local/bin",
        ));
    }
    Ok(UNIT.replace("@EXE@", &exe).replace("@CONFIG@", CONFIG_PATH))
}

fn save_token(data: &Path, token: &str) -> Result<PathBuf, Problem> {
    create_private_folder(data).map_err(|error| failed(&data.display().to_string(), &error))?;
    let path = data.join("token");
    folder::replace(&path, token.as_bytes())
        .map_err(|error| failed(&path.display().to_string(), &error))?;
    Ok(path)
}

/// The data folder that the service was configured with.
fn data_folder() -> PathBuf {
    let configured = file(Path::new(CONFIG_PATH))
        .ok()
        .and_then(|layer| Config::read(&merge([layer])).ok().map(|config| config.data));
    configured.unwrap_or_else(super::default_data_folder)
}

fn systemctl(arguments: &[&str]) -> Result<(), Problem> {
    let output = Command::new("systemctl")
        .args(arguments)
        .output()
        .map_err(|error| failed("systemctl", &error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let text = format!("`systemctl {}` failed: {}", arguments.join(" "), said.trim());
    Err(Problem::new(Code::Internal, text).remedy(format!("see `journalctl -u {NAME}`")))
}

fn failed(what: &str, error: &io::Error) -> Problem {
    Problem::new(Code::DataFolder, format!("{what}: {}", chain(error)))
        .remedy("run this as root, and make room")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_names_the_program_and_nothing_is_left_open() {
        let unit = unit(Path::new("/usr/bin/tamer-agent")).expect("a unit");
        assert!(
            unit.contains("ExecStart=/usr/bin/tamer-agent run --config /etc/tamer/agent.toml\n")
        );
        let open =
            unit.lines().filter(|line| !line.starts_with('#')).any(|line| line.contains('@'));
        assert!(!open, "{unit}");
        assert!(super::unit(Path::new("/a b/tamer-agent")).is_err());
    }
}
