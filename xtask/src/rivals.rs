//! What a benchmark measures ours against: what people use today to run a command on all machines.
//! Installed by package name, each with its own system's client, the Python ones into folders of
//! their own beside the other peers.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{cargo, peers};

/// A Python package, and the folder it is installed in.
const PACKAGES: &[(&str, &str)] = &[("salt", "salt"), ("ansible-core", "ansible")];

/// Installs all. One that cannot be installed is said aloud; the benchmark leaves it out.
pub fn install() -> anyhow::Result<()> {
    let folder = peers::folder()?.join("bench");
    fs::create_dir_all(&folder)?;
    tell("openssh-server", peers::install_named(&["openssh-server"]));
    for (package, name) in PACKAGES {
        tell(package, install_package(package, &folder.join(name)));
    }
    Ok(())
}

fn tell(name: &str, outcome: anyhow::Result<()>) {
    if let Err(error) = outcome {
        eprintln!("xtask: CANNOT INSTALL {name}: {error:#}");
    }
}

/// Makes a folder with a Python of its own and the package. What is in it is used again.
fn install_package(package: &str, folder: &Path) -> anyhow::Result<()> {
    // Written last: a half-made folder is never taken for whole.
    let whole = folder.join("installed");
    if whole.exists() {
        return Ok(());
    }
    eprintln!("xtask: INSTALLING {package} into {} (a minute or two, once)", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    if !makes_folders() {
        peers::install_named(&["python3-venv"])?;
    }
    cargo::done(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    cargo::done(Command::new(folder.join("bin/pip")).args(["install", "--quiet", package]))?;
    Ok(fs::write(whole, "")?)
}

/// Whether this machine's Python brings what makes such folders; Debian's does not.
fn makes_folders() -> bool {
    Command::new("python3")
        .args(["-c", "import ensurepip, venv"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
