//! Network namespaces, and this test program run again inside them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

/// Whether namespaces can be made here; says so when not.
pub fn can_make() -> bool {
    static MADE: OnceLock<bool> = OnceLock::new();
    *MADE.get_or_init(|| {
        let probe = Namespace { name: format!("tamer-probe-{}", std::process::id()) };
        let made = ip(&format!("netns add {}", probe.name));
        if !made {
            let note = "SKIPPED: network namespaces need root and `ip`; run the tests as root";
            writeln!(std::io::stderr(), "{note}").expect("stderr is open");
        }
        made
    })
}

fn ip(arguments: &str) -> bool {
    let status = Command::new("ip").args(arguments.split(' ')).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A network namespace with a loopback; removed when dropped.
pub struct Namespace {
    name: String,
}

impl Namespace {
    pub fn new(name: &str) -> Self {
        let namespace = Self { name: format!("tamer-{name}-{}", std::process::id()) };
        assert!(ip(&format!("netns add {}", namespace.name)), "the namespace is made");
        namespace.ip("link set lo up");
        namespace
    }

    /// Runs `ip` inside.
    pub fn ip(&self, arguments: &str) {
        let arguments = format!("-n {} {arguments}", self.name);
        assert!(ip(&arguments), "ip {arguments}");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.name));
    }
}

/// Two namespaces with a cable between them: 10.77.0.1 on `left`, 10.77.0.2 on `right`, and no
/// route to anywhere else.
pub struct Link {
    pub a: Namespace,
    pub b: Namespace,
}

impl Link {
    pub fn new(name: &str) -> Self {
        let (a, b) = (Namespace::new(&format!("{name}-a")), Namespace::new(&format!("{name}-b")));
        let peer = format!("peer name right netns {}", b.name);
        assert!(ip(&format!("link add left netns {} type veth {peer}", a.name)), "a cable");
        for (namespace, device, address) in [(&a, "left", 1), (&b, "right", 2)] {
            namespace.ip(&format!("addr add 10.77.0.{address}/24 dev {device}"));
            namespace.ip(&format!("link set {device} up"));
        }
        Self { a, b }
    }
}

/// A process in a namespace. It is to end when its standard input does.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Process {
    /// Runs the ignored test `role` of this program.
    pub fn start(namespace: &Namespace, role: &str) -> Self {
        let program = std::env::current_exe().expect("this program");
        let program = program.to_str().expect("a path in UTF-8");
        Self::spawn(namespace, &[program, "--exact", role, "--ignored", "--nocapture"])
    }

    /// Runs avahi, or says that it is not installed.
    pub fn avahi(namespace: &Namespace) -> Option<Self> {
        let file = std::env::temp_dir().join(format!("tamer-avahi-{}", std::process::id()));
        let config = "[server]\nenable-dbus=no\nuse-ipv4=yes\nuse-ipv6=yes\n";
        std::fs::write(&file, config).expect("a file");
        if Command::new("avahi-daemon").arg("--version").stdout(Stdio::null()).status().is_err() {
            let note = "SKIPPED: avahi-daemon is not installed";
            writeln!(std::io::stderr(), "{note}").expect("stderr is open");
            return None;
        }
        let config = file.to_str().expect("a path in UTF-8");
        let options = ["--no-drop-root", "--no-chroot", "--no-rlimits", "-f", config];
        let mut avahi = Self::spawn(namespace, &[&["avahi-daemon"][..], &options[..]].concat());
        avahi.wait_for("Server startup complete", Duration::from_secs(10));
        std::fs::remove_file(&file).expect("the file was read");
        Some(avahi)
    }

    fn spawn(namespace: &Namespace, command: &[&str]) -> Self {
        let mut child = Command::new("ip")
            .args(["netns", "exec", &namespace.name])
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        // Full, it makes the process wait, which is louder than lines that are lost.
        let (sender, lines) = mpsc::sync_channel(1024);
        forward(child.stdout.take().expect("piped"), sender.clone());
        forward(child.stderr.take().expect("piped"), sender);
        Self { input: child.stdin.take(), child, lines, seen: Vec::new() }
    }

    /// Waits until a line holds `text`; at the limit, fails with all lines so far.
    pub fn wait_for(&mut self, text: &str, limit: Duration) {
        let until = Instant::now() + limit;
        while !self.seen.iter().any(|line| line.contains(text)) {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(_) => panic!("no {text:?} in:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Ends its input.
    pub fn end(&mut self) {
        self.input = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn forward(stream: impl std::io::Read + Send + 'static, to: mpsc::SyncSender<String>) {
    std::thread::spawn(move || {
        let lines = BufReader::new(stream).lines().map_while(Result::ok);
        lines.for_each(|line| drop(to.send(line)));
    });
}
