//! A fleet of ten thousand hosts: the same on all of them is one finding, in time that a test has.

use tamer_drift::finding::{Finding, Report, explain, html, markdown};
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
    cut_hosts_are_counted(report);
}

/// A document without room for all hosts says how many there are, in every form.
fn cut_hosts_are_counted(mut report: Report) {
    report.findings.retain(|finding| finding.hosts.len() > 1);
    let json = serde_json::to_string(&report.findings).expect("JSON");
    assert!(!json.contains("hosts_left_out"), "nothing is left out yet");
    let whole = (markdown(&report), html(&report), explain(&report, &report.findings[0]));
    report.findings.iter_mut().for_each(|finding| finding.cut_hosts(2_000));
    let told = (markdown(&report), html(&report), explain(&report, &report.findings[0]));
    assert_eq!(told, whole, "so many are named nowhere");
    for most in [2_000, 120, 3, 0] {
        for finding in &mut report.findings {
            finding.cut_hosts(most);
            assert_eq!((finding.hosts.len(), finding.hosts_in_all()), (most, 9_900));
        }
        let json = serde_json::to_value(&report.findings).expect("JSON");
        assert_eq!(json[0]["hosts_left_out"], 9_900 - most);
        let read: Vec<Finding> = serde_json::from_value(json).expect("findings");
        assert_eq!(read, report.findings);
    }
    let finding = &mut report.findings[0];
    finding.cut_hosts(10);
    assert_eq!((finding.hosts.len(), finding.hosts_left_out), (0, 9_900), "none comes back");
    let account = explain(&report, &report.findings[0]);
    assert!(account.contains("9900 hosts"), "{account}");
    assert!(markdown(&report).contains("and 9900 more"), "{}", markdown(&report));
    assert!(html(&report).contains("and 9900 more"), "{}", html(&report));
}
