//! `tamerctl drift rule ls`.

use tamer_drift::finding::{IgnoreRule, show};

use crate::Session;
use crate::contract::Rule;
use crate::errors::Failure;
use crate::output::{Cell, Line, Table, print};

/// Runs it.
pub async fn run(session: &Session) -> Result<(), Failure> {
    let rules = session.api().await?.rules().await?;
    if rules.is_empty() && !session.for_scripts() {
        print::note("no rules hide anything; `tamerctl drift noise` proposes some");
        return Ok(());
    }
    session.show(&rules, |wide| lines(&rules, wide, print::columns()))
}

/// One line a rule.
pub fn lines(rules: &[Rule], wide: bool, columns: Option<usize>) -> Vec<Line> {
    let mut head = vec!["RULE", "HIDES", "UNTIL", "BY", "WHY"];
    if wide {
        head.push("SET");
    }
    let mut table = Table::new(head);
    for Rule { rule, at } in rules {
        let mut cells: Vec<Cell> = vec![
            rule.name.to_string().into(),
            hides(rule).into(),
            rule.until.map(show::time).unwrap_or_default().into(),
            rule.by.to_string().into(),
            rule.reason.as_str().into(),
        ];
        if wide {
            cells.push(at.to_string().into());
        }
        table.row(cells);
    }
    table.lines_within(columns)
}

/// What a rule names, as its flags say it.
pub fn hides(rule: &IgnoreRule) -> String {
    let IgnoreRule { kind, change, source, resource, path, hosts, origin, .. } = rule;
    let kinds = kind.iter().map(|kind| ("kind", kind.to_string()));
    let changes = change.iter().map(|change| ("change", change.to_string()));
    let others = [
        ("source", source.clone().map(String::from)),
        ("resource", resource.clone().map(String::from)),
        ("path", path.clone().map(String::from)),
        ("selector", hosts.as_ref().map(ToString::to_string)),
        ("origin", origin.map(|origin| origin.to_string())),
    ];
    let others = others.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let all = kinds.chain(changes).chain(others);
    all.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
