//! Settings out of configuration files: JSON, TOML and INI become one tree of values, without what
//! is secret in them. Pure.

use std::collections::BTreeMap;

use tamer_drift::Value;

use crate::inventory::{Hider, is_secret, text};

/// How deep a tree may be; what lies deeper is told as its keyed hash. A resource takes eight, and
/// the settings lie in one map.
const MOST_DEEP: usize = 6;
/// The most keys of one file.
const MOST_KEYS: usize = 5000;

/// Reads JSON.
pub fn json(content: &str, hider: &Hider) -> Result<Value, String> {
    let content = content.trim_start_matches('\u{feff}');
    if content.trim().is_empty() {
        return Ok(Value::Map(BTreeMap::new()));
    }
    let read: serde_json::Value = serde_json::from_str(content).map_err(place)?;
    Ok(of_json(&read, hider))
}

/// Reads TOML.
pub fn toml(content: &str, hider: &Hider) -> Result<Value, String> {
    let read: toml::Table = content.parse().map_err(|error: toml::de::Error| {
        // Its message may show what stands there; its place does not.
        match error.span() {
            Some(span) => format!("it is no TOML at byte {}", span.start),
            None => "it is no TOML".to_owned(),
        }
    })?;
    let read = serde_json::to_value(read).map_err(place)?;
    Ok(of_json(&read, hider))
}

/// Reads INI: sections become maps, and a key that is there twice becomes a list.
pub fn ini(content: &str, hider: &Hider) -> Result<Value, String> {
    let mut sections: BTreeMap<String, BTreeMap<String, Vec<Value>>> = BTreeMap::new();
    let mut section = String::new();
    for (at, line) in content.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.trim().to_owned();
            continue;
        }
        let (key, value) =
            line.split_once('=').ok_or_else(|| format!("line {} is no setting", at + 1))?;
        if at >= MOST_KEYS {
            return Err(format!("it has more than {MOST_KEYS} lines"));
        }
        let value = hider.value(key.trim(), value.trim());
        let keys = sections.entry(section.clone()).or_default();
        keys.entry(key.trim().to_owned()).or_default().push(value);
    }
    let one = |mut values: Vec<Value>| match values.len() {
        1 => values.remove(0),
        _ => Value::List(values),
    };
    let map = |keys: BTreeMap<String, Vec<Value>>| -> BTreeMap<_, _> {
        keys.into_iter().map(|(key, values)| (key, one(values))).collect()
    };
    // Keys before any section lie in the file itself.
    let mut top = sections.remove("").map(map).unwrap_or_default();
    top.extend(sections.into_iter().map(|(name, keys)| (name, Value::Map(map(keys)))));
    Ok(Value::Map(top))
}

/// A JSON value without its secrets. What is secret by its key is so with all that is below it.
pub fn of_json(value: &serde_json::Value, hider: &Hider) -> Value {
    let mut left = MOST_KEYS;
    tree(value, hider, 0, &mut left)
}

fn tree(value: &serde_json::Value, hider: &Hider, deep: usize, left: &mut usize) -> Value {
    use serde_json::Value as Json;
    if *left == 0 || (deep >= MOST_DEEP && matches!(value, Json::Array(_) | Json::Object(_))) {
        return hider.hide(value.to_string());
    }
    *left -= 1;
    match value {
        Json::Null => text(""),
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => text(number.to_string()),
        },
        // As the value of a thing without a name.
        Json::String(string) => hider.value("", string),
        Json::Array(list) => {
            Value::List(list.iter().map(|one| tree(one, hider, deep + 1, left)).collect())
        }
        Json::Object(map) => {
            let entry = |(key, value): (&String, &Json)| {
                let told = match value {
                    // That there is nothing is no secret.
                    Json::Null | Json::Bool(_) => tree(value, hider, deep + 1, left),
                    Json::String(string) if string.is_empty() => text(""),
                    _ if is_secret(key) => hider.hide(value.to_string()),
                    _ => tree(value, hider, deep + 1, left),
                };
                (crate::inventory::short(key, 256), told)
            };
            Value::Map(map.iter().map(entry).collect())
        }
    }
}

/// Where it is no JSON, without what stands there.
fn place(error: serde_json::Error) -> String {
    format!("it is no JSON at line {}, column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hider() -> Hider {
        Hider::new([1; 32])
    }

    fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
        path.split('/').fold(value, |value, key| match value {
            Value::Map(map) => map.get(key).unwrap_or_else(|| panic!("no {key} in {value}")),
            other => panic!("no {key} in {other}"),
        })
    }

    #[test]
    fn three_formats_are_one_tree() {
        let json = json(r#"{"a": {"b": [1, "x", true], "token": "s"}}"#, &hider()).expect("read");
        let toml = toml("[a]\nb = [1, 'x', true]\ntoken = 's'", &hider()).expect("read");
        assert_eq!(json, toml);
        assert!(matches!(at(&json, "a/token"), Value::Hidden(_)));
        let ini =
            ini("top=1\n[wsl2]\nmemory = 4GB # no\n; x\npath=a\npath=b\n", &hider()).expect("read");
        assert_eq!(at(&ini, "top"), &Value::from("1"));
        assert_eq!(at(&ini, "wsl2/path"), &Value::List(vec!["a".into(), "b".into()]));
    }

    #[test]
    fn no_secret_is_told() {
        let docker = r#"{"auths": {"registry.example": {"auth": "aHVudGVyMg=="}},
            "log-opts": {"splunk-token": "hunter2"}, "proxy": "http://u:hunter2@h:3128",
            "tls": true, "password": "", "list": [{"secret": {"deep": "hunter2"}}]}"#;
        let read = json(docker, &hider()).expect("read");
        let told = serde_json::to_string(&read).expect("json");
        assert!(!told.contains("hunter2") && !told.contains("aHVudGVyMg"), "{told}");
        assert!(!told.contains("registry.example"), "nor whose it is: {told}");
        assert_eq!(at(&read, "password"), &Value::from(""));
        let error = json("{\"password\": hunter2}", &hider()).expect_err("no JSON");
        assert!(!error.contains("hunter2"), "{error}");
        let error = toml("password = hunter2", &hider()).expect_err("no TOML");
        assert!(!error.contains("hunter2"), "{error}");
        let error = ini("hunter2", &hider()).expect_err("no INI");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_is_deep_or_large_is_bounded() {
        let deep = format!("{}1{}", "{\"a\":".repeat(60), "}".repeat(60));
        assert!(json(&deep, &hider()).expect("read").depth() <= MOST_DEEP);
        let bomb = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(json(&bomb, &hider()).is_err());
        let many: Vec<String> =
            (0..20_000).map(|number| format!("\"k{number}\":{{\"a\":1}}")).collect();
        let read = json(&format!("{{{}}}", many.join(",")), &hider()).expect("read");
        assert!(matches!(at(&read, "k9999"), Value::Hidden(_) | Value::Map(_)));
        assert!(ini(&"a=b\n".repeat(20_000), &hider()).is_err());
    }
}
