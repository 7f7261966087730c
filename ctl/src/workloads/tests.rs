use std::path::Path;

use super::*;

#[track_caller]
fn refused(name: &str, text: &str, field: &str, message: &str, remedy: &str) {
    let problem = parse(text, name, Form::of(Path::new(name), text)).expect_err("refused");
    assert_eq!(problem.field.as_deref(), Some(field), "{problem:?}");
    assert_eq!(problem.message, message);
    let told = problem.remedy.unwrap_or_default();
    assert!(told.contains(remedy), "{told:?} instead of {remedy:?}");
}

fn specs(name: &str, text: &str) -> Vec<WorkloadSpec> {
    parse(text, name, Form::of(Path::new(name), text)).expect("workloads")
}

const TOML: &str = r#"
version = 1
[[workloads]]
name = "web"
provider = "docker"
constraints = ["os=linux", "kernel>=5.10"]
run.count = 3
[workloads.instance]
image = "nginx:1.27"
ports = [{ instance = 80, host = 8080 }]
[workloads.resources]
cpu = 0.5
memory = "512MiB"
[workloads.health]
check.http = { port = 80, path = "/up" }
"#;

const YAML: &str = r#"
version: 1
workloads:
- name: web
  provider: docker
  constraints: [os=linux, "kernel>=5.10"]
  run: { count: 3 }
  instance:
    image: nginx:1.27
    ports: [{ instance: 80, host: 8080 }]
  resources: { cpu: 0.5, memory: 512MiB }
  health:
    check: { http: { port: 80, path: /up } }
"#;

const JSON: &str = r#"
{ "version": 1, "workloads": [ { "name": "web", "provider": "docker",
  "constraints": ["os=linux", "kernel>=5.10"], "run": { "count": 3 },
  "instance": { "image": "nginx:1.27", "ports": [ { "instance": 80, "host": 8080 } ] },
  "resources": { "cpu": 0.5, "memory": "512MiB" },
  "health": { "check": { "http": { "port": 80, "path": "/up" } } } } ] }
"#;

#[test]
fn all_forms_say_the_same_by_name_and_by_look() {
    let toml = specs("web.toml", TOML);
    assert_eq!(toml.len(), 1);
    for (name, text) in [
        ("web.yaml", YAML),
        ("web.YML", YAML),
        ("web.json", JSON),
        ("-", TOML),
        ("-", YAML),
        ("-", JSON),
    ] {
        assert_eq!(specs(name, text), toml, "{name}");
    }
}

#[test]
fn a_single_workload_needs_no_list_and_yaml_takes_several() {
    let one = "name: a\nprovider: docker\ninstance: { image: x }\n";
    assert_eq!(specs("one.yaml", one).len(), 1);
    let run = "run: every_host\n";
    let many = format!(
        "# the fleet\n---\n{one}{run}--- # and\n{}...\n---\n# nothing\n---\n{YAML}",
        one.replace("name: a", "name: b")
    );
    let many = specs("many.yaml", &many);
    let names: Vec<_> = many.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "web"]);
    assert_eq!(many[0].run, tamer_model::Run::EveryHost);
    // What looks like a divider in a text that is indented is none.
    let text = "name: a\nprovider: docker\ninstance:\n  image: x\n  command: [sh, -c, |-\n    x]\n";
    assert!(parse(text, "x", Form::Yaml).is_err());
    let block = "name: a\nprovider: docker\ninstance:\n  image: x\n  env:\n    A: |\n      one\n      ---\n      two\n";
    assert_eq!(specs("block.yaml", block)[0].instance.env["A"], "one\n---\ntwo\n");
}

#[test]
fn an_unknown_key_is_told_with_its_path_its_line_and_what_was_meant() {
    refused(
        "web.toml",
        &TOML.replace("image =", "imgae ="),
        "workloads[0].instance.imgae",
        "web.toml, line 9: \"workloads[0].instance.imgae\" is no key that is known here",
        "did you mean image?",
    );
    refused(
        "web.yaml",
        &format!("name: x\nprovider: docker\ninstance: {{ image: y }}\n---{YAML}")
            .replace("ports:", "prots:"),
        "workloads[0].instance.prots",
        "web.yaml, line 13: \"workloads[0].instance.prots\" is no key that is known here",
        "did you mean ports?",
    );
    refused(
        "web.json",
        &JSON.replace("\"run\": { \"count\"", "\"run\": { \"cuont\""),
        "workloads[0].run",
        "web.json, line 3: \"cuont\" is no word that is known here",
        "did you mean count?",
    );
    refused(
        "web.yaml",
        "workload:\n- name: x\n",
        "workload",
        "web.yaml, line 1: \"workload\" is no key that is known here",
        "did you mean workloads?",
    );
}

