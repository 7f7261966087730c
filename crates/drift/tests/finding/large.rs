//! A fleet of ten thousand hosts: the same on all of them is one finding, in time that a test has.

use tamer_drift::finding::Report;
use tamer_model::HostId;

use crate::stage::{HOUR, Stage, after, package, resource, text, turned};

const HOSTS: u32 = 10_000;

#[test]
fn what_is_the_same_on_ten_thousand_hosts_is_one_finding_each() {
    let mut stage = Stage::new(1);
    let one = stage.comparison.hosts[0].clone();
    stage.comparison.hosts = (0..HOSTS)
        .map(|number| {
            let mut host = one.clone();
            let mut id = [0; 10];
            id[6..].copy_from_slice(&number.to_be_bytes());
            host.host = HostId::from_bytes(id);
            host.name = format!("web-{number}").parse().expect("a name");
            if number % 100 != 0 {
                host.changes = vec![package("openssl", "3.0.11", "3.0.14")];
                let service = resource("service/host/openssl.service", &[]);
                host.changes.push(turned(service, "active", text("active"), text("failed")));
            }
            // On each host one thing of its own.
            host.changes.push(package(&format!("only-{number}"), "1", "2"));
            let keys = host.changes.iter().map(|change| change.key.clone());
            host.windows = keys.map(|key| (key, after(HOUR))).collect();
            host
        })
        .collect();
    let report = Report::of(&stage.comparison, &[], &stage.settings);
    assert_eq!(report.findings.len(), 2 + HOSTS as usize);
    let wide: Vec<_> = report.findings.iter().filter(|one| one.hosts.len() > 1).collect();
    assert_eq!(wide.len(), 2);
    for finding in wide {
        assert_eq!((finding.hosts.len(), finding.exceptions.count), (9_900, 100));
        assert_eq!(finding.exceptions.hosts.len(), 64);
        assert!(finding.title.ends_with("on 9900 hosts"), "{}", finding.title);
    }
    assert_eq!(report.groups.len(), 1, "{:?}", report.groups);
}
