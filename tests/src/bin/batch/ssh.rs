//! OpenSSH over connections that are kept open (ControlMaster), one `ssh HOST true` for each host
//! at once. The servers are this program's own, on 127.0.0.1 and the addresses after it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::contest::Contestant;
use crate::venv::Group;

/// Addresses to a server: it listens on at most sixteen.
const ADDRESSES: usize = 15;
/// How long a server may take to listen, or a client to connect.
const LIMIT: Duration = Duration::from_secs(20);

/// The servers of all hosts, and the client's settings for them.
pub struct Servers {
    folder: PathBuf,
    pub hosts: Vec<String>,
    _servers: Vec<Group>,
}

impl Servers {
    /// Starts them with keys of their own.
    pub fn start(folder: &Path, hosts: usize) -> Result<Self> {
        let sshd = Path::new("/usr/sbin/sshd");
        ensure!(sshd.exists(), "the package openssh-server is not installed");
        std::fs::create_dir_all(folder)?;
        // Where the server's unprivileged half lives; the package's unit makes it at start.
        std::fs::create_dir_all("/run/sshd")?;
        for key in ["host", "user"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-qt", "ed25519", "-N", "", "-f"]).arg(folder.join(key));
            ensure!(keygen.status()?.success(), "ssh-keygen failed");
        }
        let hosts: Vec<_> = (1..=hosts).map(|host| format!("127.0.0.{host}")).collect();
        let port = free_port()?;
        let mut servers = Vec::new();
        for (number, addresses) in hosts.chunks(ADDRESSES).enumerate() {
            let config = folder.join(format!("sshd-{number}"));
            std::fs::write(&config, server_config(folder, port, addresses))?;
            let mut command = Command::new(sshd);
            command.arg("-D").arg("-f").arg(&config);
            servers.push(Group::start(&command, &folder.join(format!("sshd-{number}.log")))?);
        }
        std::fs::write(folder.join("config"), client_config(folder, port))?;
        hosts.iter().try_for_each(|host| listens(host, port))?;
        Ok(Self { folder: folder.to_owned(), hosts, _servers: servers })
    }

    /// The client's settings, which keep connections open.
    pub fn config(&self) -> PathBuf {
        self.folder.join("config")
    }

    fn ssh(&self) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(self.config()).stdin(Stdio::null());
        ssh
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // The clients that keep connections open are not children of this program.
        for host in &self.hosts {
            let quiet = Stdio::null;
            let _ = self.ssh().args(["-O", "exit", host]).stderr(quiet()).status();
        }
    }
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until a server answers.
fn listens(host: &str, port: u16) -> Result<()> {
    let limit = Instant::now() + LIMIT;
    while std::net::TcpStream::connect((host, port)).is_err() {
        ensure!(Instant::now() < limit, "no ssh server listens on {host} port {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn server_config(folder: &Path, port: u16, addresses: &[String]) -> String {
    let folder = folder.display();
    let listen: String =
        addresses.iter().map(|address| format!("ListenAddress {address}\n")).collect();
    // SHLVL keeps a remote bash from reading the user's startup files, which may take 100 ms.
    format!(
        "Port {port}\n{listen}HostKey {folder}/host\nPidFile none\n\
         AuthorizedKeysFile {folder}/user.pub\nUsePAM no\nPasswordAuthentication no\n\
         PermitRootLogin prohibit-password\nStrictModes no\nUseDNS no\nMaxStartups 500\n\
         SetEnv SHLVL=3\nPrintMotd no\nPrintLastLog no\nSubsystem sftp internal-sftp\n"
    )
}

fn client_config(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "Host *\n Port {port}\n IdentityFile {folder}/user\n IdentitiesOnly yes\n\
         \x20StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n LogLevel ERROR\n\
         \x20BatchMode yes\n ControlMaster auto\n ControlPersist 600\n ControlPath {folder}/m-%h\n"
    )
}

/// Enters ssh, with a connection to every host open.
pub fn start(servers: Rc<Servers>) -> Vec<Box<dyn Contestant>> {
    vec![Box::new(Warm(servers))]
}

struct Warm(Rc<Servers>);

impl Contestant for Warm {
    fn name(&self) -> String {
        "`ssh HOST true` at once, over open connections".to_owned()
    }

    fn once(&mut self) -> Result<Duration> {
        let began = Instant::now();
        let started = self.0.hosts.iter().map(|host| self.0.ssh().args([host, "true"]).spawn());
        for (host, child) in self.0.hosts.iter().zip(started.collect::<Vec<_>>()) {
            let ended = child.context("ssh")?.wait()?;
            ensure!(ended.success(), "ssh {host} true: {ended}");
        }
        Ok(began.elapsed())
    }
}
