//! The fake passes the suite, which also shows that the suite can be passed.

use std::sync::Arc;

use tamer_model::{InstanceName, InstanceSpec};
use tamer_provider::Provider;
use tamer_provider::conformance::{Program, Subject};
use tamer_provider::fake::{Fake, IMAGE};

tamer_provider::conformance!(the_fake_conforms, subject());

struct OfFake(Fake);

async fn subject() -> OfFake {
    OfFake(Fake::new("fake".parse().expect("a name")))
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
        Arc::new(self.0.clone())
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
        self.0.die();
        true
    }

    async fn bring_back(&self) {
        self.0.come_back();
    }
}
