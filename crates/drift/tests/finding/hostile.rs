//! Rules, patterns and reports of texts that mean no good, many of them. `TAMER_SOAK` makes it a
//! campaign.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tamer_drift::diff::Change;
use tamer_drift::finding::{
    Glob, IgnoreRule, PathGlob, Report, Rules, explain, explain_all, html, markdown, prompt, show,
};
use tamer_drift::{Kind, Resource, Value};

use crate::stage::{HOUR, Stage, came, package, resource, text, went};

const SHIPPED: &str = include_str!("../../src/finding/rules.toml");

/// `cargo xtask soak` multiplies this; mutation testing says itself how many.
fn cases(ordinary: u32) -> ProptestConfig {
    let told = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let factor = told("TAMER_SOAK").unwrap_or(1);
    ProptestConfig::with_cases(told("TAMER_CASES").unwrap_or(ordinary.saturating_mul(factor)))
}

/// Pieces of what people write, and of what they should not.
fn pieces(most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(vec![
            "*",
            "?",
            "**",
            "!",
            "a",
            "b",
            "é",
            ".",
            "..",
            "[",
            "]",
            "{",
            "}",
            "\\",
            "#",
            "@name",
            " ",
            "\u{0}",
            "\u{1b}[2J",
            "\u{202e}",
            "\n",
            "|",
            "`",
            "<script>",
            "&amp;",
            "\"",
            "/etc/nginx/a.conf",
            "80/tcp",
            "1.2.3",
            "-1",
            "9223372036854775807",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,4}",
    ];
    vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

/// A file of rules, changed: bytes, lines, and pieces of TOML where they do not belong.
fn rules() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "[[rule]]",
        "[rule]",
        "[[rule",
        "name = \"x\"",
        "name = 7",
        "severity = \"low\"",
        "severity = \"loud\"",
        "kind = [\"port\"]",
        "kind = \"port\"",
        "path = \"a..b\"",
        "path = \"\"",
        "goes = \"up\"",
        "goes = \"sideways\"",
        "within_days = -1",
        "within_days = 99999999999999999999",
        "where = { a = [\"!b\", \"c\"] }",
        "where = 1",
        "was = {}",
        "reason = \"\"\"",
        "\"",
        "'''",
        "\u{0}",
        "= ",
        "x = [[[[[[[[[[[[[[[[[[[[",
        "area = \"x\"",
        "# rest",
        "é",
    ]);
    let part = (any::<Index>(), any::<Index>(), vec(any::<Index>(), 0..6), vec(piece, 0..5));
    part.prop_map(|(from, to, drops, pieces)| {
        let lines: Vec<&str> = SHIPPED.lines().collect();
        let (from, to) = (from.index(lines.len()), to.index(lines.len()));
        let mut lines = lines[from.min(to)..from.max(to)].to_vec();
        for drop in drops {
            if !lines.is_empty() {
                lines.remove(drop.index(lines.len()));
            }
        }
        let middle = lines.len() / 2;
        for piece in pieces {
            lines.insert(middle.min(lines.len()), piece);
        }
        lines.join("\n")
    })
}

/// A resource of any kind that says what it likes.
fn resources() -> impl Strategy<Value = Resource> {
    let plain = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![-2i64..3, any::<i64>()].prop_map(Value::Int),
        pieces(3).prop_map(Value::Text),
        any::<[u8; 16]>().prop_map(Value::Hidden),
    ];
    let value = plain.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::List),
            prop::collection::btree_set(inner.clone(), 0..3).prop_map(Value::Set),
            prop::collection::btree_map(pieces(2), inner, 0..3).prop_map(Value::Map),
        ]
    });
    // The names that rules, titles and stories look at.
    let name = prop_oneof![
        select(vec![
            "version",
            "active",
            "enabled",
            "uid",
            "gid",
            "groups",
            "shell",
            "mode",
            "owner",
            "digest",
            "size_bytes",
            "content",
            "address",
            "protocol",
            "processes",
            "port",
            "device",
            "filesystem",
            "options",
            "via",
            "interface",
            "not_after",
            "subject",
            "fingerprint",
            "image",
            "state",
            "env",
            "command",
            "networks",
            "mounts",
            "privileged",
            "replicas",
            "cpus",
            "memory_bytes",
            "settings",
            "value",
            "release",
            "hostname",
            "addresses",
            "mtu",
        ])
        .prop_map(str::to_owned),
        pieces(2),
    ];
    let id = prop_oneof![
        select(vec!["a", "b", "tcp 0.0.0.0:22", "/etc/shadow", "root", "kernel", "os", "default"])
            .prop_map(str::to_owned),
        pieces(3).prop_map(|id| format!("x{id}")),
    ];
    let all = prop::collection::btree_map(name, value, 0..5);
    let source = select(vec!["host", "docker"]);
    (0..Kind::ALL.len(), source, id, pieces(2), all).prop_map(|(kind, source, id, name, all)| {
        let id: String = id.chars().take(60).collect();
        let key = resource(&format!("{}/{source}/{id}", Kind::ALL[kind]), &[]).key;
        Resource { properties: all, ..Resource::new(key, name) }
    })
}

