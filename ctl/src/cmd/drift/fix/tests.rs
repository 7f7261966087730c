//! What mends what: one table a kind of thing.

use proptest::prelude::{any, proptest};
use serde_json::{Value, json};
use tamer_drift::finding::Finding;
use tamer_model::InstanceAction;

use super::mend::{Asked, Copies, Mend, mend};

const HOST: &str = "h-0000000000000001";

/// A finding about `name`, whose id on its host is `id`.
fn finding(kind: &str, change: &str, (name, id): (&str, &str), fields: Value) -> Finding {
    let source = if kind == "instance" { "docker" } else { "host" };
    let finding = json!({
        "id": "d-0000000000000001", "kind": kind, "source": source, "name": name,
        "change": change, "area": "deployment", "severity": "high", "rule": "a",
        "reason": "because", "title": "it changed",
        "origin": { "from": "unknown", "confidence": 0, "evidence": "Nothing of ours ran." },
        "fields": fields,
        "hosts": [{ "host": HOST, "name": "web-1", "id": id }],
        "confidence": 90, "evidence": "seen", "window": { "from": 1, "to": 2 }, "first_seen": 2,
    });
    serde_json::from_value(finding).expect("a finding")
}

fn changed(property: &str, before: impl Into<Value>, after: impl Into<Value>) -> Value {
    json!([{ "path": property, "before": before.into(), "after": after.into() }])
}

fn of(finding: &Finding) -> Mend {
    mend(finding, &Copies::default(), Asked::default())
}

/// The commands on a line, and what is left; or why there are none.
fn told(finding: &Finding) -> String {
    match of(finding) {
        Mend::Commands { commands, rest } => {
            let lines: Vec<_> = commands.iter().map(|command| command.join(" ")).collect();
            let rest = rest.map(|rest| format!(" ({rest})")).unwrap_or_default();
            format!("{}{rest}", lines.join(" && "))
        }
        Mend::Cannot { why } => format!("no: {why}"),
        other @ (Mend::Instance { .. } | Mend::Workload { .. }) => format!("{other:?}"),
    }
}

#[track_caller]
fn refused(finding: &Finding) {
    assert!(matches!(of(finding), Mend::Cannot { .. }), "{:?}", of(finding));
}

#[test]
fn a_kernel_setting_gets_its_value_back() {
    let setting = |name, before: Value| {
        finding("sysctl", "changed", (name, name), changed("value", before, "1"))
    };
    let line = told(&setting("vm.swappiness", "60".into()));
    assert_eq!(line, "sysctl -w vm.swappiness=60");
    let Mend::Commands { commands, .. } =
        of(&setting("net.ipv4.ip_local_port_range", "32768 60999".into()))
    else {
        panic!("commands")
    };
    assert_eq!(commands, [["sysctl", "-w", "net.ipv4.ip_local_port_range=32768 60999"]]);
    for (name, value) in [
        ("-w", "1"),
        ("vm", "1"),
        ("vm.a b", "1"),
        ("vm.a=b", "1"),
        ("vm/a", "1"),
        ("vm.a", "1\n2"),
        ("vm.a", ""),
        ("--system.a", "1"),
    ] {
        refused(&setting(name, value.into()));
    }
    refused(&setting("vm.a", json!({ "$hidden": "00000000000000000000000000000000" })));
    refused(&finding("sysctl", "created", ("vm.a", "vm.a"), json!([])));
}

#[test]
fn a_package_gets_its_version_back() {
    let version = || changed("version", "3.0.14", "3.0.15");
    let deb = finding("package", "changed", ("openssl", "openssl:amd64"), version());
    assert_eq!(
        told(&deb),
        "apt-get install -y --allow-downgrades -o Dpkg::Options::=--force-confold openssl:amd64=3.0.14"
    );
    let all = finding("package", "changed", ("adduser", "adduser:all"), version());
    assert!(told(&all).ends_with(" adduser=3.0.14"), "{}", told(&all));
    let rpm = finding("package", "changed", ("openssl", "openssl:x86_64"), version());
    assert_eq!(told(&rpm), "dnf install -y openssl-3.0.14.x86_64");

    let fields = |side: &str, version: &str, format: &str| json!([{ "path": "version", side: version }, { "path": "format", side: format }]);
    let gone =
        finding("package", "deleted", ("g++", "g++:s390x"), fields("before", "1:12-1", "deb"));
    assert!(told(&gone).ends_with(" g++:s390x=1:12-1"), "{}", told(&gone));
    let new = finding("package", "created", ("nc", "nc:amd64"), fields("after", "1.2", "deb"));
    assert_eq!(told(&new), "dpkg --remove nc:amd64");
    let kernel = ("kernel", "kernel-5.15.0-1:x86_64");
    let new = finding("package", "created", kernel, fields("after", "5.15.0-1", "rpm"));
    assert_eq!(told(&new), "rpm --erase kernel-5.15.0-1.x86_64");
    let epoch =
        finding("package", "created", ("vim", "vim:x86_64"), fields("after", "2:8-1", "rpm"));
    assert_eq!(told(&epoch), "rpm --erase vim.x86_64");
}

