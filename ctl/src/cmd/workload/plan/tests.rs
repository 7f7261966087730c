use tamer_proto::wire;

use super::*;

fn field(path: &str, before: &str, after: &str) -> wire::FieldChange {
    let [path, before, after] = [path, before, after].map(str::to_owned);
    wire::FieldChange { path, before, after }
}

fn step(kind: &str, copy: (&str, u32), host: &str, reason: &str) -> wire::PlannedStep {
    wire::PlannedStep {
        kind: kind.to_owned(),
        workload: copy.0.to_owned(),
        index: copy.1,
        host: host.to_owned(),
        placement: if kind == "stop" { "p-0123456789abcdef".to_owned() } else { String::new() },
        reason: reason.to_owned(),
        score: (kind == "make").then_some(wire::Score { points: 612, fitting: 3, hosts: 5 }),
    }
}

fn removed(constraint: &str, hosts: u32) -> wire::Removed {
    wire::Removed { constraint: constraint.to_owned(), hosts }
}

const LOST: &str = "a copy on a lost host is replaced after 5m; a host that is cut off keeps it; \
                    the new one stays";

fn plan() -> wire::WorkloadPlan {
    let change = |name: &str, what: &str, version, fields| wire::WorkloadChange {
        name: name.to_owned(),
        what: what.to_owned(),
        fields,
        replaces_copies: what == "changed",
        lost: LOST.to_owned(),
        version,
    };
    let fields = vec![
        field("instance.image", "\"nginx:1.28\"", "\"nginx:1.29\u{1b}[2J\""),
        field("run.count", "2", "3"),
        field(
            "health",
            "",
            r#"{"check":{"http":{"port":80,"path":"/up"}},"every":"10s","failures":3}"#,
        ),
        field("rebalance", r#"{"moves":1}"#, ""),
    ];
    let created = vec![
        field("name", "", "\"db\""),
        field("packing", "", "\"even\""),
        field("priority", "", "60"),
    ];
    wire::WorkloadPlan {
        workloads: vec![
            change("web", "changed", 3, fields),
            change("db", "created", 0, created),
            change("cache", "unchanged", 7, vec![]),
        ],
        steps: vec![
            step("make", ("web", 2), "web-01", "a copy was missing"),
            step(
                "stop",
                ("web", 0),
                "a-host-with-a-long-name.example.com",
                "an update replaces it, as its policy says",
            ),
        ],
        left_out: 12,
        unplaced: vec![wire::Unplaced {
            workload: "db".to_owned(),
            copies: 2,
            removed: vec![removed("zone in (a,b)", 3), removed("memory", 2)],
            hosts: 5,
            remedies: vec![
                "lower resources.memory from 64GiB to 32GiB: then 2 hosts fit, and both copies"
                    .to_owned(),
                "add a host in zone a or b".to_owned(),
            ],
            since: 0,
        }],
        notes: vec!["copies of web that are stopped may take 20s".to_owned()],
    }
}

fn shown(plan: wire::WorkloadPlan, columns: Option<usize>) -> String {
    let lines = lines(&plan.into(), false, columns);
    let texts: Vec<_> = lines.iter().map(Line::text).collect();
    if let Some(columns) = columns {
        let wide = texts.iter().find(|text| width::of(text) > columns);
        assert_eq!(wide, None, "it fits");
    }
    texts.join("\n")
}

#[test]
fn a_plan_fits_the_terminal() {
    insta::assert_snapshot!(shown(plan(), Some(80)), @r#"
    web would be changed, version 3 to 4; its copies are made anew
      ~ instance.image  "nginx:1.28" → "\"nginx:1.29\u001b[2J\""
      ~ run.count       2 → 3
      + health          {"check":{"http":{"path":"/up","port":80}},"every":"10s","f…
      - rebalance       {"moves":1}
      lost hosts: a copy on a lost host is replaced after 5m; a host that is cut off
                  keeps it; the new one stays

    db would be created
      + priority  60
      lost hosts: a copy on a lost host is replaced after 5m; a host that is cut off
                  keeps it; the new one stays

    cache is unchanged, version 7
      lost hosts: a copy on a lost host is replaced after 5m; a host that is cut off
                  keeps it; the new one stays

    STEP  COPY   HOST                           SCORE  WHY
    make  web/2  web-01                         612    a copy was missing
    stop  web/0  a-host-with-a-long-name.exam…  -      an update replaces it, as it…
    and 12 steps more that are not listed

    2 copies of db without a host
      of 5 hosts, removed by: zone in (a,b) (3), memory (2)
      to change: lower resources.memory from 64GiB to 32GiB: then 2 hosts fit, and
                 both copies
      to change: add a host in zone a or b

    note: copies of web that are stopped may take 20s
    1 created, 1 changed, 1 unchanged, 1 to make, 1 to stop, 12 more steps, 2
    without a host
    "#);
}

#[test]
fn a_plan_of_nothing_says_so() {
    let unchanged = wire::WorkloadPlan {
        workloads: vec![wire::WorkloadChange {
            name: "web".to_owned(),
            what: "unchanged".to_owned(),
            version: 4,
            lost: "it is waited for".to_owned(),
            ..wire::WorkloadChange::default()
        }],
        ..wire::WorkloadPlan::default()
    };
    assert!(!WorkloadPlan::from(unchanged.clone()).changes);
    insta::assert_snapshot!(shown(unchanged, None), @r#"
    web is unchanged, version 4
      lost hosts: it is waited for

    nothing would change: 1 unchanged
    "#);
    assert_eq!(shown(wire::WorkloadPlan::default(), None), "nothing would change");
}

#[test]
fn only_some_of_many_steps_are_listed() {
    let steps = (0..50).map(|at| step("make", ("web", at), "a", "a copy was missing"));
    let many = wire::WorkloadPlan { steps: steps.collect(), ..wire::WorkloadPlan::default() };
    assert!(shown(many.clone(), None).contains("and 10 more: -o wide shows them"));
    assert_eq!(lines(&many.into(), true, None).len(), 1 + 50 + 2);
}

#[test]
fn the_contract_holds() {
    let plan = WorkloadPlan::from(plan());
    let json = serde_json::to_string_pretty(&plan).expect("json");
    insta::assert_snapshot!(json, @r#"
    {
      "changes": true,
      "workloads": [
        {
          "workload": "web",
          "what": "changed",
          "version": 3,
          "fields": [
            {
              "path": "instance.image",
              "before": "nginx:1.28",
              "after": "\"nginx:1.29\u001b[2J\""
            },
            {
              "path": "run.count",
              "before": 2,
              "after": 3
            },
            {
              "path": "health",
              "before": null,
              "after": {
                "check": {
                  "http": {
                    "path": "/up",
                    "port": 80
                  }
                },
                "every": "10s",
                "failures": 3
              }
            },
            {
              "path": "rebalance",
              "before": {
                "moves": 1
              },
              "after": null
            }
          ],
          "replaces_copies": true,
          "lost": "a copy on a lost host is replaced after 5m; a host that is cut off keeps it; the new one stays"
        },
        {
          "workload": "db",
          "what": "created",
          "version": 0,
          "fields": [
            {
              "path": "name",
              "before": null,
              "after": "db"
            },
            {
              "path": "packing",
              "before": null,
              "after": "even"
            },
            {
              "path": "priority",
              "before": null,
              "after": 60
            }
          ],
          "replaces_copies": false,
          "lost": "a copy on a lost host is replaced after 5m; a host that is cut off keeps it; the new one stays"
        },
        {
          "workload": "cache",
          "what": "unchanged",
          "version": 7,
          "fields": [],
          "replaces_copies": false,
          "lost": "a copy on a lost host is replaced after 5m; a host that is cut off keeps it; the new one stays"
        }
      ],
      "steps": [
        {
          "step": "make",
          "workload": "web",
          "index": 2,
          "host": "web-01",
          "placement": null,
          "reason": "a copy was missing",
          "score": {
            "points": 612,
            "fitting": 3,
            "hosts": 5
          }
        },
        {
          "step": "stop",
          "workload": "web",
          "index": 0,
          "host": "a-host-with-a-long-name.example.com",
          "placement": "p-0123456789abcdef",
          "reason": "an update replaces it, as its policy says",
          "score": null
        }
      ],
      "left_out": 12,
      "unplaced": [
        {
          "workload": "db",
          "copies": 2,
          "hosts": 5,
          "removed": [
            {
              "constraint": "zone in (a,b)",
              "hosts": 3
            },
            {
              "constraint": "memory",
              "hosts": 2
            }
          ],
          "remedies": [
            "lower resources.memory from 64GiB to 32GiB: then 2 hosts fit, and both copies",
            "add a host in zone a or b"
          ],
          "since": null
        }
      ],
      "notes": [
        "copies of web that are stopped may take 20s"
      ]
    }
    "#);
}
