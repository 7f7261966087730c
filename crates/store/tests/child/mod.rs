//! Running this very test program again as a process of its own, to trace it or to kill it.

use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tamer_store::{EngineKind, Options, Store};

const DIR: &str = "TAMER_STORE_CHILD_DIR";
const ENGINE: &str = "TAMER_STORE_CHILD_ENGINE";
const SEED: &str = "TAMER_STORE_CHILD_SEED";

/// What a child is told.
pub struct Orders {
    pub dir: PathBuf,
    pub engine: EngineKind,
    pub seed: u64,
}

impl Orders {
    /// What this process was told; none if it is not a child.
    pub fn received() -> Option<Self> {
        let dir = env::var_os(DIR)?.into();
        let engine = env::var(ENGINE).unwrap().parse().unwrap();
        Some(Self { dir, engine, seed: env::var(SEED).unwrap().parse().unwrap() })
    }

    /// Gives these orders to a child that runs the ignored test `child`, under `wrapper` if any.
    pub fn command(&self, wrapper: &[&str]) -> Command {
        let this = env::current_exe().unwrap();
        let mut command = match wrapper {
            [] => Command::new(this),
            [program, arguments @ ..] => {
                let mut command = Command::new(program);
                command.args(arguments).arg(this);
                command
            }
        };
        command.args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env(DIR, &self.dir).env(ENGINE, self.engine.name());
        command.env(SEED, self.seed.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }
}

/// Says something to the parent, in one write.
pub fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    output.write_all(format!("{line}\n").as_bytes()).unwrap();
    output.flush().unwrap();
}

pub async fn open(dir: &Path, engine: EngineKind) -> Store {
    let options = Options { cache_bytes: 8 << 20, ..Options::new(dir, engine) };
    Store::open(options).await.unwrap()
}
