//! The severity rules that matter, one line each; and rules that the configuration adds.

use std::fmt::Write as _;

use insta::assert_snapshot;
use tamer_drift::Value;
use tamer_drift::diff::Change;
use tamer_drift::finding::{Area, Report, Rules, Severity};

use crate::stage::{
    BASE, DAY, HOUR, Stage, at, came, named, package, resource, set, text, turned, went,
};

fn one(change: Change) -> Report {
    let mut stage = Stage::new(1);
    stage.put(&[1], HOUR, change);
    stage.report()
}

fn port(address: &str) -> Change {
    let told = [("address", text(address)), ("protocol", text("tcp"))];
    came(resource(&format!("port/host/tcp {address}:8080"), &told))
}

fn user(uid: i64) -> Change {
    came(resource("user/host/eve", &[("uid", Value::Int(uid))]))
}

fn members(group: &str) -> Change {
    let group = resource(&format!("group/host/{group}"), &[("gid", Value::Int(27))]);
    turned(group, "members", set(&["ada"]), set(&["ada", "eve"]))
}

fn file(path: &str) -> Change {
    let file = resource(&format!("file/host/{path}"), &[("type", text("file"))]);
    turned(file, "digest", text("aa"), text("bb"))
}

fn mode(mode: &str) -> Change {
    let told = [("type", text("file")), ("mode", text(mode))];
    came(resource("file/host//usr/local/bin/tool", &told))
}

fn setting(name: &str) -> Change {
    turned(resource(&format!("sysctl/host/{name}"), &[]), "value", text("0"), text("1"))
}

fn certificate(days: u64) -> Change {
    let end = i64::try_from(BASE + DAY + days * DAY).expect("a time");
    came(resource("certificate/host//etc/ssl/shop.pem", &[("not_after", Value::Int(end))]))
}

fn container(property: &str, value: Value) -> Change {
    let told = [("image", text("shop:1")), (property, value)];
    came(named("shop", resource("instance/docker/c1", &told)))
}

#[test]
fn what_is_how_severe() {
    let route =
        |to: &str| came(resource(&format!("route/host/{to} dev eth0"), &[("to", text(to))]));
    let mount = resource("mount/host//srv", &[("device", text("/dev/sdb1"))]);
    let service = resource("service/host/cron.service", &[]);
    let image = resource("volume/docker/data", &[]);
    let cases = [
        user(0),
        user(1001),
        members("sudo"),
        members("docker"),
        members("games"),
        port("0.0.0.0"),
        port("::"),
        port("10.0.0.7"),
        port("127.0.0.1"),
        file("/etc/ssh/sshd_config"),
        file("/root/.ssh/authorized_keys"),
        file("/etc/sudoers.d/eve"),
        file("/etc/ld.so.preload"),
        file("/etc/motd"),
        mode("4755"),
        mode("0755"),
        package("bash", "5.2", "5.1"),
        package("bash", "5.2", "5.10"),
        setting("kernel.panic"),
        setting("net.ipv4.ip_forward"),
        setting("vm.swappiness"),
        certificate(3),
        certificate(20),
        certificate(200),
        container("privileged", Value::Bool(true)),
        container("tty", Value::Bool(true)),
        route("default"),
        route("10.0.0.0/8"),
        turned(mount, "options", set(&["nosuid", "rw"]), set(&["rw"])),
        turned(service, "active", text("active"), text("failed")),
        went(image),
    ];
    let mut text = String::new();
    for change in cases {
        let report = one(change);
        let finding = &report.findings[0];
        let (severity, title) = (finding.severity, &finding.title);
        let _ =
            writeln!(text, "{severity:<8} {title}\n         {} ({})", finding.reason, finding.rule);
    }
    assert_snapshot!(text);
}

#[test]
fn a_certificate_that_did_not_change_is_told_when_it_ends_soon() {
    let mut stage = Stage::new(2);
    let held = |days: u64| {
        let end = i64::try_from(BASE + DAY + days * DAY).expect("a time");
        resource("certificate/host//etc/ssl/shop.pem", &[("not_after", Value::Int(end))])
    };
    stage.host(1).held.push(held(5));
    stage.host(2).held.push(held(60));
    assert_snapshot!(stage.told());
    let ended = i64::try_from(BASE - DAY).expect("a time");
    stage.host(1).held = vec![held(5).with("not_after", ended)];
    assert!(stage.report().findings.is_empty(), "what had ended before the baseline is no news");
}

#[test]
fn another_authority_that_is_trusted_is_a_matter_of_security() {
    let store = resource("certificate/host//etc/ssl/certs", &[]);
    let report = one(turned(store, "authorities", set(&["CN=A"]), set(&["CN=A", "CN=B"])));
    let [finding] = &report.findings[..] else { panic!("{:?}", report.findings) };
    assert_eq!(
        (finding.rule.as_str(), finding.severity),
        ("trusted-authorities", Severity::Medium)
    );
    assert_eq!(finding.area, Area::Security);
    assert_eq!(finding.fields.len(), 1, "only who came: {:?}", finding.fields);
}

#[test]
fn a_configured_rule_comes_last_and_says_so() {
    let mut stage = Stage::new(1);
    stage.put(&[1], HOUR, package("linux-image", "6.1", "6.2"));
    assert_eq!(stage.report().findings[0].rule.as_str(), "package-upgraded");
    let more = r#"
        [[rule]]
        name = "our-kernel"
        kind = ["package"]
        resource = "linux-*"
        severity = "critical"
        reason = "kernels are upgraded by hand here"
    "#;
    stage.settings.rules = Rules::with(more).expect("rules");
    let report = stage.report();
    let finding = &report.findings[0];
    assert_eq!(
        (finding.severity.as_str(), finding.rule.as_str(), finding.reason.as_str()),
        ("critical", "our-kernel", "kernels are upgraded by hand here")
    );
}

#[test]
fn bad_rules_are_refused_by_place() {
    for (text, what) in [
        ("[[rule]]\nname = \"x\"", "missing field"),
        ("[[rule]]\nname = \"x\"\nseverity = \"awful\"\nreason = \"\"", "none of: low, medium"),
        ("[[rule]]\nname = \"x\"\npath = \"a..b\"\nseverity = \"low\"\nreason = \"\"", "a..b"),
        ("[[rule]]\nnmae = \"x\"", "unknown field `nmae`"),
        ("[[rule", "TOML parse error at line 1"),
    ] {
        let error = Rules::with(text).expect_err(text);
        assert!(error.message.contains(what), "{text}: {error}");
        assert!(error.remedy.is_some());
    }
}

#[test]
fn first_seen_is_the_earliest_look() {
    let mut stage = Stage::new(2);
    stage.put(&[1], 3 * HOUR, package("bash", "5.1", "5.2"));
    stage.put(&[2], HOUR, package("bash", "5.1", "5.2"));
    let report = stage.report();
    let finding = &report.findings[0];
    assert_eq!(finding.first_seen, at(BASE + HOUR + 10 * 60_000));
    assert_eq!(finding.window.to, at(BASE + 3 * HOUR + 10 * 60_000));
}
