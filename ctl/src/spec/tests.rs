//! Flags and files become specs, and what contradicts itself is one clear error.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use clap::Parser;
use tamer_model::{
    Action, Amount, BatchSpec, Content, EndKind, Fingerprint, InstanceAction, Offline, OnTrip,
    Order, Pause, Problem, Retryable, WaveSizes,
};

use super::{Draft, Ready, What};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    what: What,
}

#[track_caller]
pub fn reads_back<T: FromStr<Err = String> + fmt::Display>(texts: &[(&str, &str)]) {
    for (text, shown) in texts {
        let read = text.parse::<T>().unwrap_or_else(|why| panic!("{text:?}: {why}"));
        assert_eq!(read.to_string(), *shown, "{text:?}");
        assert_eq!(
            read.to_string().parse::<T>().map(|again| again.to_string()),
            Ok(read.to_string())
        );
    }
}

#[track_caller]
pub fn misread<T: FromStr<Err = String> + fmt::Debug>(texts: &[&str]) {
    for text in texts {
        let why = text.parse::<T>().expect_err(text);
        assert!(why.starts_with(&format!("{text:?} ")), "{why}");
    }
}

const ID: &str = "b-0123456789abcdef";

fn draft(line: &[&str]) -> Result<Draft, Problem> {
    let line = Line::try_parse_from(std::iter::once("run").chain(line.iter().copied()));
    line.unwrap_or_else(|error| panic!("{error}")).what.draft()
}

fn ready(line: &[&str]) -> Result<Ready, Problem> {
    let content = |_: &Path| Ok(Content { digest: Fingerprint::from_bytes([7; 32]), size: 3 });
    draft(line)?.ready(&content)
}

#[track_caller]
fn spec(line: &[&str]) -> BatchSpec {
    ready(line).unwrap_or_else(|problem| panic!("{line:?}: {problem}")).spec
}

/// The flags of a rollout before `-- true`.
#[track_caller]
fn rollout(line: &[&str]) -> tamer_model::Rollout {
    spec(&[line, &["--", "true"]].concat()).rollout
}

#[track_caller]
fn refused(line: &[&str], field: &str) {
    let problem = ready(line).expect_err("refused");
    assert_eq!(problem.field.as_deref(), Some(field), "{line:?}: {problem}");
    assert!(problem.remedy.is_some(), "{line:?}: {problem} has no remedy");
    assert_eq!(crate::errors::exit_code(problem.code), 2, "{problem}");
}

#[track_caller]
fn unreadable(line: &[&str]) {
    let line = Line::try_parse_from(std::iter::once("run").chain(line.iter().copied()));
    let error = line.expect_err("unreadable");
    assert!(error.use_stderr() && error.exit_code() == 2, "{error}");
}

#[test]
fn targets_are_what_is_said() {
    assert_eq!(spec(&["--", "true"]).targets, tamer_model::TargetSpec::default());
    let targets = spec(&[
        "-l",
        "os=linux",
        "--host=a",
        "--host",
        "b",
        "--having=provider=docker",
        "--sample=5%",
        "--",
        "true",
    ])
    .targets;
    assert_eq!(targets.selector, "os=linux");
    assert_eq!(targets.hosts, ["a", "b"]);
    assert_eq!(targets.instances.expect("having").selector, "provider=docker");
    assert_eq!(targets.sample, Some(Amount::Share(500)));
    let inside = spec(&["-i", "tier=web", "--in", "web/db", "--", "true"]);
    let terms = inside.targets.instances.expect("instances");
    assert_eq!((terms.selector.as_str(), terms.named), ("tier=web", vec!["web/db".to_owned()]));
    assert!(matches!(inside.action, Action::Exec(_)), "{:?}", inside.action);
    refused(&["--having", "a=b", "-i", "c=d", "--", "true"], "having");
    refused(&["-l", "", "--", "true"], "selector");
    refused(&["--having", "", "--", "true"], "having");
    refused(&["-i", "", "--", "true"], "instance_selector");
    refused(&["--host", "", "--", "true"], "host");
    refused(&["--in", "", "--", "true"], "in");
    unreadable(&["--sample", "many", "--", "true"]);
}

