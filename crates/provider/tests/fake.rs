//! The fake passes the suite, which also shows that the suite can be passed; and supervision keeps
//! the contract of what it supervises.

use std::sync::Arc;

use tamer_model::{InstanceName, InstanceSpec};
use tamer_provider::Provider;
use tamer_provider::conformance::{Program, Subject};
use tamer_provider::fake::{Fake, IMAGE};
use tamer_provider::supervise::{Settings, Supervised};
use tokio_util::sync::{CancellationToken, DropGuard};

tamer_provider::conformance!(the_fake_conforms, alone());
tamer_provider::conformance!(the_supervised_fake_conforms, supervised());

struct OfFake {
    fake: Fake,
    provider: Arc<dyn Provider>,
    /// Ends the keeper, if there is one.
    _stop: Option<DropGuard>,
}

async fn alone() -> OfFake {
    let fake = Fake::new("fake".parse().expect("a name"));
    OfFake { provider: Arc::new(fake.clone()), fake, _stop: None }
}

async fn supervised() -> OfFake {
    let fake = Fake::new("fake".parse().expect("a name"));
    let (handle, keeper) = Supervised::new(Arc::new(fake.clone()), Settings::default());
    let stop = CancellationToken::new();
    tokio::spawn(keeper.run(stop.clone()));
    // Before the first list every call is refused.
    handle.view().revision().wait_for(|revision| *revision > 0).await.expect("kept");
    OfFake { fake, provider: Arc::new(handle), _stop: Some(stop.drop_guard()) }
}

fn spec(name: InstanceName, words: &[&str]) -> InstanceSpec {
    InstanceSpec {
        name: Some(name),
        image: Some(IMAGE.to_owned()),
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        ..InstanceSpec::default()
    }
}

#[async_trait::async_trait]
impl Subject for OfFake {
    fn provider(&self) -> Arc<dyn Provider> {
        self.provider.clone()
    }

    fn idle(&self, name: InstanceName) -> InstanceSpec {
        spec(name, &["idle"])
    }

    fn stubborn(&self, name: InstanceName) -> Option<InstanceSpec> {
        Some(spec(name, &["deaf"]))
    }

    fn writer(&self, name: InstanceName, lines: u64) -> Option<InstanceSpec> {
        Some(spec(name, &["write", &lines.to_string()]))
    }

    fn ticker(&self, name: InstanceName) -> Option<InstanceSpec> {
        Some(spec(name, &["tick"]))
    }

    fn sourceless(&self, name: InstanceName) -> InstanceSpec {
        InstanceSpec { image: Some("fake/missing:1".to_owned()), ..spec(name, &[]) }
    }

    fn argv(&self, program: &Program) -> Option<Vec<String>> {
        let words: Vec<String> = match program {
            Program::Print(out, err) => vec!["print".into(), out.clone(), err.clone()],
            Program::Exit(code) => vec!["exit".into(), code.to_string()],
            Program::Cat => vec!["cat".into()],
            Program::Flood(bytes) => vec!["flood".into(), bytes.to_string()],
            Program::Endless => vec!["endless".into()],
            Program::Count(lines) => vec!["count".into(), lines.to_string()],
            Program::TerminalSize => vec!["size".into()],
            Program::Sleep(seconds) => vec!["sleep".into(), seconds.to_string()],
            Program::Burn => vec!["burn".into()],
            Program::WriteFile(path, text) => vec!["write-file".into(), path.clone(), text.clone()],
            Program::ReadFile(path) => vec!["read-file".into(), path.clone()],
        };
        Some(words)
    }

    async fn kill_technology(&self) -> bool {
        self.fake.die();
        true
    }

    async fn bring_back(&self) {
        self.fake.come_back();
    }
}
