//! What changes between two documents, by path.

use serde_json::Value;
use tamer_proto::wire;

/// The most changes that are told of one workload.
const MOST: usize = 200;

/// The longest value that is told, in characters.
const LONGEST: usize = 1024;

/// Every leaf that differs, in the order of the keys. A list whose length differs is one change: its
/// elements have no names to tell which of them went.
pub fn diff(before: &Value, after: &Value) -> Vec<wire::FieldChange> {
    let mut changes = Vec::new();
    walk(String::new(), Some(before), Some(after), &mut changes);
    changes
}

fn walk(
    path: String,
    before: Option<&Value>,
    after: Option<&Value>,
    changes: &mut Vec<wire::FieldChange>,
) {
    if before == after || changes.len() >= MOST {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let mut keys: Vec<_> = old.keys().chain(new.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                let dot = if path.is_empty() { "" } else { "." };
                walk(format!("{path}{dot}{key}"), old.get(key), new.get(key), changes);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                walk(format!("{path}[{at}]"), Some(old), Some(new), changes);
            }
        }
        (before, after) => {
            let text =
                |value: Option<&Value>| short(value.map(Value::to_string).unwrap_or_default());
            changes.push(wire::FieldChange { path, before: text(before), after: text(after) });
        }
    }
}

fn short(text: String) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value) -> Vec<String> {
        let one =
            |wire::FieldChange { path, before, after }| format!("{path}: {before} -> {after}");
        diff(before, after).into_iter().map(one).collect()
    }

    #[test]
    fn changes_are_told_by_their_paths() {
        let before = json!({"name": "web", "instance": {"image": "a:1", "env": {"X": "1"}},
            "constraints": ["os=linux", "zone=a"], "with": ["db"]});
        let after = json!({"name": "web", "instance": {"image": "a:2", "env": {"Y": "1"}},
            "constraints": ["os=linux", "zone=b"], "with": []});
        assert_eq!(
            told(&before, &after),
            [
                "constraints[1]: \"zone=a\" -> \"zone=b\"",
                "instance.env.X: \"1\" -> ",
                "instance.env.Y:  -> \"1\"",
                "instance.image: \"a:1\" -> \"a:2\"",
                "with: [\"db\"] -> []",
            ]
        );
        assert!(told(&before, &before).is_empty());
    }

    #[test]
    fn no_more_is_told_than_fits() {
        let many =
            |value: u32| Value::Object((0..1000).map(|k| (k.to_string(), json!(value))).collect());
        assert_eq!(diff(&many(1), &many(2)).len(), MOST);
        let long = Value::String("é".repeat(5000));
        let told = diff(&json!({"a": 1}), &json!({"a": long}));
        assert_eq!(told[0].after.chars().count(), LONGEST + 1);
    }
}
