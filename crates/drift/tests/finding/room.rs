//! What forms of a report have room for, and that they count or leave out the rest.

use tamer_drift::Resource;
use tamer_drift::diff::Change;
use tamer_drift::finding::{explain, markdown, prompt};

use crate::stage::{HOUR, Stage, package, resource, text, turned};

/// As many fields as have room are shown; of one more the rest is counted.
#[test]
fn fields_without_room_are_counted() {
    let with = |many: usize| {
        let mut stage = Stage::new(1);
        let service = resource("service/host/x", &[]);
        let side = |word: &str| {
            let all = (0..many).map(|at| (format!("field-{at:02}"), text(word)));
            Some(Resource { properties: all.collect(), ..service.clone() })
        };
        let (before, after) = (side("a"), side("b"));
        stage.put(&[1], HOUR, Change { key: service.key.clone(), before, after });
        stage.report()
    };
    let document = |many: usize| markdown(&with(many));
    assert!(document(8).contains("field-07") && !document(8).contains("more field"));
    assert!(document(9).contains("and 1 more field") && !document(9).contains("field-08"));
    assert!(document(12).contains("and 4 more fields"));
    let account = |many: usize| explain(&with(many), &with(many).findings[0]);
    assert!(account(12).contains("field-11") && !account(12).contains("And "));
    assert!(account(13).contains("And 1 field more") && !account(13).contains("field-12"));
}

/// A prompt about everything tells the stories; one about a finding the story that it is in.
#[test]
fn a_prompt_tells_the_stories_it_is_about() {
    let mut stage = Stage::new(2);
    stage.put(&[1], HOUR, package("nginx", "1.22.0", "1.25.3"));
    let service = resource("service/host/nginx.service", &[]);
    stage.put(&[1], HOUR, turned(service, "active", text("active"), text("failed")));
    stage.put(&[2], 9 * HOUR, package("bash", "5.1", "5.2"));
    let report = stage.report();
    let story = |prompt: &str| prompt.contains(r#""stories":[{"area":"deployment""#);
    assert!(story(&prompt(&report, None)));
    for finding in &report.findings {
        assert_eq!(story(&prompt(&report, Some(finding))), finding.group.is_some());
    }
}