#[test]
fn what_else_differs_of_a_package_is_said() {
    let held = finding("package", "changed", ("a", "a:amd64"), changed("held", true, false));
    assert_eq!(told(&held), "apt-mark hold a:amd64");
    let both = json!([
        { "path": "version", "before": "1", "after": "2" },
        { "path": "state", "after": "half-configured" },
        { "path": "source", "before": "x", "after": "y" },
    ]);
    let both = finding("package", "changed", ("a", "a:x86_64"), both);
    assert_eq!(told(&both), "dnf install -y a-1.x86_64 (no command brings these back: state)");
    let only = finding("package", "changed", ("a", "a:amd64"), changed("state", "", "unpacked"));
    assert_eq!(told(&only), "no: no command brings these back: state");
}

#[test]
fn a_hostile_package_is_given_to_no_program() {
    let names = ["-y", "a b", "a;b", "lib*", "$(x)", "../x", "a=b", "a\u{1b}", ""];
    for name in names {
        for version in [changed("version", "1", "2"), json!([{ "path": "version", "after": "1" }])]
        {
            for change in ["changed", "created", "deleted"] {
                let id = format!("{name}:amd64");
                refused(&finding("package", change, (name, &id), version.clone()));
            }
        }
    }
    for version in ["-1", "1 2", "1;x", "", "1\n"] {
        refused(&finding("package", "changed", ("a", "a:amd64"), changed("version", version, "1")));
    }
    for id in ["a", "a:", "a:-x", "a:vax", "a:amd64 x", "a:../x"] {
        refused(&finding("package", "changed", ("a", id), changed("version", "1", "2")));
    }
    // `apt-get install a-` removes.
    refused(&finding("package", "changed", ("a-", "a-:all"), changed("version", "1", "2")));
    let windows =
        json!([{ "path": "version", "after": "1" }, { "path": "format", "after": "msi" }]);
    refused(&finding("package", "created", ("a", "a:amd64"), windows));
}

#[test]
fn a_unit_runs_and_starts_as_it_did() {
    let unit = |fields| finding("service", "changed", ("ssh.service", "ssh.service"), fields);
    let runs = |before: &str, after: &str| told(&unit(changed("active", before, after)));
    let starts = |before: &str, after: &str| told(&unit(changed("enabled", before, after)));
    for (line, verb) in [
        (runs("active", "inactive"), "start"),
        (runs("active", "failed"), "start"),
        (runs("inactive", "active"), "stop"),
        (runs("failed", "active"), "stop"),
        (runs("inactive", "failed"), "reset-failed"),
        (starts("enabled", "disabled"), "enable"),
        (starts("disabled", "enabled"), "disable"),
        (starts("enabled", "masked"), "unmask ssh.service && systemctl enable"),
        (starts("disabled", "masked"), "unmask ssh.service && systemctl disable"),
        (starts("static", "masked"), "unmask"),
        (starts("enabled", ""), "enable"),
        (starts("static", "disabled"), "no"),
        (runs("failed", "inactive"), "no"),
        (starts("masked", "enabled"), "mask"),
    ] {
        match verb {
            "no" => assert!(line.starts_with("no: "), "{line}"),
            verb => assert_eq!(line, format!("systemctl {verb} ssh.service")),
        }
    }
    let both = unit(json!([
        { "path": "active", "before": "active", "after": "inactive" },
        { "path": "enabled", "before": "enabled", "after": "disabled" },
        { "path": "user", "before": "a", "after": "b" },
    ]));
    assert_eq!(
        told(&both),
        "systemctl enable ssh.service && systemctl start ssh.service (no command brings these back: user)"
    );
    for name in ["--now.service", "a*.service", "a b.service", "ssh", "a;b.service"] {
        refused(&finding(
            "service",
            "changed",
            (name, name),
            changed("active", "active", "inactive"),
        ));
    }
    for change in ["created", "deleted"] {
        refused(&finding("service", change, ("a.service", "a.service"), json!([])));
    }
}

#[test]
fn an_instance_runs_as_it_did() {
    let one = |change, fields| finding("instance", change, ("db", "3f4a"), fields);
    let state = |before: &str, after: &str| of(&one("changed", changed("state", before, after)));
    let done = |action| Mend::Instance { action, rest: None };
    assert_eq!(state("running", "exited"), done(InstanceAction::Start));
    assert_eq!(state("running", "paused"), done(InstanceAction::Resume));
    assert_eq!(state("paused", "running"), done(InstanceAction::Pause));
    assert_eq!(state("exited", "running"), done(InstanceAction::Stop { grace_ms: None }));
    for (before, after) in [("running", "restarting"), ("exited", "created"), ("", "running")] {
        assert!(matches!(state(before, after), Mend::Cannot { .. }), "{before} {after}");
    }
    refused(&one("changed", changed("image", "a", "b")));
    refused(&one("deleted", json!([])));
    for name in ["", "a/b", "-x", "a b"] {
        refused(&finding(
            "instance",
            "changed",
            (name, "1"),
            changed("state", "running", "exited"),
        ));
    }
}

