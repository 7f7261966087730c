//! A host without libvirt: the provider is made all the same, and says what is missing.

use std::path::PathBuf;

use tamer_provider::{FaultKind, Provider};
use tamer_provider_vm::{MachineProvider, Settings};

fn at(socket: PathBuf) -> MachineProvider {
    let name = "libvirt".parse().expect("a name");
    MachineProvider::new(Settings { socket: Some(socket), ..Settings::new(name) })
}

#[tokio::test]
async fn no_socket_names_what_to_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let provider = at(folder.path().join("none"));
    let fault = provider.probe().await.expect_err("nobody is there");
    assert_eq!(fault.kind, FaultKind::Unavailable);
    assert!(fault.message.contains("none"), "{fault:?}");
    #[cfg(unix)]
    assert!(fault.remedy.contains("libvirt-daemon-system"), "{fault:?}");
    assert!(fault.technology.is_some());
    assert_eq!(provider.list().await.expect_err("nobody is there").kind, FaultKind::Unavailable);
}

#[cfg(unix)]
#[tokio::test]
async fn what_does_not_speak_libvirt_is_told_and_not_waited_for() {
    use tokio::io::AsyncWriteExt as _;

    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("s");
    let listener = tokio::net::UnixListener::bind(&socket).expect("bound");
    let peer = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("written");
        }
    });
    let fault = at(socket).probe().await.expect_err("no libvirt");
    assert!(matches!(fault.kind, FaultKind::Failed | FaultKind::Unavailable), "{fault:?}");
    peer.abort();
}
