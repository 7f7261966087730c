//! A libvirt of our own comes, goes and comes back, and leaves nothing behind.
#![cfg(unix)]

use std::path::Path;

use tamer_peers::guest::Guest;
use tamer_peers::libvirt::{Libvirt, installed};

#[test]
fn it_lives_beside_another_and_leaves_nothing() {
    if !installed() {
        return;
    }
    let folders = [tempfile::tempdir().expect("folder"), tempfile::tempdir().expect("folder")];
    let one = Libvirt::start(folders[0].path()).expect("the first");
    let other = Libvirt::start(folders[1].path()).expect("the second");
    let disk = folders[0].path().join("disk.qcow2");
    Guest::disk(&disk).expect("a disk");
    let guest = Guest::get().expect("a guest");
    assert!(guest.kernel.exists() && guest.initrd.exists());

    let xml = folders[0].path().join("network.xml");
    std::fs::write(&xml, "<network><name>only-one</name><bridge name='t0'/></network>")
        .expect("write");
    one.virsh(&["net-define", xml.to_str().expect("utf-8")]).expect("define");
    assert!(one.virsh(&["net-list", "--all", "--name"]).expect("list").contains("only-one"));
    assert!(!other.virsh(&["net-list", "--all", "--name"]).expect("list").contains("only-one"));

    let before = one.pid().expect("a pid");
    one.kill().expect("killed");
    assert!(one.virsh(&["version"]).is_err(), "a killed libvirtd answers");
    one.start_again().expect("started again");
    let pids = [one.pid().expect("a pid"), other.pid().expect("a pid")];
    assert_ne!(pids[0], before);
    drop((one, other));
    for pid in pids {
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{pid} is left");
    }
}
