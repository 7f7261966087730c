//! What is different, and what was not seen.

use std::sync::Arc;

use tamer_drift::finding::Verdict;
use tamer_model::{Code, Selector, Timestamp};
use tamer_proto::wire;

use super::stage::{Stage, ann, id, package, unaudited};
use crate::drift::compare::{Against, Asked, Drifted};
use crate::drift::{Accepting, Setting, Wanted, baselines, name_of, read_rule, snapshots};

type Audits<'a> = (snapshots::Audited<'a>, baselines::Audited<'a>);

pub async fn baseline(stage: &Stage) {
    let snapshot = stage.drift.take(Wanted::default(), &ann(), &|commit, _| commit).await;
    let setting = Setting {
        name: name_of("").expect("a name"),
        selector: Selector::default(),
        note: String::new(),
        expected: None,
        accepted: None,
    };
    let snapshot = snapshot.expect("a snapshot");
    let set = stage.drift.set_baseline(setting, &snapshot, &ann(), &|commit, _| commit).await;
    set.expect("a baseline");
}

pub async fn drift(stage: &Stage) -> Arc<Drifted> {
    let against = Against::Baseline(name_of("").expect("a name"));
    let asked = Asked { against, selector: Selector::default() };
    stage.drift.drifted(&asked).await.expect("a report")
}

/// The titles of what differs, and what was not seen.
fn told(drifted: &Drifted) -> (Vec<String>, Vec<String>) {
    let report = &drifted.report;
    let open = report.open().map(|finding| finding.title.clone()).collect();
    let unseen = report.unobserved.iter().map(|one| {
        let problem = one.incomplete.as_ref().map(|one| one.problem.clone());
        format!("{}: {}", one.name, problem.unwrap_or_else(|| "a gap".to_owned()))
    });
    (open, unseen.collect())
}

#[tokio::test]
async fn the_same_change_on_hosts_is_one_finding_until_it_is_accepted() {
    let stage = Stage::new(3).await;
    let mut agents = Vec::new();
    for host in 0..3 {
        agents.push(stage.holding(host, &[("openssl", "3.0.11"), ("curl", "8")]).await);
    }
    baseline(&stage).await;
    assert_eq!(drift(&stage).await.report.verdict, Verdict::None);
    for agent in &mut agents[..2] {
        agent.put(&package("openssl", "3.0.14"));
        agent.tell().await;
    }
    agents[2].put(&package("curl", "9"));
    agents[2].tell().await;
    let drifted = drift(&stage).await;
    let (open, unseen) = told(&drifted);
    assert_eq!((open.len(), unseen.len()), (2, 0), "{open:?} {unseen:?}");
    let finding = drifted.report.findings.iter().find(|one| one.name == "openssl").expect("it");
    assert_eq!(finding.hosts.len(), 2, "{finding:?}");
    assert_eq!(drifted.changes_of(finding).len(), 2);

    // Only the one is accepted; the other stays.
    let accepting = Accepting {
        baseline: name_of("").expect("a name"),
        findings: Some(vec![finding.id]),
        note: "wanted".to_owned(),
        expected: None,
    };
    let none: Audits<'_> = (&unaudited, &unaudited);
    let accepted = stage.drift.accept(accepting.clone(), &ann(), none).await.expect("accepted");
    assert_eq!(accepted.0.accepted, [finding.id]);
    let (open, _) = told(&*drift(&stage).await);
    assert_eq!(open.len(), 1, "{open:?}");
    let gone = stage.drift.accept(accepting, &ann(), none).await;
    assert_eq!(gone.expect_err("it is gone").code, Code::NotFound);
}

#[tokio::test]
async fn what_was_not_seen_is_never_no_drift() {
    let mut stage = Stage::new(4).await;
    let mut agents = Vec::new();
    for host in 0..3 {
        agents.push(stage.holding(host, &[("openssl", "3")]).await);
    }
    baseline(&stage).await;
    // One source is not whole on the first, the second has no session, the third tells what is not
    // so, and of the fourth nothing was ever known.
    agents[0].sources = vec![wire::SourceTold {
        name: "packages".to_owned(),
        problem: Some(wire::Problem { message: "it hangs".to_owned(), ..Default::default() }),
        kinds: vec!["package".to_owned()],
        ..Default::default()
    }];
    agents[0].tell().await;
    stage.sessions.forget_for_test(id(1));
    agents[2].says = Some(9);
    agents[2].put(&package("curl", "8"));
    agents[2].tell().await;
    let drifted = drift(&stage).await;
    let (open, unseen) = told(&drifted);
    assert!(open.is_empty(), "{open:?}");
    assert_eq!(drifted.report.verdict, Verdict::NotObserved);
    assert!(!drifted.observed());
    for (host, why) in [
        ("host0", "it hangs"),
        ("host1", "its agent is not connected"),
        ("host2", "its last picture was not taken"),
        ("host3", "its agent told of no inventory"),
        ("host3", "the host is not in the baseline"),
    ] {
        assert!(unseen.iter().any(|one| one.contains(host) && one.contains(why)), "{unseen:?}");
    }
    // The coordinator's restart is no news, and nothing becomes right by it.
    stage.restart().await;
    let (_, again) = told(&*drift(&stage).await);
    assert!(again.iter().any(|one| one == "host2: its agent is not connected"), "{again:?}");
}

