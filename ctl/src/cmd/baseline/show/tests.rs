use super::*;
use crate::output::width;

fn version(number: u32, note: &str) -> Baseline {
    Baseline {
        baseline: "default".to_owned(),
        version: number,
        snapshot: format!("s-{number:016}"),
        selector: Some("role=web".to_owned()),
        at: Time::of(1_000_000),
        by: "admin".to_owned(),
        note: (!note.is_empty()).then(|| note.to_owned()),
        before: None,
        accepted: Vec::new(),
        hosts: 12,
        cleared: false,
    }
}

#[test]
fn versions_fit_the_terminal() {
    let accepted = vec!["d-0000000000000001".to_owned(), "d-0000000000000002".to_owned()];
    let versions = [
        Baseline { accepted, before: Some(2), ..version(3, "the new kernel\u{1b}[2J, on all") },
        version(2, ""),
        Baseline { cleared: true, ..version(1, "as it was handed over") },
    ];
    let lines = table(&versions, Time::of(1_090_000), false, Some(80));
    let texts: Vec<_> = lines.iter().map(Line::text).collect();
    assert_eq!(texts.iter().find(|text| width::of(text) > 80), None, "it fits");
    let text = texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(text, @r#"
    BASELINE           VERSION  SNAPSHOT            AGE  BY     WHY
    default            3        s-0000000000000003  1m   admin  accepted 2 findings…
    default            2        s-0000000000000002  1m   admin  -
    default (cleared)  1        s-0000000000000001  1m   admin  as it was handed ov…
    "#);
    assert_eq!(
        made(&versions[1])[0].text(),
        "default is at version 2: 12 hosts, as s-0000000000000002 has them"
    );
}
