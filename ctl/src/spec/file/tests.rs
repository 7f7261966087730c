use super::*;

#[track_caller]
fn refused(name: &str, text: &str, field: &str, words: &[&str]) {
    let problem = match parse(text, Path::new(name)) {
        Err(problem) => problem,
        Ok(file) => {
            let forms = file.steps.into_iter().chain(file.action);
            let read =
                forms.map(|form| form.step("step", Path::new(""))).collect::<Result<Vec<_>, _>>();
            read.expect_err("refused")
        }
    };
    assert_eq!(problem.field.as_deref(), Some(field), "{problem}");
    for word in words {
        assert!(problem.message.contains(word), "{word}: {problem}");
    }
    assert!(problem.remedy.is_some(), "{problem}");
    assert!(!problem.message.contains('\n'), "one line: {problem}");
}

#[test]
fn both_forms_say_the_same() {
    let toml = r#"
        version = 1
        parse = "kv"
        lost_wait = "1m"
        allow_empty = true
        lease = ["db:2"]
        [targets]
        host = ["a", "b"]
        failed_of = "last"
        [rollout]
        max_failed = 3
        max_unreachable = "10%"
        retry_on = ["timed-out", "interrupted"]
        [action]
        script = "x.sh"
        args = ["-v"]
        interpreter = "python3 -u"
    "#;
    let yaml = "\
version: 1
parse: kv
lost_wait: 1m
allow_empty: true
lease: ['db:2']
targets:
  host: [a, b]
  failed_of: last
rollout:
  max_failed: 3
  max_unreachable: 10%
  retry_on: [timed-out, interrupted]
action:
  script: x.sh
  args: [-v]
  interpreter: python3 -u
";
    let read = |text, name| parse(text, Path::new(name)).expect("a spec");
    assert_eq!(read(toml, "x.toml"), read(yaml, "x.yml"));
    assert_eq!(read(toml, "-"), read(yaml, "-"), "without an ending the text itself tells");
}

#[test]
fn a_problem_names_the_key_and_the_line() {
    let head = "version = 1\n";
    let toml = |text: &str| format!("{head}{text}");
    refused(
        "x.toml",
        &toml("[rollout]\ncanry = 1\n"),
        "canry",
        &["line 3", "unknown field", "canary", "max_failed"],
    );
    refused("x.toml", &toml("colour = 1\n"), "colour", &["line 2", "targets", "rollout"]);
    refused("x.toml", &toml("[rollout]\nwaves = \"x3:1\"\n"), "waves", &["x3:1", "x2:1"]);
    refused("x.toml", &toml("[task]\ntimeout = 5\n"), "timeout", &["30s"]);
    refused("x.toml", &toml("[action]\ncommand = \"true\"\n"), "command", &["line 3"]);
    refused("x.yaml", "version: 1\nrollout:\n  canry: 1\n", "canry", &["line 3", "canary"]);
    refused(
        "x.yaml",
        "version: 1\nrollout:\n  on_trip: panic\n",
        "on_trip",
        &["stop, pause, undo"],
    );
    refused("x.yaml", "version: 1\naction: { push: a, to: /a, mode: '9' }\n", "action", &["octal"]);
    refused("x.toml", "version = 1\n[", "file", &["line 2"]);
}

#[test]
fn a_version_is_said_and_a_newer_one_is_one_error() {
    refused("x.toml", "colour = 1\n", "version", &["does not say"]);
    let newer = "version = 2\ncolour = 1\n[rollout]\nshape = \"round\"\n";
    refused("x.toml", newer, "version", &["version 2", "knows 1"]);
    refused("x.yaml", "version: 7\nshape: round\n", "version", &["version 7"]);
}

#[test]
fn a_step_does_one_thing() {
    let step = |text: &str| format!("version = 1\n[[steps]]\n{text}\n");
    for (text, field) in [
        ("", "step"),
        ("command = [\"a\"]\nshell = \"b\"", "step"),
        ("shell = \"a\"\nto = \"/b\"", "step.to"),
        ("shell = \"a\"\nmode = \"0644\"", "step.mode"),
        ("fetch = \"/a\"\ninterpreter = \"sh\"", "step.interpreter"),
        ("shell = \"a\"\nargs = [\"b\"]", "step.args"),
        ("shell = \"a\"\nfetch_limit = \"1M\"", "step.fetch_limit"),
        ("push = \"a\"", "step.to"),
        ("instance = \"dance\"", "step.instance"),
    ] {
        refused("x.toml", &step(text), field, &[]);
    }
}

#[test]
fn a_mode_is_a_text_so_that_no_number_is_read_wrong() {
    let push = "version: 1\naction: { push: a, to: /a, mode: 0644 }\n";
    let file = parse(push, Path::new("x.yaml")).expect("a spec");
    assert_eq!(file.action.and_then(|form| form.mode).map(|mode| mode.0), Some(0o644));
    refused(
        "x.toml",
        "version = 1\n[action]\npush = \"a\"\nto = \"/a\"\nmode = 644\n",
        "mode",
        &["string"],
    );
}