#[test]
fn earlier_batches_choose_by_their_ends() {
    let ends = |line: &[&str]| spec(&[line, &["--", "true"]].concat()).targets.earlier;
    let failed = ends(&["--failed-of", ID]).expect("earlier");
    assert_eq!((failed.batch.to_string().as_str(), failed.ends), (ID, EndKind::NOT_DONE.to_vec()));
    let never = ends(&["--never-started-of", ID]).expect("earlier");
    assert_eq!(never.ends, [EndKind::NeverStarted]);
    let away = ends(&["--unreachable-of", ID]).expect("earlier");
    assert_eq!(away.ends, [EndKind::Unreachable]);
    let some = format!("{ID}:timed-out,interrupted");
    let some = ends(&["--ends-of", &some]).expect("earlier");
    assert_eq!(some.ends, [EndKind::TimedOut, EndKind::Interrupted]);
    let last = ready(&["--failed-of", "last", "--", "true"]).expect("a spec");
    assert!(last.last, "the newest is still to be looked up");
    let id = ID.parse().expect("an id");
    assert_eq!(last.with_last(id).targets.earlier.expect("earlier").batch, id);
    refused(&["--failed-of", ID, "--unreachable-of", ID, "--", "true"], "unreachable_of");
    unreadable(&["--failed-of", "yesterday", "--", "true"]);
    unreadable(&["--ends-of", "last", "--", "true"]);
    unreadable(&["--ends-of", "last:finished", "--", "true"]);
}

#[test]
fn a_command_is_run_as_it_is_said() {
    let line = [
        "--timeout=2m",
        "-eA=1",
        "--cwd=/srv",
        "-u",
        "www",
        "--grace=1s",
        "--output-limit=8K",
        "--lost-wait=1m",
        "--allow-empty",
        "--parse=kv",
        "--",
        "make",
        "-j",
    ];
    let said = spec(&line);
    let Action::Command(command) = &said.action else { panic!("{:?}", said.action) };
    assert_eq!(command.argv, ["make", "-j"]);
    assert_eq!((command.timeout_ms, command.grace_ms), (Some(120_000), 1000));
    assert_eq!((command.cwd.as_deref(), command.user.as_deref()), (Some("/srv"), Some("www")));
    assert_eq!((command.env["A"].as_str(), command.output_limit), ("1", 8192));
    assert_eq!((said.lost_wait_ms, said.allow_empty), (Some(60_000), true));
    assert_eq!(said.parse, Some(tamer_model::Parse::Kv));
    let shell = spec(&["--shell", "--", "ls", "*"]).action;
    assert!(matches!(&shell, Action::Command(c) if c.shell && c.argv == ["ls *"]), "{shell:?}");
    let inside = spec(&["--in", "db", "--shell", "--", "ls", "*"]).action;
    assert!(matches!(&inside, Action::Exec(e) if e.spec.argv == ["sh", "-c", "ls *"]));
    refused(&["--in", "db", "--grace=1s", "--", "true"], "grace");
    refused(&[], "command");
    refused(&["--shell"], "shell");
    unreadable(&["--parse", "xml", "--", "true"]);
    unreadable(&["-e", "A", "--", "true"]);
    unreadable(&["--timeout", "5", "--", "true"]);
}

#[test]
fn steps_go_in_the_order_given() {
    let steps = |line: &[&str]| match spec(line).action {
        Action::Sequence(steps) => steps.iter().map(Action::summary).collect(),
        one => vec![one.summary()],
    };
    assert_eq!(
        steps(&[
            "--push",
            "a:/etc/a",
            "--script=x.sh",
            "--push=b:/etc/",
            "--fetch",
            "/var/log/x",
            "--",
            "nginx",
            "-t",
        ]),
        ["push /etc/a", "script x.sh", "push /etc/b", "fetch /var/log/x", "nginx -t"]
    );
    assert_eq!(
        steps(&["--push", "a:/a", "--script", "d/x.sh", "--", "-v", "1"]),
        ["push /a", "script x.sh -v 1"]
    );
    assert_eq!(steps(&["--fetch", "/x"]), ["fetch /x"]);
    refused(&["--push", "a:b"], "push");
    refused(&["--push", "a:/b", "-i", "x=y"], "push");
    refused(&["--script", "a", "--in", "y"], "script");
    refused(&["--fetch", "/a", "--in", "y"], "fetch");
    refused(&["--fetch", "a/"], "fetch.path");
    refused(&["--script", "x.sh", "--shell", "--", "a"], "shell");
    refused(&["--fetch", "/a", "--fetch", "/b"], "steps");
}