#[test]
fn what_was_made_by_hand_goes_only_by_name_and_with_a_yes() {
    let made = |state: &str| {
        let fields = json!([{ "path": "state", "after": state }]);
        finding("instance", "created", ("db", "3f4a"), fields)
    };
    let ask = |named, yes| mend(&made("running"), &Copies::default(), Asked { named, yes });
    for (named, yes) in [(false, false), (true, false), (false, true)] {
        let Mend::Cannot { why } = ask(named, yes) else { panic!("removed") };
        assert!(why.contains("tamerctl drift --fix d-0000000000000001 --yes"), "{why}");
    }
    let remove = |force| Mend::Instance { action: InstanceAction::Remove { force }, rest: None };
    assert_eq!(ask(true, true), remove(true));
    let asked = Asked { named: true, yes: true };
    assert_eq!(mend(&made("exited"), &Copies::default(), asked), remove(false));
}

#[test]
fn a_copy_is_its_workloads() {
    let copies = Copies::of([(HOST.to_owned(), "web-0-x".to_owned(), "web".to_owned())]);
    let of = |change, fields| {
        let asked = Asked { named: true, yes: true };
        mend(&finding("instance", change, ("web-0-x", "3f4a"), fields), &copies, asked)
    };
    assert_eq!(
        of("changed", changed("limits.memory_bytes", 1, 2)),
        Mend::Workload { name: "web".to_owned() }
    );
    for (change, fields) in [
        ("changed", changed("state", "running", "exited")),
        ("created", json!([])),
        ("deleted", json!([])),
    ] {
        let Mend::Cannot { why } = of(change, fields) else { panic!("{change}") };
        assert!(why.starts_with("it is a copy of web"), "{why}");
    }
}

#[test]
fn what_somebody_meant_is_left_until_it_is_named() {
    let setting = |origin: Value| {
        let mut finding =
            finding("sysctl", "changed", ("vm.a", "vm.a"), changed("value", "1", "2"));
        finding.origin = serde_json::from_value(origin).expect("an origin");
        finding
    };
    let origins = [
        (json!({ "from": "ours", "what": "batch", "id": "b-1" }), "the batch b-1 did it"),
        (json!({ "from": "ours", "what": "workload", "id": "web" }), "the workload web did it"),
        (json!({ "from": "co_owner", "name": "puppet" }), "puppet does it, and would again"),
    ];
    for (mut origin, why) in origins {
        origin["confidence"] = 90.into();
        origin["evidence"] = "seen".into();
        let finding = setting(origin);
        assert!(told(&finding).starts_with(&format!("no: {why}")), "{}", told(&finding));
        let named = mend(&finding, &Copies::default(), Asked { named: true, yes: false });
        assert!(matches!(named, Mend::Commands { .. }), "{named:?}");
    }
}

#[test]
fn nothing_else_is_touched() {
    for kind in [
        "system",
        "user",
        "group",
        "port",
        "mount",
        "interface",
        "route",
        "resolver",
        "job",
        "certificate",
        "file",
        "config",
        "technology",
        "image",
        "network",
        "volume",
        "pool",
        "checkpoint",
    ] {
        for change in ["created", "deleted", "changed", "moved", "replaced", "due"] {
            let line = told(&finding(kind, change, ("a", "a"), changed("x", "1", "2")));
            assert!(line.starts_with("no: ") && line.len() > 20, "{kind} {change}: {line}");
        }
    }
}

proptest! {
    /// Whatever hosts tell: a program gets no option that we did not write, and nothing unseen.
    #[test]
    fn no_argument_is_what_a_host_made_an_option(
        name in any::<String>(),
        value in any::<String>(),
        kind in 0..3usize,
        change in 0..3usize,
    ) {
        let kind = ["package", "service", "sysctl"][kind];
        let property = match kind { "package" => "version", "service" => "active", _ => "value" };
        let change = ["created", "deleted", "changed"][change];
        let id = format!("{name}:amd64");
        let finding = finding(kind, change, (&name, &id), changed(property, value, "inactive"));
        if let Mend::Commands { commands, .. } = of(&finding) {
            let ours = ["-y", "-w", "-o", "--allow-downgrades", "--remove", "--erase"];
            for word in commands.iter().flatten() {
                let plain = word.chars().all(|c| c == ' ' || c.is_ascii_graphic());
                let option = word.starts_with('-') && !ours.contains(&word.as_str());
                assert!(plain && !option, "{commands:?}");
            }
        }
    }
}
