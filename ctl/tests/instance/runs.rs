//! `tamerctl run` and `tamerctl batch`: what is asked for, what is told, and how it ends.

use futures_util::StreamExt;
use futures_util::stream;
use serde_json::Value;
use tamer_model::{Action, Amount, BatchSpec, OnTrip, WaveSizes};
use tamer_proto::wire;

use crate::contents::content;
use crate::play::Play;
use crate::stage::Stage;

/// A task on a host that ended in `state`.
fn task(host: &str, state: &str, stdout: &str) -> wire::Task {
    let outcome = match state {
        "succeeded" => wire::Outcome::Succeeded,
        "failed" => wire::Outcome::Failed,
        "interrupted" => wire::Outcome::Interrupted,
        "never_started" => wire::Outcome::NeverStarted,
        other => panic!("{other} is not played"),
    };
    let kept = wire::KeptStream {
        head: stdout.as_bytes().to_vec(),
        tail: Vec::new(),
        total: stdout.len() as u64,
    };
    wire::Task {
        host: format!("h-{host}"),
        name: host.to_owned(),
        state: state.to_owned(),
        output: Some(wire::KeptOutput { stdout: Some(kept), ..Default::default() }),
        end: Some(wire::TaskEnd {
            outcome: outcome.into(),
            exit_code: (state == "failed").then_some(3),
            usage: Some(wire::Usage { cpu_ms: 1250, max_memory_bytes: Some(3 << 20) }),
            ..wire::TaskEnd::default()
        }),
        ..wire::Task::default()
    }
}

fn away(host: &str) -> wire::Task {
    let mut task = task(host, "never_started", "");
    task.output = None;
    if let Some(end) = &mut task.end {
        end.unsent = "unreachable".to_owned();
        end.reason = "its host is lost".to_owned();
        end.usage = None;
    }
    task
}

async fn stage(tasks: Vec<wire::Task>) -> Stage {
    Stage::open(Play { tasks, ..Play::default() }).await
}

