//! What should run: planned, applied, followed, changed and explained.

use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use tamer_model::{Code, Problem};
use tamer_proto::{status_of, wire};
use wire::change_workload_request::Change;

use crate::fleet::{Fleet, change, placement, view};
use crate::play::Play;
use crate::stage::Stage;

const WEB: &[u8] =
    b"name = \"web\"\nprovider = \"docker\"\nrun.count = 3\ninstance.image = \"nginx\"\n";

async fn open(fleet: Fleet) -> Stage {
    Stage::open(Play { fleet, ..Play::default() }).await
}

fn plan(what: &str, version: u32) -> wire::WorkloadPlan {
    wire::WorkloadPlan { workloads: vec![change(what, version)], ..wire::WorkloadPlan::default() }
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_by_its_code_whether_it_would_change_something() {
    let stage = open(Fleet { plan: plan("changed", 3), ..Fleet::default() }).await;
    let told = stage.run_with("workload plan -f -", WEB).await.with(2);
    insta::assert_snapshot!(told.stdout, @r"
    web would be changed, version 3 to 4; its copies stay
      lost hosts: a copy on a lost host is replaced after 5m

    1 changed
    ");
    assert_eq!(told.stderr, "");
    let json = stage.run_with("workload plan -f - -o json", WEB).await.with(2).stdout;
    let json: Value = serde_json::from_str(&json).expect("json");
    assert_eq!((&json["changes"], &json["workloads"][0]["version"]), (&true.into(), &3.into()));
    let sent = stage.fleet.plans.lock().expect("a lock").pop().expect("a plan");
    let document: Value = serde_json::from_str(&sent.documents[0]).expect("json");
    assert_eq!((&document["name"], &document["run"]["count"]), (&"web".into(), &3.into()));

    let stage = open(Fleet { plan: plan("unchanged", 4), ..Fleet::default() }).await;
    let told = stage.run_with("workload plan -f -", WEB).await.with(0);
    assert!(told.stdout.ends_with("nothing would change: 1 unchanged\n"), "{told:?}");
    let step = wire::PlannedStep { kind: "make".to_owned(), ..wire::PlannedStep::default() };
    let moves = wire::WorkloadPlan { steps: vec![step], ..plan("unchanged", 4) };
    let stage = open(Fleet { plan: moves, ..Fleet::default() }).await;
    stage.run_with("workload plan -f -", WEB).await.with(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_error_of_a_plan_looks_like_a_change() {
    let stage = open(Fleet::default()).await;
    let large = stage.path("large.toml");
    let file = std::fs::File::create(&large).expect("a file");
    file.set_len(10_000_000).expect("ten megabytes");
    let large = format!("workload plan -f {}", large.display());
    for (line, stdin, words) in [
        (
            "workload plan -f -",
            &b"name = \"web\"\nimage = \"x\"\n"[..],
            "line 2: \"image\" is no key",
        ),
        ("workload plan -f /nowhere.toml", b"", "cannot read /nowhere.toml"),
        ("workload plan", b"", "no file is given"),
        ("workload plan -f - -f -", WEB, "standard input is given twice"),
        (&large, b"", "has more than 4194304 bytes"),
        ("workload plan -f - --nonsense", b"", "--nonsense"),
        ("workload plan -f - --nonsense -o json", b"", "invalid-field"),
        ("workload plan -f - --context none", WEB, "--context and TAMER_CONFIG"),
    ] {
        let ended = stage.run_with(line, stdin).await.with(1);
        assert!(ended.stderr.contains(words), "{line}: {ended:?}");
        assert_eq!(ended.stdout, "", "{line}");
    }
    assert!(stage.fleet.plans.lock().expect("a lock").is_empty(), "nothing was asked");
    // Other verbs tell bad input as everywhere.
    stage.run_with("workload apply -f -", b"name = \"web\"\n").await.with(2);
    stage.run("workload ls --nonsense").await.with(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_files_are_one_apply_that_expects_what_was_planned() {
    let both = wire::WorkloadPlan {
        workloads: vec![
            change("changed", 3),
            wire::WorkloadChange { name: "b".to_owned(), ..change("created", 0) },
        ],
        ..wire::WorkloadPlan::default()
    };
    let stage = open(Fleet { plan: both, ..Fleet::default() }).await;
    let folder = stage.path("fleet");
    std::fs::create_dir(&folder).expect("a folder");
    std::fs::write(folder.join("1.yaml"), "name: b\nprovider: docker\ninstance: { image: x }\n")
        .expect("a file");
    std::fs::write(folder.join("README.md"), "no workload").expect("a file");
    let line = format!("workload apply -f - {} --take-over", folder.display());
    let ended = stage.run_with(&line, WEB).await.with(0);
    assert_eq!(
        ended.stdout, "web changed, version 4\nb created, version 1\n",
        "nobody waits in a pipe"
    );
    assert!(plain(&ended.stderr).starts_with("web would be changed"), "shown first: {ended:?}");
    let applies = stage.fleet.applies.lock().expect("a lock");
    let [apply] = applies.as_slice() else { panic!("{applies:?}") };
    assert_eq!(apply.documents.len(), 2);
    assert!(apply.take_over && !apply.request_id.is_empty());
    let expected: Vec<_> =
        apply.expected.iter().map(|one| (one.workload.as_str(), one.version)).collect();
    assert_eq!(expected, [("web", 3), ("b", 0)]);
    let planned = stage.fleet.plans.lock().expect("a lock").pop().expect("a plan");
    assert_eq!(planned.documents, apply.documents, "what was shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_apply_says_what_to_do() {
    let raced = Problem::new(Code::Conflict, "web has version 5, not 3").on("web");
    let fleet = Fleet { plan: plan("changed", 3), refuses: Some(raced), ..Fleet::default() };
    let stage = open(fleet).await;
    let ended = stage.run_with("workload apply -f - -y -o json", WEB).await.with(1);
    assert_eq!(ended.stdout, "");
    let error: Value = serde_json::from_str(&ended.stderr).expect("json");
    assert_eq!(error["error"]["code"], "conflict");
    assert!(error["error"]["remedy"].as_str().expect("a remedy").contains("apply again"));
    let twice = stage.path("twice.yaml");
    std::fs::write(&twice, "name: web\nprovider: docker\ninstance: { image: x }\n")
        .expect("a file");
    let line = format!("workload apply -f - -f {}", twice.display());
    let ended = stage.run_with(&line, WEB).await.with(2);
    assert!(ended.stderr.contains("web is in standard input and in"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_waits_until_all_is_well() {
    let watch = |_| {
        let mut rolling = view("updating", 1);
        rolling.update = Some(wire::UpdateView {
            stage: "rolling".to_owned(),
            replaced: 1,
            total: 3,
            ..wire::UpdateView::default()
        });
        let told = [view("running", 2), rolling, view("running", 3)];
        stream::iter(told.map(Ok)).chain(stream::pending()).boxed()
    };
    let fleet = Fleet { plan: plan("changed", 3), watch: Box::new(watch), ..Fleet::default() };
    let stage = open(fleet).await;
    let ended = stage.run_with("workload apply -f - --wait", WEB).await.with(0);
    assert_eq!(plain(&ended.stdout), "web changed, version 4\nweb is as it should be\n");
    let json = stage.run_with("workload apply -f - --wait -o json", WEB).await.with(0);
    assert_eq!(json.stderr, "", "a script is told once");
    let json: Value = serde_json::from_str(&json.stdout).expect("json");
    assert_eq!(json["workloads"][0]["what"], "changed");
    assert_eq!(
        (&json["outcomes"][0]["workload"], &json["outcomes"][0]["outcome"]),
        (&"web".into(), &"well".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_goes_back_has_failed() {
    let watch = |_| {
        let mut reverted = view("running", 3);
        reverted.row.as_mut().expect("a row").version = 5;
        stream::iter([Ok(view("updating", 1)), Ok(reverted)]).chain(stream::pending()).boxed()
    };
    let version = |version, cause: &str| wire::WorkloadVersionView {
        version,
        template: 3,
        by: "admin".to_owned(),
        at: 1000,
        cause: cause.to_owned(),
        document: "{}".to_owned(),
    };
    let versions = vec![
        version(5, "went back to 3 by itself: web/0 on a: exited with 1"),
        version(4, "applied"),
    ];
    let fleet =
        Fleet { plan: plan("changed", 3), watch: Box::new(watch), versions, ..Fleet::default() };
    let stage = open(fleet).await;
    let ended = stage.run_with("workload apply -f - --wait", WEB).await.with(1);
    let shown = plain(&ended.stdout);
    assert!(
        shown.ends_with("web was changed meanwhile: version 5: went back to 3 by itself: web/0 on a: exited with 1\n"),
        "{shown}"
    );
    let history = stage.run("workload history web").await.with(0).stdout;
    assert!(
        history.contains("went back to 3 by itself") && history.starts_with("VERSION"),
        "{history}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_made_again() {
    let times = AtomicU32::new(0);
    let watch = move |_| match times.fetch_add(1, Ordering::SeqCst) {
        // The coordinator ends a watch when it restarts.
        0 => stream::iter([Ok(view("updating", 1))]).boxed(),
        1 => stream::iter([Err(status_of(Problem::new(Code::Unreachable, "restarting")))]).boxed(),
        _ => stream::iter([Ok(view("running", 3))]).chain(stream::pending()).boxed(),
    };
    let fleet = Fleet { watch: Box::new(watch), ..Fleet::default() };
    let stage = open(fleet).await;
    let ended = stage.run("workload restart web --wait").await.with(0);
    assert!(ended.stderr.contains("lost the coordinator; it goes on without us"), "{ended:?}");
    assert_eq!(plain(&ended.stdout), "web is as it should be\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn patience_ends_where_it_is_told_to() {
    let watch = |_| {
        let mut pending = view("pending", 0);
        pending.row.as_mut().expect("a row").reason = "no host has 64GiB".to_owned();
        stream::iter([Ok(pending)]).chain(stream::pending()).boxed()
    };
    let stage = open(Fleet { watch: Box::new(watch), ..Fleet::default() }).await;
    let ended = stage.run("workload start web --timeout 1s").await.with(1);
    for words in
        ["not done within 1s", "no host has 64GiB", "workload show web --watch", "[timed-out]"]
    {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_is_changed_without_a_file() {
    let stage = open(Fleet::default()).await;
    let empty = || wire::Empty {};
    for (line, wanted) in [
        ("workload scale web 9", Change::Scale(9)),
        ("workload restart web", Change::Restart(empty())),
        ("workload stop web", Change::Stop(empty())),
        ("workload start web", Change::Start(empty())),
        ("workload revert web", Change::Revert(0)),
        ("workload revert web 2 --take-over", Change::Revert(2)),
        ("workload rm web --yes", Change::Remove(empty())),
    ] {
        stage.run(line).await.with(0);
        let asked = stage.fleet.changes.lock().expect("a lock").pop().expect("a change");
        assert_eq!((asked.name.as_str(), asked.change), ("web", Some(wanted)), "{line}");
        assert_eq!(asked.take_over, line.contains("--take-over"));
    }
    for line in ["workload revert web 0", "workload scale web many", "workload scale web"] {
        stage.run(line).await.with(2);
    }
    let ended = stage.run("workload rm web").await.with(2);
    assert!(ended.stderr.contains("workload rm web -y"), "{ended:?}");
    assert!(stage.fleet.changes.lock().expect("a lock").is_empty(), "nobody said yes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_is_over_when_it_is_gone() {
    let watch = |_| {
        let gone = Problem::new(Code::NotFound, "no workload \"web\"");
        stream::iter([Ok(view("removing", 1)), Err(status_of(gone))]).boxed()
    };
    let stage = open(Fleet { watch: Box::new(watch), ..Fleet::default() }).await;
    let ended = stage.run("workload rm web --yes --wait").await.with(0);
    assert_eq!(plain(&ended.stdout), "web is removed\n");
    let ended = stage.run("workload restart web --wait").await.with(1);
    assert!(ended.stdout.contains("was changed meanwhile"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_listed_shown_and_explained() {
    let mut shown = view("running", 3);
    shown.placements = (0..3).map(|at| placement(at, "web-01")).collect();
    let why = wire::WhyResponse {
        lines: vec!["web/0 is on web-01 because a copy was missing.".to_owned()],
        placements: vec![placement(0, "web-01")],
        ..wire::WhyResponse::default()
    };
    let stage = open(Fleet { view: shown, why, ..Fleet::default() }).await;
    let listed = stage.run("workload ls -l owner=admin").await.with(0).stdout;
    assert!(listed.contains("web   running  3 of 3 well"), "{listed}");
    let asked = stage.fleet.lists.lock().expect("a lock").pop().expect("a list");
    assert_eq!(asked.selector, "owner=admin");
    let shown = stage.run("workload show web").await.with(0).stdout;
    assert!(shown.contains("Copies:    3 of 3 well"), "{shown}");
    let why = stage.run("workload why web/0").await.with(0).stdout;
    assert!(why.starts_with("web/0 is on web-01 because a copy was missing.\n"), "{why}");
    let json = stage.run("placement ls --workload web --host web-01 -o json").await.with(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("json");
    assert_eq!(json.as_array().map(Vec::len), Some(3), "two pages");
    let asked = std::mem::take(&mut *stage.fleet.placements.lock().expect("a lock"));
    assert_eq!((asked.len(), &*asked[0].workload, &*asked[0].host), (2, "web", "web-01"));
    let table = stage.run("placement ls").await.with(0).stdout;
    assert!(table.contains("web/2") && table.contains("running"), "{table}");
    let missing = stage.run("workload show nothing").await.with(1);
    assert!(missing.stderr.contains("[not-found]"), "{missing:?}");
    stage.run("workload ls -l =").await.with(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn balancing_is_shown_before_it_is_done() {
    let step = wire::PlannedStep {
        kind: "make".to_owned(),
        workload: "web".to_owned(),
        index: 1,
        host: "web-03".to_owned(),
        reason: "this host is better".to_owned(),
        ..wire::PlannedStep::default()
    };
    let moves = wire::WorkloadPlan { steps: vec![step], ..wire::WorkloadPlan::default() };
    let stage = open(Fleet { plan: moves, ..Fleet::default() }).await;
    let told = stage.run("workload rebalance web --dry-run").await.with(0).stdout;
    assert!(told.contains("web/1") && told.contains("this host is better"), "{told}");
    let asked = stage.fleet.rebalances.lock().expect("a lock").pop().expect("a plan");
    assert_eq!(asked.workload, "web");
    assert!(stage.fleet.changes.lock().expect("a lock").is_empty(), "only looked at");
    let told = stage.run("workload rebalance").await.with(0).stdout;
    assert!(told.starts_with("web: copies are being moved"), "{told}");
    let asked = stage.fleet.changes.lock().expect("a lock").pop().expect("a change");
    assert_eq!(asked.change, Some(Change::Rebalance(wire::Empty {})));
    let stage = open(Fleet::default()).await;
    let told = stage.run("workload rebalance").await.with(0).stdout;
    assert!(told.contains("nothing is moved"), "{told}");
}

fn drain(left: u32, draining: bool) -> wire::DrainView {
    wire::DrainView {
        host: "web-01".to_owned(),
        draining,
        drained: draining && left == 0,
        begun_at: 1000,
        deadline: None,
        left,
        placements: (0..left).map(|at| placement(at, "web-01")).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_followed_to_its_end() {
    let stage = open(Fleet {
        drain: vec![drain(2, true), drain(1, true), drain(0, true)],
        ..Fleet::default()
    })
    .await;
    let line = "host drain web-01 --deadline 10m --keep-every-host --wait";
    let ended = stage.run(line).await.with(0);
    assert_eq!(plain(&ended.stdout), "web-01 is drained\n");
    let asked = stage.fleet.drains.lock().expect("a lock").pop().expect("a drain");
    assert_eq!((asked.deadline_ms, asked.keep_every_host), (Some(600_000), true));
    let ended = stage.run("host drain web-01 --now --reason disk").await.with(0);
    let shown = plain(&ended.stdout);
    assert!(shown.starts_with("web-01 is being drained: 2 copies are left\n"), "{shown}");
    assert!(shown.contains("web/1"), "{shown}");
    let asked = stage.fleet.drains.lock().expect("a lock").pop().expect("a drain");
    assert_eq!((asked.deadline_ms, asked.reason.as_str()), (Some(0), "disk"));
    stage.run("host drain web-01 --now --deadline 1m").await.with(2);
    stage.run("host drain web-01 --cancel --now").await.with(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_can_be_ended_by_anybody() {
    let stage = open(Fleet { drain: vec![drain(2, false)], ..Fleet::default() }).await;
    let ended = stage.run("host drain web-01 --cancel").await.with(0);
    assert_eq!(
        plain(&ended.stdout),
        "web-01 is not being drained; a cordon stays until `host uncordon web-01`\n"
    );
    let asked = stage.fleet.drains.lock().expect("a lock").pop().expect("a drain");
    assert!(asked.cancel);
    let stage =
        open(Fleet { drain: vec![drain(2, true), drain(2, false)], ..Fleet::default() }).await;
    stage.run("host drain web-01 --wait").await.with(1);
    stage.run("host drain nothing --wait").await.with(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_are_printed_and_can_be_applied() {
    let stage = open(Fleet { plan: plan("created", 0), ..Fleet::default() }).await;
    for example in ["", "web", "task", "every-host"] {
        let text = stage.run(&format!("workload init {example}")).await.with(0).stdout;
        stage.run_with("workload plan -f -", text.as_bytes()).await.with(2);
    }
    let schema = stage.run("workload schema").await.with(0).stdout;
    let schema: Value = serde_json::from_str(&schema).expect("json");
    assert!(schema["definitions"]["WorkloadSpec"]["properties"]["instance"].is_object());
}

#[cfg(target_os = "linux")]
mod at_a_terminal {
    use futures_util::stream::{self, StreamExt};

    use super::{Fleet, WEB, open, plan, view};
    use crate::terminal::Terminal;

    /// A fleet whose update never ends.
    fn rolling() -> Fleet {
        let watch = |_| stream::iter([Ok(view("updating", 1))]).chain(stream::pending()).boxed();
        Fleet { plan: plan("changed", 3), watch: Box::new(watch), ..Fleet::default() }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_person_is_asked_and_can_leave() {
        let stage = open(rolling()).await;
        let file = stage.path("web.toml");
        std::fs::write(&file, WEB).expect("a file");
        let file = file.to_str().expect("a path");
        let arguments = ["workload", "apply", "-f", file];
        let mut terminal = Terminal::start(&arguments, &stage.context(), 80, 24);
        terminal.wait_for("a copy on a lost host is replaced after 5m");
        terminal.wait_for("Apply it? [y/N]");
        terminal.type_(b"n\n");
        terminal.wait_for("nothing was applied");
        assert_eq!(terminal.ended().code(), Some(1));
        assert!(stage.fleet.applies.lock().expect("a lock").is_empty());

        let mut terminal = Terminal::start(&arguments, &stage.context(), 80, 24);
        terminal.wait_for("Apply it? [y/N]");
        terminal.type_(b"y\n");
        terminal.wait_for("web: updating, 1 of 3 well");
        terminal.type_(b"\x03");
        terminal.wait_for("it goes on; see how: `tamerctl workload show web --watch`");
        assert_eq!(terminal.ended().code(), Some(130));
        assert_eq!(stage.fleet.applies.lock().expect("a lock").len(), 1);
        assert!(stage.fleet.changes.lock().expect("a lock").is_empty(), "nothing was undone");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_changes_nothing_is_not_asked_for() {
        let stage = open(Fleet { plan: plan("unchanged", 4), ..Fleet::default() }).await;
        let file = stage.path("web.toml");
        std::fs::write(&file, WEB).expect("a file");
        let arguments = ["workload", "apply", "-f", file.to_str().expect("a path")];
        let mut terminal = Terminal::start(&arguments, &stage.context(), 80, 24);
        terminal.wait_for("is as it should be");
        assert_eq!(terminal.ended().code(), Some(0));
    }
}