fn changes() -> impl Strategy<Value = Vec<(u8, u64, Change)>> {
    let change = (resources(), resources(), 0..4u8).prop_map(|(one, other, how)| match how {
        0 => came(one),
        1 => went(one),
        _both => {
            let after = Resource { properties: other.properties, ..one.clone() };
            Change { key: one.key.clone(), before: Some(one), after: Some(after) }
        }
    });
    vec((1..4u8, 0..3u64, change), 0..10)
}

/// What a terminal might obey; documents have lines.
fn commands(c: char) -> bool {
    c.is_control() && c != '\n'
}

proptest! {
    #![proptest_config(cases(500))]

    /// Whatever it says, a file of rules is refused by place, or every change finds its rule.
    #[test]
    fn any_rules_are_refused_or_decide(more in rules(), change in resources()) {
        match Rules::with(&more) {
            Ok(rules) => {
                let mut stage = Stage::new(1);
                stage.settings.rules = rules;
                stage.put(&[1], HOUR, came(change));
                prop_assert!(stage.report().findings.iter().all(|one| !one.rule.as_str().is_empty()));
            }
            Err(problem) => {
                prop_assert_eq!(problem.field.as_deref(), Some("drift.rules"));
                prop_assert!(problem.remedy.is_some());
            }
        }
    }

    #[test]
    fn any_pattern_is_refused_or_is_as_it_was_written(pattern in pieces(9), text in pieces(9)) {
        match pattern.parse::<Glob>() {
            Ok(glob) => {
                prop_assert_eq!(glob.as_str(), pattern.as_str());
                let _either = glob.matches(&text);
                prop_assert!(!pattern.chars().all(|c| c == '*') || glob.matches(&text));
            }
            Err(problem) => prop_assert!(problem.remedy.is_some() && problem.field.is_some()),
        }
        if let Some(glob) = Glob::exactly(&text) {
            let longer = format!("{text}x");
            prop_assert!(glob.matches(&text) && !glob.matches(&longer));
        }
        if let Ok(path) = pattern.parse::<PathGlob>() {
            prop_assert_eq!(path.as_str(), pattern.as_str());
        }
        let json = serde_json::json!({
            "name": "r", "path": pattern, "resource": text, "reason": "x", "by": "ada",
        });
        if let Ok(rule) = serde_json::from_value::<IgnoreRule>(json) {
            let again = serde_json::to_value(&rule).expect("JSON");
            prop_assert_eq!(serde_json::from_value::<IgnoreRule>(again).expect("a rule"), rule);
        }
    }

    /// Whatever hosts tell, there is a report in every form, on lines that no text of theirs ends.
    #[test]
    fn any_changes_make_a_report(changes in changes()) {
        let mut stage = Stage::new(3);
        for (host, hour, change) in changes {
            if stage.host(host).changes.iter().all(|one| one.key != change.key) {
                stage.put(&[host], hour * HOUR, change);
            }
        }
        let report = stage.report();
        let json = serde_json::to_string(&report).expect("JSON");
        prop_assert_eq!(&serde_json::from_str::<Report>(&json).expect("a report"), &report);
        let page = html(&report);
        prop_assert!(!page.contains("<script"), "{}", page);
        prop_assert!(!page.contains(commands), "{}", page);
        for text in [markdown(&report), explain_all(&report), prompt(&report, None)] {
            prop_assert!(!text.contains(commands), "{}", text);
        }
        for finding in &report.findings {
            prop_assert!(!finding.title.contains(char::is_control), "{}", finding.title);
            let account = explain(&report, finding);
            prop_assert!(!account.contains(commands), "{}", account);
            for field in &finding.fields {
                let shown = show::side(field.before.as_ref());
                let short = shown.chars().count() <= 60 && !shown.contains(char::is_control);
                prop_assert!(short, "{}", shown);
            }
        }
    }
}

/// A rule that takes the place of the shipped one about everything, and is about less.
#[test]
fn what_no_rule_is_about_has_a_severity_still() {
    let narrow =
        "[[rule]]\nname = \"anything\"\nkind = [\"port\"]\nseverity = \"high\"\nreason = \"x\"";
    let mut stage = Stage::new(1);
    stage.settings.rules = Rules::with(narrow).expect("rules");
    let volume = resource("volume/docker/data", &[("driver", text("local"))]);
    stage.put(&[1], HOUR, package("bash", "1", "2"));
    stage.put(&[1], HOUR, came(resource("image/docker/x", &[("size", text("1"))])));
    stage.put(&[1], HOUR, came(volume));
    let report = stage.report();
    assert_eq!(report.findings.len(), 3);
    let low = |one: &&tamer_drift::finding::Finding| one.rule.as_str() == "anything";
    let plain: Vec<_> = report.findings.iter().filter(low).collect();
    assert!(!plain.is_empty(), "{:?}", report.findings);
    assert!(plain.iter().all(|one| one.severity.as_str() == "low"), "{plain:?}");
}

#[test]
fn patterns_that_take_long_are_bounded() {
    let stars = |many: usize| "a*".repeat(many);
    let most: Glob = stars(16).parse().expect("just room");
    assert!(most.matches(&"a".repeat(5_000)));
    assert!(!most.matches(&format!("{}b", "c".repeat(100_000))));
    assert!(stars(17).parse::<Glob>().expect_err("too many").message.contains("16 stars"));
    assert!("a".repeat(512).parse::<Glob>().is_ok());
    assert!("a".repeat(513).parse::<Glob>().expect_err("too long").message.contains("512 bytes"));
}
