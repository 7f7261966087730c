//! The benchmark of placing, small: it does what it measures, and its table is whole.
#![cfg(target_os = "linux")]

use std::process::Command;

use tamer_tests::program;

/// What the table has to tell, by how its lines begin; those of the smallest run that does it all.
const LINES: [&str; 22] = [
    "floor: durable records a second",
    "floor: a bare gRPC call",
    "join from nothing, 50 hosts",
    "500 copies: the file is stored",
    "500 copies: last one decided and stored",
    "500 copies: last one handed to its host",
    "500 copies: last one stored as running",
    "500 copies: the coordinator's CPU",
    "500 copies: the coordinator's memory",
    "500 copies: on the wire, each",
    "`tamerctl workload ls`",
    "`tamerctl workload plan`, nothing to change",
    "`tamerctl workload plan`, a tenth more copies",
    "a lost host of",
    "the same: from its return until no copy is there twice",
    "drain of 5 hosts",
    "the same: from the request until all run",
    "300 more copies: last one decided and stored",
    "restart with 800 copies on 50 hosts",
    "the same: until every host is back and every copy confirmed",
    "the same: the coordinator's CPU and memory",
    "coordinator, memory at most",
];

#[test]
fn the_benchmark_of_placing_measures_all_it_tells() {
    let programs = program("tamer-coordinator");
    let programs = programs.parent().expect("a program is in a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_placements"))
        .args(["--hosts", "50", "--copies", "500", "--all", "800", "--drain", "5", "--programs"])
        .arg(programs)
        .output()
        .expect("the benchmark starts");
    let (told, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}:\n{errors}\n{told}", output.status);
    let rows: Vec<Vec<&str>> = told
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(str::trim).collect())
        .collect();
    for line in LINES {
        let row = rows.iter().find(|row| row[0].starts_with(line));
        let figure = row.and_then(|row| row.get(1)).unwrap_or(&"");
        assert!(figure.contains(|c: char| c.is_ascii_digit()), "{line}: {figure:?}\n{told}");
        assert!(!figure.contains("NaN") && !figure.contains("inf"), "{line}: {figure}");
    }
}
