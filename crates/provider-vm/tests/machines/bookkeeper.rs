//! libvirt's driver for tests: it keeps book of machines that are not there.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tamer_model::{InstanceName, InstanceSpec, InstanceState};
use tamer_peers::libvirt::Libvirt;
use tamer_provider::conformance::Subject;
use tamer_provider::{FaultKind, ImageSource, ProgressSink, Provider};
use tamer_provider_vm::{MachineProvider, Settings};
use tempfile::TempDir;

/// A disk of the smallest size that differs from the others here.
const LOADED: &[u8] = &[7; 1024];

/// The driver, in a daemon of its own.
pub struct Bookkeeper {
    provider: Arc<MachineProvider>,
    _libvirt: Libvirt,
    folder: TempDir,
}

impl Bookkeeper {
    /// Starts it.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let libvirt = Libvirt::start(&folder.path().join("v")).expect("libvirt");
        let templates = folder.path().join("templates");
        std::fs::create_dir(&templates).expect("a folder");
        std::fs::write(templates.join("disk.img"), vec![0; 4096]).expect("a disk");
        let settings = Settings {
            uri: "test:///default".to_owned(),
            socket: Some(libvirt.socket()),
            templates,
            machines: folder.path().join("machines"),
            ..Settings::new("libvirt".parse().expect("a name"))
        };
        Self { provider: Arc::new(MachineProvider::new(settings)), _libvirt: libvirt, folder }
    }

    /// An image is taken in, used, kept while it is used, and removed.
    pub async fn an_image_comes_and_goes(&self) {
        let nobody = ProgressSink::none();
        let load = async || self.provider.image_load(source(LOADED), &nobody).await;
        let names = load().await.expect("loaded");
        assert_eq!(load().await.expect("loaded again"), names, "the same image is there once");
        let [name] = &names[..] else { panic!("not one name: {names:?}") };
        assert_eq!(std::fs::read(name).expect("the file"), LOADED);
        let images = self.provider.images().await.expect("listed");
        assert_eq!(images.iter().filter(|image| image.references == names).count(), 1);

        let mut spec = self.idle("loaded".parse().expect("a name"));
        spec.disk = Some(name.clone());
        let id = self.provider.create(&spec, &nobody).await.expect("made");
        let fault = self.provider.image_remove(name).await.expect_err("it is used");
        assert_eq!(fault.kind, FaultKind::Conflict, "{fault:?}");
        self.provider.remove(&id, false).await.expect("removed");
        self.provider.image_remove(name).await.expect("removed");
        assert!(!std::path::Path::new(name).exists());

        for bad in [&b""[..], &b"neither qcow2 nor sectors"[..]] {
            let fault = self.provider.image_load(source(bad), &nobody).await.expect_err("refused");
            assert_eq!(fault.kind, FaultKind::InvalidSpec, "{fault:?}");
        }
        let left = std::fs::read_dir(self.folder.path().join("templates")).expect("a folder");
        assert_eq!(left.count(), 1, "only the disk that was there before");
    }
}

#[async_trait::async_trait]
impl Subject for Bookkeeper {
    fn provider(&self) -> Arc<dyn Provider> {
        self.provider.clone()
    }

    fn idle(&self, name: InstanceName) -> InstanceSpec {
        let disk = self.folder.path().join("templates/disk.img");
        InstanceSpec {
            name: Some(name),
            disk: Some(disk.to_string_lossy().into_owned()),
            ..InstanceSpec::default()
        }
    }

    fn sourceless(&self, name: InstanceName) -> InstanceSpec {
        let disk = Some("/no/such/disk.img".to_owned());
        InstanceSpec { name: Some(name), disk, ..InstanceSpec::default() }
    }

    /// libvirt does not tell whether a machine ever ran.
    fn made(&self) -> InstanceState {
        InstanceState::Stopped
    }

    fn counts_memory(&self) -> bool {
        false
    }
}

/// A file in small pieces.
fn source(content: &'static [u8]) -> ImageSource {
    let pieces = content.chunks(100).map(|piece| Ok(Bytes::from_static(piece)));
    stream::iter(pieces.collect::<Vec<_>>()).boxed()
}
