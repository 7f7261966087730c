//! The suite that every provider passes, against the fake engine.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tamer_model::{InstanceName, InstanceSpec};
use tamer_provider::conformance::{Filter, Program, Subject, Verdict, run};
use tamer_provider::fake::IMAGE;
use tamer_provider::{FaultKind, ImageSource, ProgressSink, Provider};
use tamer_provider_docker::{ContainerProvider, Settings};

use crate::engine::Engine;

/// The fake engine, and our provider for it.
pub struct Rig {
    pub engine: Engine,
    pub provider: Arc<ContainerProvider>,
}

impl Rig {
    pub fn new() -> Self {
        let engine = Engine::start();
        let provider = ContainerProvider::new(Settings {
            name: "docker".parse().expect("a name"),
            endpoint: Some(engine.endpoint()),
            tls: None,
            registries: Vec::new(),
        });
        Self { engine, provider: Arc::new(provider) }
    }

    /// What is left in the world: containers, instances that the fake still has, images, volumes.
    async fn left(&self) -> (usize, usize, Vec<String>, usize) {
        let world = &self.engine.world;
        let instances = world.fake.list().await.expect("the fake lives").len();
        let tables = world.tables();
        let images = tables.images.values().flat_map(|image| image.tags.clone()).collect();
        (tables.containers.len(), instances, images, tables.volumes.len())
    }
}

pub fn spec(name: &InstanceName, words: &[&str]) -> InstanceSpec {
    InstanceSpec {
        name: Some(name.clone()),
        image: Some(IMAGE.to_owned()),
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        ..InstanceSpec::default()
    }
}

#[async_trait::async_trait]
impl Subject for Rig {
    fn provider(&self) -> Arc<dyn Provider> {
        Arc::clone(&self.provider) as Arc<dyn Provider>
    }

    fn idle(&self, name: InstanceName) -> InstanceSpec {
        spec(&name, &["idle"])
    }

    fn stubborn(&self, name: InstanceName) -> Option<InstanceSpec> {
        Some(spec(&name, &["deaf"]))
    }

    fn writer(&self, name: InstanceName, lines: u64) -> Option<InstanceSpec> {
        Some(spec(&name, &["write", &lines.to_string()]))
    }

    fn ticker(&self, name: InstanceName) -> Option<InstanceSpec> {
        Some(spec(&name, &["tick"]))
    }

    fn sourceless(&self, name: InstanceName) -> InstanceSpec {
        InstanceSpec { image: Some("fake/missing:1".to_owned()), ..spec(&name, &[]) }
    }

    fn argv(&self, program: &Program) -> Option<Vec<String>> {
        let number = |word: &str, number: &dyn ToString| vec![word.to_owned(), number.to_string()];
        let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Some(match program {
            Program::Print(out, err) => texts(&["print", out, err]),
            Program::Exit(code) => number("exit", code),
            Program::Cat => texts(&["cat"]),
            Program::Flood(bytes) => number("flood", bytes),
            Program::Endless => texts(&["endless"]),
            Program::Count(lines) => number("count", lines),
            Program::TerminalSize => texts(&["size"]),
            Program::Sleep(seconds) => number("sleep", seconds),
            Program::Burn => texts(&["burn"]),
            Program::WriteFile(path, text) => texts(&["write-file", path, text]),
            Program::ReadFile(path) => texts(&["read-file", path]),
        })
    }

    async fn kill_technology(&self) -> bool {
        self.engine.kill().await;
        true
    }

    async fn bring_back(&self) {
        self.engine.come_back();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fake_engine_conforms() {
    let rig = Rig::new();
    let wanted = std::env::var("TAMER_CHECKS").unwrap_or_default();
    let report = run(&rig, &Filter::new(&wanted)).await;
    assert!(report.passed(), "\n{report}");
    let skipped = report.verdicts().filter(|(_, verdict)| matches!(verdict, Verdict::Skipped(_)));
    let skipped: Vec<_> = skipped.collect();
    assert!(skipped.is_empty(), "the fake engine can do everything: {skipped:?}");
    assert_eq!(rig.left().await, (0, 0, vec![IMAGE.to_owned()], 0));
    rig.engine.kill().await;
}

/// An archive is taken in with its names, and one that breaks off is not.
#[tokio::test]
async fn an_image_comes_from_an_archive() {
    let rig = Rig::new();
    let nobody = ProgressSink::none();
    let whole = archive("fake/archived:2").expect("an archive");
    let half = whole[..600].to_vec();
    let broken = rig.provider.image_load(source(half), &nobody).await.expect_err("half of it");
    assert_eq!(broken.kind, FaultKind::Failed, "{broken}");
    let loaded = rig.provider.image_load(source(whole), &nobody).await;
    assert_eq!(loaded.expect("load"), ["fake/archived:2"]);
    let name = "archived".parse().expect("a name");
    let spec = InstanceSpec { image: Some("fake/archived:2".to_owned()), ..spec(&name, &[]) };
    let id = rig.provider.create(&spec, &nobody).await.expect("create");
    rig.provider.start(&id).await.expect("start");
    let told = rig.provider.get(&id).await.expect("get");
    assert_eq!(told.image.as_deref(), Some("fake/archived:2"));
    assert_eq!(told.labels.get("from").map(String::as_str), Some("an archive"));
    rig.provider.remove(&id, true).await.expect("remove");
    rig.provider.image_remove("fake/archived:2").await.expect("remove the image");
    assert_eq!(rig.left().await, (0, 0, vec![IMAGE.to_owned()], 0));
    rig.engine.kill().await;
}

/// As `docker save` writes it, without layers.
fn archive(name: &str) -> std::io::Result<Vec<u8>> {
    let config = r#"{"config":{"Cmd":["idle"],"Labels":{"from":"an archive"}}}"#;
    let manifest = format!(r#"[{{"Config":"c.json","RepoTags":["{name}"],"Layers":[]}}]"#);
    let mut archive = tar::Builder::new(Vec::new());
    for (path, text) in [("c.json", config), ("manifest.json", &manifest)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, text.as_bytes())?;
    }
    archive.into_inner()
}

fn source(archive: Vec<u8>) -> ImageSource {
    stream::iter([Ok(archive.into())]).boxed()
}

/// An engine that hangs keeps a call waiting, and one that is killed then ends it.
#[tokio::test(start_paused = true)]
async fn what_waits_for_an_engine_ends_with_it() {
    let rig = Rig::new();
    rig.provider.probe().await.expect("probe");
    rig.engine.hang();
    let hung = rig.provider.list().await.expect_err("nobody answers");
    assert_eq!(hung.kind, FaultKind::Timeout, "{hung}");
    let list = rig.provider.list();
    let (listed, ()) = tokio::join!(list, rig.engine.kill());
    assert_eq!(listed.expect_err("the engine is gone").kind, FaultKind::Unavailable);
    rig.engine.unhang();
    rig.engine.come_back();
    assert_eq!(rig.provider.list().await.expect("list"), Vec::new());
    rig.engine.kill().await;
}
