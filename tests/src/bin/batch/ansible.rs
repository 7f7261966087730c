//! Ansible over the same servers, its connections kept open and pipelining on: what it is fastest
//! with.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::contest::Contestant;
use crate::ssh::Servers;
use crate::venv::Venv;

/// Enters it with `raw`, which runs the command, and `ping`, its smallest module.
pub fn start(
    peers: &Path,
    folder: &Path,
    servers: Rc<Servers>,
) -> Result<Vec<Box<dyn Contestant>>> {
    let venv = Rc::new(Venv::of(peers, "ansible")?);
    let version = venv.version("ansible-core")?;
    std::fs::create_dir_all(folder)?;
    let inventory = format!(
        "{}\n[all:vars]\nansible_python_interpreter=/usr/bin/python3\n",
        servers.hosts.join("\n")
    );
    std::fs::write(folder.join("hosts"), inventory)?;
    let at = folder.display();
    let settings = format!(
        "[defaults]\ninventory={at}/hosts\nforks={}\nhost_key_checking=False\n\
         local_tmp={at}/tmp\nremote_tmp={at}/remote\n\
         [ssh_connection]\npipelining=True\nssh_args=-C -F {}\ncontrol_path_dir={at}/cp\n",
        servers.hosts.len(),
        servers.config().display()
    );
    let config = folder.join("ansible.cfg");
    std::fs::write(&config, settings)?;
    let of = |module: &'static [&'static str]| Module {
        venv: venv.clone(),
        version: version.clone(),
        config: config.clone(),
        module,
        servers: servers.clone(),
    };
    Ok(vec![Box::new(of(&["-m", "raw", "-a", "true"])), Box::new(of(&["-m", "ping"]))])
}

struct Module {
    venv: Rc<Venv>,
    version: String,
    config: PathBuf,
    module: &'static [&'static str],
    servers: Rc<Servers>,
}

impl Contestant for Module {
    fn name(&self) -> String {
        format!("`ansible all {}` ({})", self.module.join(" "), self.version)
    }

    fn once(&mut self) -> Result<Duration> {
        let mut command = self.venv.command("ansible");
        command.env("ANSIBLE_CONFIG", &self.config).env("ANSIBLE_NOCOLOR", "1");
        command.arg("all").args(self.module);
        let began = Instant::now();
        let done = command.output()?;
        let took = began.elapsed();
        let told = String::from_utf8_lossy(&done.stdout);
        ensure!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
        // One line a host says how it went: `127.0.0.1 | CHANGED …` or `127.0.0.1 | SUCCESS …`.
        let answered = told.lines().filter(|line| line.starts_with("127.0.0.")).count();
        ensure!(answered == self.servers.hosts.len(), "{answered} answered");
        Ok(took)
    }
}