#[test]
fn what_is_said_of_a_step_is_of_the_one_before() {
    let pushes = |line: &[&str]| match spec(line).action {
        Action::Sequence(steps) => steps,
        one => vec![one],
    };
    let steps = pushes(&[
        "--push=a:/a",
        "--mode=0600",
        "--push=b:/b",
        "--owner=www:www",
        "--folders",
        "--mode=755",
    ]);
    let said: Vec<_> = steps
        .iter()
        .map(|step| match step {
            Action::Push(push) => (push.mode, push.owner.as_deref(), push.folders),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(said, [(Some(0o600), None, false), (Some(0o755), Some("www:www"), true)]);
    let only = pushes(&["--mode=0600", "--push=a:/a"]);
    assert!(matches!(&only[0], Action::Push(push) if push.mode == Some(0o600)));
    let script = spec(&["--script=x.py", "--interpreter=python3 -u"]).action;
    assert!(matches!(&script, Action::Script(s) if s.interpreter == ["python3", "-u"]));
    let fetch = spec(&["--fetch=/x", "--fetch-limit=1M"]).action;
    assert!(matches!(&fetch, Action::Fetch(fetch) if fetch.limit == 1 << 20));
    refused(&["--mode=0600", "--push=a:/a", "--push=b:/b"], "mode");
    refused(&["--mode=0600", "--", "true"], "mode");
    refused(&["--folders", "--", "true"], "folders");
    refused(&["--interpreter=sh", "--", "true"], "interpreter");
    refused(&["--fetch-limit=1M", "--", "true"], "fetch-limit");
    unreadable(&["--push=a:/a", "--mode=rw"]);
}

#[test]
fn a_rollout_is_what_is_said() {
    let all = rollout(&[
        "--canary=1",
        "--waves=5,10,50%",
        "--max-in-flight=10%",
        "--pause-between=5m",
        "--max-failed=3",
        "--max-unreachable=10%",
        "--min-success=95%",
        "--on-trip=pause",
        "--jitter=2s",
        "--rate=50",
        "--order=random",
        "--seed=7",
        "--retries=2",
        "--retry-on=failed,interrupted",
        "--retry-backoff=3s",
        "--offline=wait:1h",
        "--deadline=2h",
    ]);
    assert_eq!(all.canary, Some(Amount::Count(1)));
    let sizes = vec![Amount::Count(5), Amount::Count(10), Amount::Share(5000)];
    assert_eq!(all.waves, WaveSizes::Listed(sizes));
    assert_eq!(all.max_in_flight, Some(Amount::Share(1000)));
    assert_eq!(all.pause, Pause::For(300_000));
    assert_eq!(all.max_failed, Some(Amount::Count(3)));
    assert_eq!(all.max_unreachable, Some(Amount::Share(1000)));
    assert_eq!((all.success, all.on_trip), (Some(9500), OnTrip::Pause));
    assert_eq!((all.jitter_ms, all.rate, all.order, all.seed), (2000, Some(50), Order::Random, 7));
    assert_eq!((all.retry.attempts, all.retry.backoff_ms), (3, 3000));
    let on: Vec<_> = all.retry.on.into_iter().collect();
    assert_eq!(on, [Retryable::Failed, Retryable::Interrupted]);
    assert_eq!((all.offline, all.deadline_ms), (Offline::Wait(3_600_000), Some(7_200_000)));
}

#[test]
fn words_of_a_rollout_stand_for_themselves() {
    assert_eq!(rollout(&[]), tamer_model::Rollout::default());
    assert_eq!(rollout(&["--waves=x2:1"]).waves, WaveSizes::Doubling(Amount::Count(1)));
    assert_eq!(rollout(&["--waves=10%"]).waves, WaveSizes::Each(Amount::Share(1000)));
    assert_eq!(rollout(&["--pause-between=resume"]).pause, Pause::UntilResumed);
    assert_eq!(rollout(&["--offline=require"]).offline, Offline::Require);
    let again = rollout(&["--retry", "interrupted"]).retry;
    assert_eq!(
        (again.attempts, again.on.into_iter().collect::<Vec<_>>()),
        (2, vec![Retryable::Interrupted])
    );
    assert!(!rollout(&["--retries=3"]).retry.on.contains(&Retryable::Interrupted));
    assert_ne!(rollout(&["--order=random"]).seed, 0, "it is drawn");
    let leases = spec(&["--lease=db:2", "--lease", "net", "--", "true"]).leases;
    assert_eq!(leases.iter().map(ToString::to_string).collect::<Vec<_>>(), ["db:2", "net:1"]);
}

#[test]
fn an_undo_is_run_when_it_trips() {
    let undone = spec(&["--undo", "systemctl restart old", "--", "true"]);
    assert_eq!(undone.rollout.on_trip, OnTrip::Undo);
    assert_eq!(undone.undo.expect("an undo").summary(), "systemctl restart old");
    let inside = spec(&["--in=db", "--undo", "x", "--", "true"]).undo.expect("an undo");
    assert!(matches!(*inside, Action::Exec(_)));
    refused(&["--undo=x", "--on-trip=stop", "--", "true"], "undo");
    refused(&["--on-trip=undo", "--", "true"], "undo");
}

#[test]
fn a_rollout_that_contradicts_itself_is_refused() {
    for (line, field) in [
        ("--canary=0", "rollout.canary"),
        ("--waves=60%,60%", "rollout.waves"),
        ("--waves=0", "rollout.waves"),
        ("--max-in-flight=0", "rollout.max_in_flight"),
        ("--rate=0", "rollout.rate"),
        ("--retries=100", "rollout.retry.attempts"),
        ("--deadline=0s", "rollout.deadline"),
        ("--jitter=2years", "rollout.jitter"),
        ("--sample=0", "sample"),
    ] {
        refused(&[line, "--", "true"], field);
    }
    refused(&["--lease=a", "--lease=a:3", "--", "true"], "lease");
    for line in [
        "--canary=some",
        "--waves=x3:1",
        "--pause-between=later",
        "--min-success=95",
        "--on-trip=panic",
        "--order=age",
        "--retry-on=succeeded",
        "--offline=wait",
        "--rate=-1",
        "--lease=a:0",
        "--deadline=soon",
    ] {
        unreadable(&[line, "--", "true"]);
    }
}

#[test]
fn flags_are_said_over_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spec.toml");
    let text = r#"
        version = 1
        lease = ["db:1"]
        [targets]
        selector = "role=web"
        sample = 3
        [task]
        timeout = "1m"
        env = { A = "file", B = "file" }
        [rollout]
        canary = 1
        waves = "10%"
        seed = 5
        [[steps]]
        push = "x.conf"
        to = "/etc/"
        [[steps]]
        shell = "nginx -t"
        timeout = "5s"
        env = { B = "step" }
        [undo]
        command = ["old"]
    "#;
    std::fs::write(&path, text).expect("writes");
    let file = path.to_str().expect("a path");
    let alone = spec(&["-f", file]);
    assert_eq!(alone.action.summary(), "push /etc/x.conf; nginx -t");
    assert_eq!(draft(&["-f", file]).expect("a draft").files(), [folder.path().join("x.conf")]);
    assert_eq!((alone.rollout.on_trip, alone.rollout.seed), (OnTrip::Undo, 5));
    assert_eq!(alone.targets.sample, Some(Amount::Count(3)));
    let Action::Sequence(steps) = &alone.action else { panic!("{:?}", alone.action) };
    let Action::Command(check) = &steps[1] else { panic!("{:?}", steps[1]) };
    assert_eq!(
        (check.timeout_ms, check.env["A"].as_str(), check.env["B"].as_str()),
        (Some(5000), "file", "step")
    );
    let line = ["-f", file, "-lrole=db", "--canary=2", "--lease=net", "-eA=flag", "--", "reboot"];
    let over = spec(&line);
    assert_eq!(
        (over.targets.selector.as_str(), over.action.summary()),
        ("role=db", "reboot".to_owned())
    );
    assert_eq!(over.rollout.canary, Some(Amount::Count(2)));
    assert_eq!(over.rollout.waves, WaveSizes::Each(Amount::Share(1000)), "the file's");
    assert_eq!(over.leases.len(), 1);
    let Action::Command(command) = &over.action else { panic!("{:?}", over.action) };
    assert_eq!((command.env["A"].as_str(), command.env["B"].as_str()), ("flag", "file"));
    assert_eq!(command.timeout_ms, Some(60_000));
}

#[test]
fn instances_are_operated_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("spec.yaml");
    let text = "version: 1\n\
        targets: { in: [web/db] }\n\
        steps:\n\
        - { instance: stop, grace: 3s }\n\
        - instance: start\n\
        - command: [pg_isready]\n";
    std::fs::write(&path, text).expect("writes");
    let file = path.to_str().expect("a path");
    let Action::Sequence(steps) = spec(&["-f", file]).action else { panic!("no sequence") };
    assert_eq!(steps[0], Action::Instance(InstanceAction::Stop { grace_ms: Some(3000) }));
    assert_eq!(steps[1], Action::Instance(InstanceAction::Start));
    assert!(matches!(&steps[2], Action::Exec(exec) if exec.spec.argv == ["pg_isready"]));
    std::fs::write(&path, "version: 1\naction: { instance: stop }\n").expect("writes");
    refused(&["-f", file], "instance");
}
