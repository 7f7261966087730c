//! The runner: it goes on after a failure, cleans up, and tells everything at the end.

use std::time::Duration;

use tamer_model::{Ability, Operation};
use tamer_provider::Provider as _;
use tamer_provider::conformance::{Filter, Verdict, assert_conforms, run};
use tamer_provider::fake::IMAGE;

use crate::{Odd, failed, fake, odd, verdict};

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_its_check_and_leaves_nothing() {
    let fake = fake();
    let subject = Odd { panics: true, ..odd(fake.clone()) };
    let report = run(&subject, &Filter::new("exec-codes, lifecycle-twice")).await;
    assert_eq!(failed(&report), ["exec-codes"]);
    let Verdict::Failed(why) = verdict(&report, "exec-codes") else { panic!("{report}") };
    assert!(why.contains("this subject panics"), "{why}");
    assert_eq!(verdict(&report, "lifecycle-twice"), Verdict::Passed);
    assert_eq!(report.verdicts().count(), 2, "only what was asked for");
    assert!(!report.passed());
    assert_eq!(fake.list().await.expect("list"), []);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_ever_fails_in_time_and_leaves_nothing() {
    let fake = fake();
    let patience = Duration::from_secs(10);
    let subject = Odd { never_ready: true, patience, ..odd(fake.clone()) };
    let began = tokio::time::Instant::now();
    let report = run(&subject, &Filter::new("lifecycle-twice,exec-codes,labels")).await;
    assert_eq!(failed(&report), ["lifecycle-twice", "exec-codes"], "{report}");
    assert!(began.elapsed() < patience * 3, "{:?}", began.elapsed());
    assert_eq!(fake.list().await.expect("list"), []);
}

#[tokio::test(start_paused = true)]
async fn what_was_made_by_mistake_is_removed() {
    let fake = fake();
    let others = fake.populate(2);
    let subject = Odd { source: IMAGE, ..odd(fake.clone()) };
    let report = run(&subject, &Filter::new("spec-")).await;
    assert_eq!(failed(&report), ["spec-source"], "{report}");
    let left: Vec<_> = fake.list().await.expect("list").into_iter().map(|i| i.native).collect();
    assert_eq!(left, others, "what is not the suite's stays");
    assert!(report.to_string().trim_end().ends_with("it was made"), "failures come last: {report}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_had_is_skipped_with_its_reason() {
    let fake = fake();
    fake.set(Operation::Pause, Ability::No("it has no freezer".to_owned()));
    fake.set(Operation::Logs, Ability::NotNow("there is no log driver".to_owned()));
    let report = run(&odd(fake), &Filter::new("pause,logs-tail,unsupported")).await;
    let skipped = |why: &str| Verdict::Skipped(why.to_owned());
    assert_eq!(verdict(&report, "lifecycle-pause"), skipped("pause: it has no freezer"));
    assert_eq!(verdict(&report, "logs-tail"), skipped("logs: there is no log driver"));
    assert_eq!(verdict(&report, "unsupported"), Verdict::Passed);
    assert!(report.passed());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_asked_nothing_did_not_pass() {
    assert!(!run(&odd(fake()), &Filter::new("no such check")).await.passed());
    let dead = fake();
    dead.die();
    assert_eq!(failed(&run(&odd(dead), &Filter::new("")).await), ["reach"]);
    // What is not installed is no failure.
    assert_conforms(None::<Odd>, "").await;
}
