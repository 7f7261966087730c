use serde_json::json;

use super::*;
use crate::cmd::drift::table::tests::text;

#[test]
fn proposals_fit_the_terminal() {
    let proposals: Vec<Proposal> = serde_json::from_value(json!([{
        "rule": {
            "name": "noise-1", "kind": ["service"], "path": "properties.restarts",
            "reason": "it flips", "by": "admin",
        },
        "hosts": 12, "resources": 3, "changes": 312, "flips": 150, "per_day": 40,
        "severity": "high", "example": "nginx\u{1b}[2J", "first": 1_000, "last": 2_000,
        "confidence": 95, "words": "restarts of nginx\u{1b}[2J flips between two values on 12 hosts",
    }]))
    .expect("proposals");
    insta::assert_snapshot!(text(&lines(&proposals, Some(80)), 80), @r#"
    RULE     SURE  HOSTS  CHANGES  FLIPS  SEVERITY  HIDES
    noise-1  95 %  12     312      150    high      kind=service path=properties.re…

    noise-1: restarts of nginx\x1b[2J flips between two values on 12 hosts

    To adopt one: `tamerctl drift noise --adopt RULE`
    "#);
}
