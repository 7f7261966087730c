//! Salt: one master, one minion for each host, with the settings it comes with; its command, and
//! its Python interface in a process that stays.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::contest::Contestant;
use crate::venv::{Group, Venv};

/// How long the minions of a fleet may take until all answer.
const LIMIT: Duration = Duration::from_secs(300);
/// Between two looks while the master is not up yet.
const AGAIN: Duration = Duration::from_millis(200);
/// The process that stays: answers each line of input with the number of hosts that answered, none
/// while there is no master. A client reads the master's key when it is made, and only then.
const CLIENT: &str = "
import sys, salt.client, salt.exceptions
client = None
print('ready', flush=True)
for line in sys.stdin:
    function, timeout = line.split()
    arguments = ['/bin/true'] if function == 'cmd.run' else []
    try:
        client = client or salt.client.LocalClient(sys.argv[1])
        answers = len(client.cmd('*', function, arguments, timeout=int(timeout)))
    except salt.exceptions.SaltException:
        client, answers = None, 0
    print(answers, flush=True)
";

/// A master and its minions.
struct Fleet {
    venv: Venv,
    version: String,
    hosts: usize,
    folder: PathBuf,
    _programs: Vec<Group>,
}

/// Starts a fleet, waits until every minion answers, and enters it.
pub fn start(peers: &Path, folder: &Path, hosts: usize) -> Result<Vec<Box<dyn Contestant>>> {
    let venv = Venv::of(peers, "salt")?;
    let version = venv.version("salt")?;
    let ports = (free_port()?, free_port()?);
    let run = |program: &str, name: &str, config: String| {
        let at = folder.join(name);
        std::fs::create_dir_all(&at)?;
        let (_, kind) = program.split_once('-').context("a program's name")?;
        std::fs::write(at.join(kind), config)?;
        let mut command = venv.command(program);
        command.arg("-c").arg(&at);
        Group::start(&command, &at.join("output"))
    };
    let mut programs = vec![run("salt-master", "master", master(folder, ports))?];
    for host in 0..hosts {
        let name = format!("h{host}");
        programs.push(run("salt-minion", &name, minion(folder, &name, ports))?);
    }
    let folder = folder.join("master");
    let fleet = Rc::new(Fleet { venv, version, hosts, folder, _programs: programs });
    let call = Call::start(fleet.clone())?;
    Ok(vec![Box::new(Whole(fleet)), Box::new(call)])
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn master(folder: &Path, (publish, answer): (u16, u16)) -> String {
    format!(
        "interface: 127.0.0.1\npublish_port: {publish}\nret_port: {answer}\nuser: root\n\
         root_dir: {}/master\nauto_accept: True\nlog_level: warning\nlog_level_logfile: warning\n",
        folder.display()
    )
}

fn minion(folder: &Path, name: &str, (publish, answer): (u16, u16)) -> String {
    format!(
        "id: {name}\nmaster: 127.0.0.1\nmaster_port: {answer}\npublish_port: {publish}\n\
         user: root\nroot_dir: {}/{name}\nlog_level: warning\nlog_level_logfile: warning\n",
        folder.display()
    )
}

/// The command as a person runs it. Not `true`: Salt takes that for a boolean and runs `True`.
struct Whole(Rc<Fleet>);

impl Contestant for Whole {
    fn name(&self) -> String {
        format!("`salt '*' cmd.run /bin/true` ({})", self.0.version)
    }

    fn once(&mut self) -> Result<Duration> {
        let mut command = self.0.venv.command("salt");
        command.arg("-c").arg(&self.0.folder);
        command.args(["--out=json", "--static", "-t", "60", "*", "cmd.run", "/bin/true"]);
        let began = Instant::now();
        let done = command.output()?;
        let took = began.elapsed();
        let told = String::from_utf8_lossy(&done.stdout);
        ensure!(done.status.success(), "{told}{}", String::from_utf8_lossy(&done.stderr));
        let answers: serde_json::Value = serde_json::from_str(&told)?;
        let answered = answers.as_object().context("not an object")?.len();
        ensure!(answered == self.0.hosts, "{answered} of {} answered: {told}", self.0.hosts);
        Ok(took)
    }
}

/// Its Python interface.
struct Call {
    fleet: Rc<Fleet>,
    client: Child,
    answers: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Call {
    fn start(fleet: Rc<Fleet>) -> Result<Self> {
        let mut command: Command = fleet.venv.command("python");
        command.args(["-c", CLIENT]).arg(fleet.folder.join("master"));
        let log = std::fs::File::create(fleet.folder.join("client"))?;
        // It ends with its input, and so with this program.
        let mut client =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn()?;
        let answers = BufReader::new(client.stdout.take().context("its output")?).lines();
        let mut call = Self { fleet, client, answers };
        call.line()?;
        let limit = Instant::now() + LIMIT;
        loop {
            let answered = call.ask("test.ping", 5)?;
            if answered == call.fleet.hosts {
                return Ok(call);
            }
            let hosts = call.fleet.hosts;
            ensure!(Instant::now() < limit, "{answered} of {hosts} minions answer");
            eprintln!("{answered} of {hosts} Salt minions answer");
            std::thread::sleep(AGAIN);
        }
    }

    /// Has all minions do this, and says how many answered within so many seconds.
    fn ask(&mut self, function: &str, timeout: u32) -> Result<usize> {
        let input = self.client.stdin.as_mut().context("its input")?;
        writeln!(input, "{function} {timeout}")?;
        Ok(self.line()?.parse()?)
    }

    fn line(&mut self) -> Result<String> {
        match self.answers.next() {
            Some(line) => Ok(line?),
            None => {
                let errors = std::fs::read_to_string(self.fleet.folder.join("client"))?;
                bail!("its client ended: {}", errors.lines().last().unwrap_or_default())
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}

impl Contestant for Call {
    fn name(&self) -> String {
        "Salt, `LocalClient.cmd` alone".to_owned()
    }

    fn once(&mut self) -> Result<Duration> {
        let began = Instant::now();
        let answered = self.ask("cmd.run", 60)?;
        let took = began.elapsed();
        ensure!(answered == self.fleet.hosts, "{answered} of {} answered", self.fleet.hosts);
        Ok(took)
    }
}