#[test]
fn a_bad_value_is_told_with_its_path_and_its_line() {
    let single = "name = \"a\"\nprovider = \"docker\"\ninstance.image = \"x\"\n";
    for (more, field, message) in [
        (
            "lost.replace_after = \"soon\"",
            "lost.replace_after",
            "x.toml, line 4: \"soon\" is neither a span of time nor \"never\"",
        ),
        (
            "resources.memory = \"much\"",
            "resources.memory",
            "x.toml, line 4: \"much\" is no size: write 512MiB, 2GiB or a number of bytes",
        ),
        ("priority = 101", "priority", "x.toml: not between 0 and 100"),
        (
            "with = [\"b\"]\napart_from = [\"b\"]",
            "with[0]",
            "x.toml: b is in apart_from too: no host can fit",
        ),
        ("with = [\"a\"]", "with[0]", "x.toml: a workload cannot wait for itself"),
        ("run.count = 100001", "run.count", "x.toml: not between 1 and 100000"),
        (
            "instance.ports = [{ instance = 1, host = 2 }, { instance = 3, host = 2 }]",
            "instance.ports[1].host",
            "x.toml: the same port of the host is published twice",
        ),
        (
            "instance.limits.cpu_millis = 99999999",
            "instance.limits.cpu_millis",
            "x.toml: not between 1 and 4096000",
        ),
    ] {
        refused("x.toml", &format!("{single}{more}\n"), field, message, "");
    }
    refused(
        "x.yaml",
        "name: a\ninstance: { image: x }\n",
        "provider",
        "x.yaml, line 2: provider is missing",
        "docs/workloads.md",
    );
    refused(
        "x.toml",
        "version = 2\nworkloads = []\nnew = 1\n",
        "version",
        "x.toml: version 2 is not known; this one knows 1",
        "newer tamerctl",
    );
    refused("x.toml", "workloads = []\n", "workloads", "x.toml: 0 workloads, not 1 to 60", "");
    refused("x.yaml", "# nothing\n", "file", "x.yaml has no workload", "workload init");
    refused("x.toml", "name = \"a\"\nname = \"b\"\n", "file", "x.toml, line 2: duplicate key", "");
    refused(
        "x.yaml",
        "name: [a\nb: {\n",
        "name",
        "x.yaml, line 2: illegal placement of ':' indicator",
        "",
    );
    refused("x.json", "{ \"name\": 1, }", "workloads", "x.json, line 1: trailing comma", "");
}

#[test]
fn a_problem_of_the_coordinator_is_told_of_its_file() {
    let names: Vec<_> = ["a", "b"].map(|name| name.parse().expect("a name")).into();
    let files = ["base/a.toml", "b.yaml"].map(str::to_owned).into();
    let desired = Desired { names, documents: Vec::new(), files };
    let placed = |field: &str| {
        let problem = desired.place(Problem::field(field, "there is no workload c"));
        (problem.field.unwrap_or_default(), problem.message)
    };
    let told = |field: &str, message: &str| (field.to_owned(), message.to_owned());
    assert_eq!(
        placed("workloads[1].with[0]"),
        told("with[0]", "b.yaml: b: there is no workload c")
    );
    for other in ["workloads", "workloads[2].with", "workloads[x].with", "expected"] {
        assert_eq!(placed(other), told(other, "there is no workload c"));
    }
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..12 {
        let before = format!("*a{}", at - 1);
        bomb += &format!("a{at}: &a{at} [{}]\n", vec![before; 9].join(", "));
    }
    let problem = parse(&bomb, "bomb.yaml", Form::Yaml).expect_err("refused");
    assert!(problem.message.len() < 500, "{problem}");
}