fn asked(stage: &Stage) -> BatchSpec {
    let request = stage.asked.batches.lock().expect("a lock").pop().expect("a batch");
    assert!(!request.request_id.is_empty(), "asking twice must be one batch");
    request.spec.expect("a spec").try_into().expect("a spec that holds")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_is_asked_for_in_one_call() {
    let stage = stage(vec![task("web", "succeeded", "")]).await;
    let line = "run -l role=web --host web --canary 1 --waves 10% --max-failed 3 --lease db:2 \
                --undo old --timeout 5s -- systemctl restart nginx";
    stage.run(line).await.with(0);
    let spec = asked(&stage);
    assert_eq!(
        (spec.targets.selector.as_str(), spec.targets.hosts.as_slice()),
        ("role=web", &["web".to_owned()][..])
    );
    assert_eq!(spec.rollout.canary, Some(Amount::Count(1)));
    assert_eq!(spec.rollout.waves, WaveSizes::Each(Amount::Share(1000)));
    assert_eq!(spec.rollout.on_trip, OnTrip::Undo);
    assert_eq!(spec.leases[0].to_string(), "db:2");
    assert!(stage.asked.previews.lock().expect("a lock").is_empty(), "nobody is there to be asked");
    stage.run("instance restart web/db --canary 1 --pause-between resume").await.with(0);
    let spec = asked(&stage);
    assert!(matches!(spec.action, Action::Instance(_)));
    assert_eq!(spec.rollout.pause, tamer_model::Pause::UntilResumed);
    stage.run("run --failed-of last -- true").await.with(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_does_nothing() {
    let preview = wire::BatchPreview {
        targets: 37,
        ready: 34,
        lost: 2,
        cordoned: 1,
        hosts: 37,
        fleet: 40,
        waves: vec![1, 12, 24],
        first: vec!["web-1".to_owned(), "web-2".to_owned()],
        fingerprint: vec![7; 32],
        summary: "nginx -t".to_owned(),
    };
    let stage = Stage::open(Play { preview: Some(preview), ..Play::default() }).await;
    let shown = stage.run("run --preview --canary 1 -- nginx -t").await.with(0).stdout;
    insta::assert_snapshot!(shown, @r"
    nginx -t
    37 hosts: 34 ready, 2 lost, 1 cordoned; waves 1, 12, 24
    web-1, web-2 and 35 more
    ");
    let json = stage.run("run --dry-run -o json -- nginx -t").await.with(0).stdout;
    insta::assert_snapshot!(json, @r#"
    {
      "summary": "nginx -t",
      "targets": 37,
      "ready": 34,
      "lost": 2,
      "cordoned": 1,
      "hosts": 37,
      "fleet": 40,
      "waves": [
        1,
        12,
        24
      ],
      "first": [
        "web-1",
        "web-2"
      ]
    }
    "#);
    assert!(stage.asked.batches.lock().expect("a lock").is_empty());
    assert_eq!(stage.asked.previews.lock().expect("a lock").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_tells_the_unreachable_from_the_failed() {
    let ends = [
        (vec![task("a", "succeeded", "")], 0),
        (vec![task("a", "succeeded", ""), away("b")], 3),
        (vec![away("b")], 3),
        (vec![task("a", "failed", ""), away("b")], 1),
        (vec![task("a", "interrupted", "")], 1),
        (vec![task("a", "never_started", "")], 1),
    ];
    for (tasks, code) in ends {
        let stage = stage(tasks).await;
        for line in ["run -- true", "batch watch b-1", "batch retry b-1 --ends failed"] {
            stage.run(line).await.with(code);
        }
    }
    let stage = stage(Vec::new()).await;
    for line in ["run", "run --canary x -- a", "run -f /nowhere", "run --waves 60%,60% -- a"] {
        let ended = stage.run(line).await.with(2);
        assert!(!ended.stderr.is_empty(), "{line}");
    }
    let ended = stage.run("run -o json --lease a --lease a -- true").await.with(2);
    let error: Value = serde_json::from_str(&ended.stderr).expect("json");
    assert_eq!(error["error"]["field"], "lease");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_sent_where_they_are_missing() {
    let stage = stage(vec![task("web", "succeeded", "")]).await;
    let bytes: Vec<u8> = (0..150_000u32).map(|at| at as u8).collect();
    let (conf, script) = (stage.path("x.conf"), stage.path("x.sh"));
    std::fs::write(&conf, &bytes).expect("writes");
    std::fs::write(&script, "#!/bin/sh\n").expect("writes");
    let named = content(&bytes);
    // What an earlier try has left there is gone on from.
    let begun = bytes[..100_000].to_vec();
    stage.asked.contents.held.lock().expect("a lock").insert(named.digest.clone(), begun);
    let line = format!(
        "run --push {}:/etc/ --mode 0600 --script {} -- -v",
        conf.display(),
        script.display()
    );
    stage.run(&line).await.with(0);
    let Action::Sequence(steps) = asked(&stage).action else { panic!("no sequence") };
    let Action::Push(push) = &steps[0] else { panic!("{:?}", steps[0]) };
    assert_eq!((push.path.as_str(), push.mode), ("/etc/x.conf", Some(0o600)));
    assert_eq!(push.content.digest.as_bytes()[..], named.digest);
    let Action::Script(script) = &steps[1] else { panic!("{:?}", steps[1]) };
    assert_eq!((script.name.as_str(), script.command.argv.len()), ("x.sh", 2));
    let held = stage.asked.contents.held.lock().expect("a lock").clone();
    assert!(held[&named.digest] == bytes, "all of it is there");
    let offsets = std::mem::take(&mut *stage.asked.contents.pieces.lock().expect("a lock"));
    assert!(offsets.contains(&100_000) && !offsets.contains(&65_536), "{offsets:?}");
    stage.run(&line).await.with(0);
    let again = stage.asked.contents.pieces.lock().expect("a lock").clone();
    assert_eq!(again, Vec::<u64>::new(), "what is there is not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_on_its_way_starts_nothing() {
    let stage = stage(vec![task("web", "succeeded", "")]).await;
    let path = stage.path("x.conf");
    // More than is read ahead, so that some of it is read after the change.
    std::fs::write(&path, vec![b'x'; 4 << 20]).expect("writes");
    *stage.asked.contents.touched.lock().expect("a lock") = Some(path.clone());
    let ended = stage.run(&format!("run --push {}:/etc/x", path.display())).await.with(1);
    let said = "changed while it was sent";
    assert!(ended.stderr.contains(said) && ended.stderr.contains("remedy"), "{ended:?}");
    assert!(stage.asked.batches.lock().expect("a lock").is_empty());
    let missing = stage.run("run --script /nowhere/x.sh").await.with(2);
    assert!(missing.stderr.contains("/nowhere/x.sh"), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fetched_files_come_whole_and_verified() {
    let log = b"one line and another line\n";
    let mut with_file = task("web", "succeeded", "");
    let named = content(log);
    if let Some(end) = &mut with_file.end {
        (end.fetched_digest, end.fetched_size) = (named.digest.clone(), named.size);
    }
    let stage = stage(vec![with_file, task("none", "failed", "")]).await;
    let fetched = |bytes: &[u8]| {
        let mut held = stage.asked.contents.fetched.lock().expect("a lock");
        held.insert("h-web".to_owned(), bytes.to_vec());
    };
    let to = stage.path("logs");
    let line = format!("run --fetch /var/log/../app.log --to {}", to.display());
    fetched(b"something else entirely..\n");
    let wrong = stage.run(&line).await.with(1);
    assert!(wrong.stderr.contains("another content"), "{wrong:?}");
    assert!(!to.join("web/app.log").exists());
    fetched(log);
    stage.run(&line).await.with(1);
    assert_eq!(std::fs::read(to.join("web/app.log")).expect("a file"), log);
    assert!(!to.join("none").exists());
    // What is there and right is not asked for again; what broke off is gone on from.
    let asked_so_far = stage.asked.contents.asked.lock().expect("a lock").len();
    let get = format!("batch get-files b-1 --to {}", to.display());
    stage.run(&get).await.with(0);
    assert_eq!(stage.asked.contents.asked.lock().expect("a lock").len(), asked_so_far);
    std::fs::remove_file(to.join("web/app.log")).expect("removes");
    fetched(&log[..10]);
    let broken = stage.run(&get).await.with(3);
    assert!(broken.stderr.contains("broke off after 10 bytes"), "{broken:?}");
    fetched(log);
    stage.run(&get).await.with(0);
    assert_eq!(stage.asked.contents.asked.lock().expect("a lock").last(), Some(&10));
    assert_eq!(std::fs::read(to.join("web/app.log")).expect("a file"), log);
    let names: Vec<_> = std::fs::read_dir(to.join("web")).expect("a folder").collect();
    assert_eq!(names.len(), 1, "no part is left: {names:?}");
    stage.run("run --to x -- true").await.with(2);
    stage.run("run --fetch /x --to x --detach").await.with(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_shown_in_columns_and_never_guessed() {
    let mut cut = task("cut", "succeeded", "version=9");
    if let Some(kept) = cut.output.as_mut().and_then(|output| output.stdout.as_mut()) {
        kept.total += 100;
    }
    let tasks = vec![
        task("web", "succeeded", "version=1.2\nname=nginx\n"),
        task("odd", "succeeded", "words\n"),
        cut,
        away("gone"),
    ];
    let stage = stage(tasks).await;
    stage.run("run --parse kv -- cat /etc/version").await.with(3);
    let line = "batch show b-1 --columns target,state,data.version,cpu,memory";
    insta::assert_snapshot!(stage.run(line).await.with(0).stdout, @r"
    TARGET  STATE          VERSION                                       CPU    MEMORY
    web     succeeded      1.2                                           1.2 s  3.0 MiB
    odd     succeeded      (line 1 is neither key=value nor key: value)  1.2 s  3.0 MiB
    cut     succeeded      (100 bytes of the output were not kept)       1.2 s  3.0 MiB
    gone    never_started  -                                             -      -
    ");
    let json = stage.run("batch show b-1 -o json").await.with(0).stdout;
    let json: Value = serde_json::from_str(&json).expect("json");
    assert_eq!(json["tasks"][0]["data"]["version"], "1.2");
    assert_eq!(json["tasks"][0]["cpu_ms"], 1250);
    assert_eq!(json["tasks"][2]["data"], Value::Null);
    assert_eq!(json["tasks"][2]["data_problem"], "100 bytes of the output were not kept");
    assert_eq!(json["tasks"][3]["unsent"], "unreachable");
    stage.run("batch show b-1 --columns colour").await.with(2);
    let other = stage.run("batch show b-1 --columns data --parse lines").await.with(0).stdout;
    assert!(other.contains("[\"version=1.2\",\"name=nginx\"]"), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_steered_and_retried() {
    let tasks = vec![task("web", "succeeded", ""), task("db", "interrupted", "")];
    let stage = stage(tasks).await;
    stage.run("batch pause last").await.with(0);
    stage.run("batch resume b-1").await.with(0);
    let done = stage.asked.done.lock().expect("a lock").clone();
    assert_eq!(done, ["pause b-1", "resume b-1"]);
    let told = stage.run("batch retry b-1").await.with(1).stderr;
    assert!(told.contains("1 that were interrupted") && told.contains("--ends interrupted"));
    stage.run("batch retry b-1 --ends interrupted,timed-out --detach").await.with(0);
    let retries = stage.asked.retries.lock().expect("a lock").clone();
    assert_eq!(retries[0].ends, ["failed", "timed_out", "cancelled", "refused", "never_started"]);
    assert_eq!(retries[1].ends, ["interrupted", "timed_out"]);
    assert!(retries.iter().all(|retry| !retry.request_id.is_empty() && retry.id == "b-1"));
    assert_ne!(retries[0].request_id, retries[1].request_id);
    stage.run("batch retry b-1 --ends finished").await.with(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_one_a_line() {
    let stage = stage(vec![task("web", "succeeded", "hello\n")]).await;
    let lines = stage.run("run -o jsonl -- echo hello").await.with(0).stdout;
    let events: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let kinds: Vec<_> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(kinds.len(), events.len(), "{lines}");
    assert!(kinds.contains(&"task") && kinds.last() == Some(&"batch"), "{kinds:?}");
    let ended = stage.run("batch ls -o jsonl").await.with(0).stdout;
    assert_eq!(ended.lines().count(), 1, "{ended}");
    let doc = stage.run("run -o json -- echo hello").await.with(0).stdout;
    let doc: Value = serde_json::from_str(&doc).expect("one document");
    assert_eq!(doc["tasks"][0]["stdout"], "hello\n");
    let error = stage.run("run -o jsonl --sample 0 -- a").await.with(2).stderr;
    assert!(serde_json::from_str::<Value>(&error).is_ok(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_read_by_offset_and_gaps_are_told() {
    use wire::output_read::Event;
    let reads = |request: wire::ReadOutputRequest| {
        let piece = |offset, text: &str| {
            let data = text.as_bytes().to_vec().into();
            let stream = wire::StreamKind::Stdout.into();
            Event::Piece(wire::OutputPiece { stream, offset, data })
        };
        let mut events = vec![piece(request.stdout_from, "abc\n"), piece(14, "late\n")];
        if request.follow {
            events.push(Event::Ended(task("web", "succeeded", "")));
        }
        let events = events.into_iter().map(|event| Ok(wire::OutputRead { event: Some(event) }));
        stream::iter(events).boxed()
    };
    let tasks = vec![task("web", "succeeded", "kept\n")];
    let play = Play { tasks, read_output: Box::new(reads), ..Play::default() };
    let stage = Stage::open(play).await;
    let read = stage.run("batch logs b-1 web --from 6").await.with(0);
    insta::assert_snapshot!(read.stdout, @r"
    abc
    [… 4 bytes not shown …]
    late
    ");
    let json = stage.run("batch logs b-1 web -f -o jsonl").await.with(0).stdout;
    insta::assert_snapshot!(json, @r#"
    {"stream":"stdout","line":"abc"}
    {"stream":"stdout","missed":10}
    {"stream":"stdout","line":"late"}
    "#);
    let none = stage.run("batch logs b-1 web --only stderr").await.with(0).stdout;
    assert_eq!(none, "");
    assert_eq!(stage.run("batch logs b-1 web").await.with(0).stdout, "kept\n");
    stage.run("batch logs b-1 --from 6").await.with(2);
    let asked = stage.asked.outputs.lock().expect("a lock").clone();
    assert_eq!((asked[0].stdout_from, asked[0].follow), (6, false));
    assert_eq!((asked[1].stdout_from, asked[1].follow), (0, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_cordoned_and_tells_it() {
    let stage = stage(Vec::new()).await;
    let told = stage.run("host cordon web --reason disk").await.with(0).stdout;
    assert_eq!(told, "web takes no new work\n");
    assert_eq!(stage.run("host uncordon web").await.with(0).stdout, "web takes work\n");
    let listed = stage.run("host ls").await.with(0).stdout;
    assert!(listed.contains("ready, cordoned"), "{listed}");
    let shown = stage.run("host show web").await.with(0).stdout;
    assert!(shown.contains("by admin at") && shown.contains("a bad disk"), "{shown}");
    let json: Value =
        serde_json::from_str(&stage.run("host ls -o json").await.with(0).stdout).expect("json");
    assert_eq!(json[0]["cordon"]["reason"], "a bad disk");
}

#[cfg(target_os = "linux")]
mod in_a_terminal {
    use super::{Play, Stage, asked, task, wire};
    use crate::terminal::Terminal;

    async fn stage() -> Stage {
        let preview = wire::BatchPreview {
            targets: 12,
            ready: 11,
            lost: 1,
            hosts: 12,
            fleet: 20,
            fingerprint: vec![7; 32],
            summary: "reboot".to_owned(),
            ..wire::BatchPreview::default()
        };
        let tasks = vec![task("web", "succeeded", "")];
        Stage::open(Play { preview: Some(preview), tasks, ..Play::default() }).await
    }

    fn run(stage: &Stage, flags: &[&str]) -> Terminal {
        let line = [&["run"], flags, &["--", "reboot"]].concat();
        Terminal::start(&line, &stage.context(), 80, 24)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn much_of_a_fleet_is_asked_for_and_a_yes_is_for_what_was_shown() {
        let stage = stage().await;
        let mut terminal = run(&stage, &[]);
        terminal.wait_for("12 hosts: 11 ready, 1 lost");
        terminal.wait_for("Start it? [y/N]");
        assert!(stage.asked.batches.lock().expect("a lock").is_empty(), "not before the yes");
        terminal.type_(b"y\n");
        assert_eq!(terminal.ended().code(), Some(0));
        let request = stage.asked.batches.lock().expect("a lock").pop().expect("a batch");
        assert_eq!(request.expect_targets, [7; 32]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn anything_but_a_yes_starts_nothing() {
        let stage = stage().await;
        let mut terminal = run(&stage, &[]);
        terminal.wait_for("Start it? [y/N]");
        terminal.type_(b"\n");
        assert_eq!(terminal.ended().code(), Some(1));
        assert!(stage.asked.batches.lock().expect("a lock").is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_is_asked_where_that_is_said() {
        let stage = stage().await;
        for flags in [&["--yes"][..], &["--confirm-above", "60%"]] {
            assert_eq!(run(&stage, flags).ended().code(), Some(0), "{flags:?}");
            asked(&stage);
        }
        let path = stage.context();
        let text = std::fs::read_to_string(&path).expect("a context");
        std::fs::write(&path, format!("confirm_above = \"100%\"\n{text}")).expect("writes");
        assert_eq!(run(&stage, &[]).ended().code(), Some(0));
        let mut terminal = run(&stage, &["--confirm-above=1%"]);
        terminal.wait_for("Start it? [y/N]");
        terminal.type_(b"n\n");
        assert_eq!(terminal.ended().code(), Some(1), "the flag is over the context");
    }
}