#[tokio::test]
async fn findings_name_the_hosts_of_a_batch() {
    let stage = Stage::new(3).await;
    let mut first = stage.holding(0, &[("openssl", "3.0.11")]).await;
    let _second = stage.holding(1, &[("openssl", "3.0.11")]).await;
    let _third = stage.holding(2, &[]).await;
    baseline(&stage).await;
    first.put(&package("openssl", "3.0.14"));
    first.tell().await;
    let select = async |text: &str| {
        let selector: Selector = text.parse().expect("a selector");
        let (rest, hosts) = stage.drift.select(selector).await?;
        Ok::<_, tamer_model::Problem>((rest.to_string(), hosts.map(Vec::from_iter)))
    };
    let one = Some(vec![id(0)]);
    assert_eq!(
        select("os=linux,drift.kind=package").await.expect("it"),
        ("os=linux".to_owned(), one)
    );
    let none = select("drift.kind=package,drift.name=curl").await.expect("none");
    assert_eq!(none, (String::new(), Some(Vec::new())));
    assert_eq!(select("os=linux").await.expect("no term"), ("os=linux".to_owned(), None));
    let unknown = select("drift.colour=red").await.expect_err("there is no such key");
    assert_eq!(unknown.code, Code::SelectorInvalid);
}

#[tokio::test]
async fn a_field_that_flips_is_proposed_tried_and_hidden() {
    let stage = Stage::new(1).await;
    let mut agent = stage.holding(0, &[("flapping", "a"), ("calm", "1")]).await;
    baseline(&stage).await;
    for version in ["b", "a", "b", "a", "b"] {
        // A look takes time; steps of one moment are one.
        let last = clock_after();
        while crate::clock::now() <= last {
            tokio::task::yield_now().await;
        }
        agent.put(&package("flapping", version));
        agent.tell().await;
    }
    assert_eq!(told(&*drift(&stage).await).0.len(), 1);
    let all = Timestamp::default();
    let proposals = stage.drift.proposals(all, &ann()).await.expect("proposals");
    assert_eq!(proposals.len(), 1, "{proposals:?}");
    let rule = proposals[0].rule.clone();
    let replayed = stage.drift.replay(&rule, all).await.expect("a replay");
    assert!(replayed.changes + replayed.fields >= 4, "{replayed:?}");
    stage.drift.put_rule(rule.clone(), &ann(), &|commit| commit).await.expect("adopted");
    let drifted = drift(&stage).await;
    assert!(told(&drifted).0.is_empty(), "{:?}", told(&drifted));
    assert_eq!(drifted.report.hidden.len(), 1, "what is hidden is told");
    stage.drift.remove_rule(&rule.name, &|commit| commit).await.expect("removed");
    assert_eq!(told(&*drift(&stage).await).0.len(), 1);
}

fn clock_after() -> Timestamp {
    crate::clock::now()
}

#[tokio::test]
async fn a_finding_is_set_aside_for_a_while() {
    let stage = Stage::new(1).await;
    let mut agent = stage.holding(0, &[("a", "1")]).await;
    baseline(&stage).await;
    agent.put(&package("a", "2"));
    agent.tell().await;
    let finding = drift(&stage).await.report.findings[0].id;
    let later = Timestamp::from_millis(crate::clock::now().as_millis() + 3_600_000);
    let aside = async |until: Timestamp| {
        let (until, by) = ((until, String::new()), ann());
        stage.drift.acknowledge(finding, until, &by, &|commit| commit).await.expect("a record");
    };
    aside(later).await;
    let drifted = drift(&stage).await;
    assert!(told(&drifted).0.is_empty() && drifted.report.findings.len() == 1);
    aside(Timestamp::default()).await;
    assert_eq!(told(&*drift(&stage).await).0.len(), 1);
}

#[test]
fn a_bad_rule_is_refused_by_name() {
    for (document, what) in [
        ("{", "EOF"),
        (r#"{"name":"x","reason":"r"}"#, "hide everything"),
        (r#"{"name":"x","reason":"r","path":"[["}"#, "path"),
        (r#"{"name":"x","reason":"r","kind":["colour"]}"#, "colour"),
        (r#"{"name":"x","reason":"","kind":["package"]}"#, "reason"),
    ] {
        let problem = read_rule(document, &ann()).expect_err(document);
        assert!(problem.message.contains(what), "{document}: {}", problem.message);
    }
    let rule = read_rule(r#"{"name":"x","reason":"r","kind":["package"],"by":"eve"}"#, &ann());
    assert_eq!(rule.expect("a rule").by, ann(), "a rule is its asker's");
}
