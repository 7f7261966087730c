use serde_json::json;

use super::*;
use crate::cmd::drift::table::tests::{HOSTILE, text};

#[test]
fn rules_fit_the_terminal() {
    let rule = |more: serde_json::Value| {
        let mut rule = json!({ "name": "clocks", "reason": "they tick", "by": "admin" });
        let more = more.as_object().expect("a map").clone();
        rule.as_object_mut().expect("a map").extend(more);
        Rule::new(serde_json::from_value(rule).expect("a rule"), 1_000)
    };
    let rules = [
        rule(json!({ "kind": ["system"], "path": "properties.clock", "until": 1_000_000 })),
        rule(json!({ "hosts": "role=web", "origin": "co_owner", "reason": HOSTILE })),
    ];
    assert_eq!(hides(&rules[1].rule), "selector=role=web origin=co_owner");
    insta::assert_snapshot!(text(&lines(&rules, false, Some(80)), 80), @r#"
    RULE    HIDES                  UNTIL                 BY     WHY
    clocks  kind=system path=pro…  1970-01-01 00:16:40Z  admin  they tick
    clocks  selector=role=web or…  -                     admin  evil\x1b[2J\u{202e}…
    "#);
}
