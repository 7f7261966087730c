use tamer_proto::wire;

use super::super::list::tests::{placement, text};
use super::*;

#[test]
fn an_account_fits_the_terminal() {
    let part = |what: &str, points| wire::ScorePart { what: what.to_owned(), points };
    let told = wire::WhyResponse {
        lines: vec![
            "web/0 is on web-01 because a copy was missing.".to_owned(),
            "Of 5 hosts, 2 were removed by os=linux; of the 3 others it had the most room."
                .to_owned(),
        ],
        placements: vec![placement(0)],
        unplaced: Some(wire::Unplaced {
            workload: "web".to_owned(),
            copies: 1,
            removed: vec![wire::Removed { constraint: "cordoned".to_owned(), hosts: 1 }],
            hosts: 1,
            remedies: vec!["uncordon web-02".to_owned()],
            since: 0,
        }),
        candidates: vec![
            wire::Candidate {
                host: "web-01".to_owned(),
                points: 612,
                parts: vec![part("room", 400), part("affinity role=worker", 212)],
            },
            wire::Candidate {
                host: "web-03".to_owned(),
                points: 380,
                parts: vec![part("room", 480), part("spread over zone", -100)],
            },
        ],
    };
    let lines = lines(&told.into(), Time::of(1_090_000), false, Some(80));
    insta::assert_snapshot!(text(&lines, 80), @r#"
    web/0 is on web-01 because a copy was missing.
    Of 5 hosts, 2 were removed by os=linux; of the 3 others it had the most room.

    WORKLOAD  HOST    STATE  VERSION  AGE  WHY
    web/0     web-01  well   3        1m   a copy was missing
    web-01 was chosen with 612, 3 of 5 hosts fit

    BEST HOSTS NOW  POINTS  MADE OF
    web-01          612     room +400, affinity role=worker +212
    web-03          380     room +480, spread over zone -100
    "#);
}
