//! What commands print, read as data. Pure. What cannot be read as what it should be is an error,
//! never a value that is nearly right: of an output that was cut nothing is read.

use serde_json::{Map, Value};
use tamer_model::{KeptStream, Parse};

/// Reads a standard output; the error says in a few words why it cannot be read.
pub fn read(how: Parse, output: &KeptStream) -> Result<Value, String> {
    match output.cut() {
        0 => {}
        cut => return Err(format!("{cut} bytes of the output were not kept")),
    }
    let bytes = [&output.head[..], &output.tail[..]].concat();
    let text = std::str::from_utf8(&bytes).map_err(|_| "the output is not UTF-8".to_owned())?;
    match how {
        Parse::Json => json(text),
        Parse::Lines => Ok(text.lines().map(Value::from).collect()),
        Parse::Kv => pairs(text),
    }
}

/// The value at a path such as `disks.0.size`; a key that holds dots is found as well.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    if path.is_empty() {
        return Some(value);
    }
    if let Some(found) = value.as_object().and_then(|map| map.get(path)) {
        return Some(found);
    }
    let dots = path.match_indices('.').map(|(at, _)| at);
    let mut ways = dots.filter_map(|dot| Some((item(value, &path[..dot])?, &path[dot + 1..])));
    match ways.find_map(|(inner, rest)| at(inner, rest)) {
        Some(found) => Some(found),
        None => item(value, path),
    }
}

/// A value in a cell: a text as it is, all else as JSON on one line.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn item<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => map.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn json(text: &str) -> Result<Value, String> {
    match text.trim() {
        "" => Err("nothing was printed".to_owned()),
        text => serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}")),
    }
}

fn pairs(text: &str) -> Result<Value, String> {
    let mut map = Map::new();
    for (at, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let (key, value) =
            pair(line).ok_or_else(|| format!("line {at} is neither key=value nor key: value"))?;
        if map.insert(key.to_owned(), Value::from(value)).is_some() {
            return Err(format!("line {at} gives {key:?} a second value"));
        }
    }
    Ok(Value::Object(map))
}

/// The first `=`, or the first `:` before a space or the end, whichever comes first.
fn pair(line: &str) -> Option<(&str, &str)> {
    let equals = line.find('=');
    let colon = line.match_indices(':').map(|(at, _)| at).find(|at| {
        let rest = &line[at + 1..];
        rest.is_empty() || rest.starts_with(char::is_whitespace)
    });
    let sign = match (equals, colon) {
        (Some(equals), Some(colon)) => equals.min(colon),
        (Some(sign), None) | (None, Some(sign)) => sign,
        (None, None) => return None,
    };
    let (key, value) = (line[..sign].trim(), line[sign + 1..].trim());
    (!key.is_empty()).then_some((key, value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn kept(text: &str) -> KeptStream {
        KeptStream { head: text.into(), tail: Vec::new(), total: text.len() as u64 }
    }

    #[test]
    fn what_is_printed_becomes_data() {
        let read = |how, text| read(how, &kept(text)).expect("data");
        assert_eq!(read(Parse::Json, " {\"a\": [1, 2]}\n"), json!({ "a": [1, 2] }));
        assert_eq!(read(Parse::Lines, "one\r\n\ntwo"), json!(["one", "", "two"]));
        assert_eq!(read(Parse::Lines, ""), json!([]));
        assert_eq!(
            read(Parse::Kv, "A=1\nurl=http://x:80\n\nname: web: one\nempty:\n a b = c=d \n"),
            json!({ "A": "1", "url": "http://x:80", "name": "web: one", "empty": "", "a b": "c=d" })
        );
    }

    #[test]
    fn what_cannot_be_read_is_no_value() {
        let why = |how, text| read(how, &kept(text)).expect_err("no data");
        assert!(why(Parse::Json, "{").starts_with("it is not JSON"));
        assert!(why(Parse::Json, "{} {}").starts_with("it is not JSON"));
        assert_eq!(why(Parse::Json, "\n"), "nothing was printed");
        assert_eq!(why(Parse::Kv, "a=1\nwords"), "line 2 is neither key=value nor key: value");
        assert_eq!(why(Parse::Kv, "=1"), "line 1 is neither key=value nor key: value");
        assert_eq!(why(Parse::Kv, "a=1\na: 2"), "line 2 gives \"a\" a second value");
        let cut = KeptStream { head: b"1".to_vec(), tail: b"2".to_vec(), total: 9 };
        let why = read(Parse::Json, &cut).expect_err("12 was never printed");
        assert_eq!(why, "7 bytes of the output were not kept");
        let binary = KeptStream { head: vec![0xff], tail: Vec::new(), total: 1 };
        assert_eq!(read(Parse::Lines, &binary), Err("the output is not UTF-8".to_owned()));
    }

    #[test]
    fn a_path_leads_to_a_value() {
        let value = json!({ "a": { "b.c": [10, { "d": null }] }, "x.y": 1, "x": { "y": 2 } });
        let found = |path| at(&value, path).map(shown);
        assert_eq!(found("a.b.c.0").as_deref(), Some("10"));
        assert_eq!(found("a.b.c.1.d").as_deref(), Some("null"));
        assert_eq!(found("x.y").as_deref(), Some("1"), "the key itself comes first");
        assert_eq!(found("a.b.c").as_deref(), Some("[10,{\"d\":null}]"));
        for missing in ["b", "a.b", "a.b.c.2", "a.b.c.-1", "x.y.z", "."] {
            assert_eq!(found(missing), None, "{missing}");
        }
        assert_eq!(at(&value, ""), Some(&value));
    }

    proptest! {
        #[test]
        fn a_value_that_was_printed_is_read_back(key in "[a-z_]{1,9}", value in "[ -~]{0,20}") {
            let text = format!("{key}={value}\n");
            let read = read(Parse::Kv, &kept(&text)).expect("data");
            prop_assert_eq!(read.get(&key).and_then(Value::as_str), Some(value.trim()));
        }

        #[test]
        fn any_output_is_data_or_an_error(text: String, path: String) {
            for how in [Parse::Json, Parse::Lines, Parse::Kv] {
                if let Ok(value) = read(how, &kept(&text)) {
                    let _ = at(&value, &path);
                }
            }
        }

        #[test]
        fn of_a_cut_output_nothing_is_read(text: String, missing in 1u64..1 << 40) {
            let mut cut = kept(&text);
            cut.total += missing;
            for how in [Parse::Json, Parse::Lines, Parse::Kv] {
                prop_assert!(read(how, &cut).is_err());
            }
        }
    }
}
