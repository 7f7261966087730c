//! What each provider can, as `docs/providers.md` has it. The table is made of what the hosts tell;
//! with `TAMER_UPDATE_DOCS=1` it is written, else it is compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tamer_model::Operation;
use tamer_tests::Ctl;

use crate::scene::{SOON, available};

const BEGIN: &str = "<!-- capabilities:begin -->\n";
const END: &str = "<!-- capabilities:end -->";
const PROVIDERS: [(&str, &str); 3] =
    [("host1", "docker"), ("host2", "podman"), ("host3", "libvirt")];

/// A cell: what it begins with counts, and the reason of a no.
#[derive(Debug, PartialEq, Eq)]
enum Cell {
    Yes,
    No(String),
    /// Whether an operation that can be had is there now is the machine's affair.
    NotNow,
}

/// Compares the page with what the hosts tell, or writes it.
pub fn agrees(ctl: &Ctl) {
    let told = PROVIDERS.map(|(host, name)| available(ctl, host, name, true, SOON));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/providers.md");
    let text = fs::read_to_string(&page).expect("docs/providers.md");
    let (before, rest) = text.split_once(BEGIN).expect("the beginning of the table");
    let (table, after) = rest.split_once(END).expect("the end of the table");
    let made = render(&told);
    if std::env::var_os("TAMER_UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(&page, [before, BEGIN, &made, END, after].concat()).expect("docs/providers.md");
        return;
    }
    let (kept, made) = (read(table), read(&made));
    let keys = |table: &BTreeMap<_, _>| table.keys().cloned().collect::<Vec<(String, String)>>();
    let hint = "TAMER_UPDATE_DOCS=1 writes docs/providers.md anew";
    assert_eq!(keys(&kept), keys(&made), "{hint}");
    for (key, made) in &made {
        let kept = &kept[key];
        assert!(same(kept, made), "{key:?}: the page says {kept:?}, the host {made:?}; {hint}");
    }
}

fn same(kept: &Cell, made: &Cell) -> bool {
    match (kept, made) {
        (Cell::Yes | Cell::NotNow, Cell::Yes | Cell::NotNow) => true,
        (Cell::No(kept), Cell::No(made)) => kept == made,
        (Cell::No(_), Cell::Yes | Cell::NotNow) | (Cell::Yes | Cell::NotNow, Cell::No(_)) => false,
    }
}

#[test]
fn a_row_is_read_as_it_is_written() {
    let told = [
        serde_json::json!({"name": "a", "can": ["exec"], "cannot": {}, "not_now": {}}),
        serde_json::json!({"name": "b", "can": [], "cannot": {"exec": "why: so"}, "not_now": {}}),
        serde_json::json!({"name": "c", "can": [], "cannot": {}, "not_now": {"exec": "no a|b"}}),
    ];
    let row = told.each_ref().map(|provider| cell(provider, "exec")).join(" | ");
    assert_eq!(row, "yes | no: why: so | not now: no a b");
    let table = read(&format!("| head |\n|---|\n| `exec` | {row} |\n"));
    let cells: Vec<_> = table.into_values().collect();
    assert_eq!(cells, [Cell::Yes, Cell::NotNow, Cell::No("why: so".to_owned())]);
    assert!(same(&Cell::Yes, &Cell::NotNow) && !same(&Cell::Yes, &cells[2]));
    assert!(!same(&Cell::No("other".to_owned()), &cells[2]) && same(&cells[2], &cells[2]));
}

fn render(told: &[Value; 3]) -> String {
    let mut table = String::from("| operation | docker | podman | libvirt |\n|---|---|---|---|\n");
    for operation in Operation::ALL {
        let cells = told.each_ref().map(|provider| cell(provider, operation.as_str()));
        table += &format!("| `{operation}` | {} |\n", cells.join(" | "));
    }
    table
}

/// Every operation of every provider is told in exactly one way.
fn cell(provider: &Value, operation: &str) -> String {
    let can = provider["can"].as_array().is_some_and(|all| all.iter().any(|one| one == operation));
    let why = |key: &str| provider[key][operation].as_str().map(str::to_owned);
    let one_line = |why: String| why.replace(['\n', '|'], " ");
    match (can, why("cannot"), why("not_now")) {
        (true, None, None) => "yes".to_owned(),
        (false, Some(why), None) => format!("no: {}", one_line(why)),
        (false, None, Some(why)) => format!("not now: {}", one_line(why)),
        other => panic!("{operation} of {}: {other:?}: {provider:#}", provider["name"]),
    }
}

fn read(table: &str) -> BTreeMap<(String, String), Cell> {
    let mut cells = BTreeMap::new();
    for row in table.lines().skip(2).filter(|row| !row.trim().is_empty()) {
        let parts: Vec<&str> = row.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [operation, told @ ..] = &parts[..] else { panic!("a row: {row:?}") };
        assert_eq!(told.len(), PROVIDERS.len(), "{row:?}");
        for ((_, provider), text) in PROVIDERS.iter().zip(told) {
            let cell = match text.split_once(": ").unwrap_or((text, "")) {
                ("yes", _) => Cell::Yes,
                ("no", why) => Cell::No(why.to_owned()),
                ("not now", _) => Cell::NotNow,
                _ => panic!("{operation} of {provider}: {text:?}"),
            };
            cells.insert(((*operation).to_owned(), (*provider).to_owned()), cell);
        }
    }
    cells
}
