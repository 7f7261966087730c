//! The suite of all providers against libvirt with real machines, which QEMU emulates, and against
//! libvirt's own driver for tests.
#![cfg(unix)]

#[path = "machines/beyond.rs"]
mod beyond;
#[path = "machines/bookkeeper.rs"]
mod bookkeeper;
#[path = "machines/real.rs"]
mod real;

use tamer_peers::libvirt::installed;
use tamer_provider::conformance::{Filter, Subject, run};

/// Runs the checks that `TAMER_CHECKS` names, all when it names none.
async fn conforms(subject: &dyn Subject) {
    let wanted = std::env::var("TAMER_CHECKS").unwrap_or_default();
    let report = run(subject, &Filter::new(&wanted)).await;
    assert!(report.passed(), "\n{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn libvirts_own_test_driver_conforms() {
    if installed() {
        let bookkeeper = bookkeeper::Bookkeeper::start();
        conforms(&bookkeeper).await;
        bookkeeper.an_image_comes_and_goes().await;
    }
}

/// One test boots all machines, one after the other: two cores emulate not many at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_machines_conform() {
    if installed() {
        let machines = real::Machines::start();
        conforms(&machines).await;
        beyond::the_suite(&machines).await;
    }
}
