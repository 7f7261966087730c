//! Questions that many ask at once.

use std::time::Duration;

use futures_util::future::join_all;
use tamer_model::InstanceState;
use tamer_provider::{FaultKind, Provider as _};

use crate::kept;

#[tokio::test(start_paused = true)]
async fn a_thousand_who_ask_are_two_questions() {
    let kept = kept(100).await;
    kept.fake.set_latency(Duration::from_millis(100));
    for (method, before) in [("list", kept.fake.calls("list")), ("scan", 0), ("images", 0)] {
        let ask = async || match method {
            "list" => kept.handle.list().await.map(|found| found.len()),
            "scan" => kept.handle.scan().await.map(|found| found.len()),
            _ => kept.handle.images().await.map(|found| found.len()),
        };
        let answers = join_all((0..1000).map(|_| ask())).await;
        let first = answers[0].as_ref().expect("an answer");
        assert!(answers.iter().all(|answer| answer.as_ref() == Ok(first)), "{method}");
        // The first one's, and one for all who came while that was under way.
        assert_eq!(kept.fake.calls(method) - before, 2, "{method}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_later_gets_a_later_answer() {
    let kept = kept(1).await;
    let id = kept.handle.view().all()[0].native.clone();
    kept.fake.set_latency(Duration::from_millis(100));
    let before = kept.fake.calls("list");
    let early = kept.handle.list();
    let late = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let ask = || async { kept.handle.list().await.expect("list")[0].state };
        let change = async {
            kept.fake.change_silently(&id, InstanceState::Stopped);
            ask().await
        };
        tokio::join!(change, ask(), ask()).0
    };
    let (early, late) = tokio::join!(early, late);
    early.expect("list");
    assert_eq!(late, InstanceState::Stopped);
    assert_eq!(kept.fake.calls("list") - before, 2, "one under way, and one for all who wait");
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_takes_nobody_along() {
    let kept = kept(5).await;
    kept.fake.set_latency(Duration::from_millis(500));
    for _ in 0..3 {
        let (hasty, patient) = (kept.handle.list(), kept.handle.list());
        let hasty = tokio::time::timeout(Duration::from_millis(100), hasty);
        let (hasty, patient) = tokio::join!(hasty, patient);
        assert!(hasty.is_err());
        assert_eq!(patient.expect("list").len(), 5);
    }
    // A fault is shared like an answer.
    kept.fake.die();
    let answers = join_all((0..10).map(|_| kept.handle.list())).await;
    let kinds: Vec<_> = answers.into_iter().map(|answer| answer.expect_err("dead").kind).collect();
    assert_eq!(kinds, [FaultKind::Unavailable; 10]);
}
