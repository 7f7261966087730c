//! A validator of the words of JSON Schema that the shipped one uses. A word that it does not know is
//! an error, so that none is passed over.

use serde_json::{Map, Value};

/// Words that say nothing about what fits.
const REMARKS: [&str; 7] =
    ["$schema", "title", "description", "default", "definitions", "format", "examples"];

/// What does not fit, each with its path.
pub fn validate(schema: &Value, value: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    Validator { root: schema, wrong: &mut wrong }.check(schema, value, "");
    wrong
}

struct Validator<'a> {
    root: &'a Value,
    wrong: &'a mut Vec<String>,
}

impl Validator<'_> {
    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        let words = match schema {
            Value::Bool(true) => return,
            Value::Object(words) => words,
            other => return self.wrong.push(format!("{at}: {other} fits nothing")),
        };
        for (word, told) in words {
            match word.as_str() {
                "$ref" => {
                    let name = told.as_str().and_then(|to| to.strip_prefix("#/definitions/"));
                    let name = name.expect("a reference into the definitions");
                    let target = self.root["definitions"].get(name).expect("a definition");
                    self.check(target, value, at);
                }
                "allOf" => list(told).iter().for_each(|schema| self.check(schema, value, at)),
                "anyOf" => self.fits(told, value, at, |fitting| fitting > 0),
                "oneOf" => self.fits(told, value, at, |fitting| fitting == 1),
                "additionalProperties" | "patternProperties" => self.others(words, value, at),
                _ if REMARKS.contains(&word.as_str()) => {}
                _ => self.single(word, told, value, at),
            }
        }
    }

    fn fits(&mut self, schemas: &Value, value: &Value, at: &str, enough: fn(usize) -> bool) {
        let wrongs: Vec<_> = list(schemas)
            .iter()
            .map(|schema| {
                let mut wrong = Vec::new();
                Validator { root: self.root, wrong: &mut wrong }.check(schema, value, at);
                wrong
            })
            .collect();
        if !enough(wrongs.iter().filter(|wrong| wrong.is_empty()).count()) {
            self.wrong.push(format!("{at}: not as many of the forms as should fit: {wrongs:?}"));
        }
    }

    fn single(&mut self, word: &str, told: &Value, value: &Value, at: &str) {
        let size = |value: &Value| value.as_str().map(|text| text.chars().count() as f64);
        let number = told.as_f64().unwrap_or_default();
        let fits = match word {
            "type" => types(told).iter().any(|name| is(name, value)),
            "const" => told == value,
            "enum" => list(told).contains(value),
            "minimum" => value.as_f64().is_none_or(|value| value >= number),
            "maximum" => value.as_f64().is_none_or(|value| value <= number),
            "minLength" => size(value).is_none_or(|size| size >= number),
            "maxLength" => size(value).is_none_or(|size| size <= number),
            "pattern" => value.as_str().is_none_or(|text| matches(told, text)),
            "required" => value.as_object().is_none_or(|map| {
                list(told).iter().all(|key| map.contains_key(key.as_str().unwrap_or_default()))
            }),
            "properties" => {
                let both = told.as_object().zip(value.as_object());
                for (key, schema) in both.iter().flat_map(|(properties, _)| properties.iter()) {
                    if let Some(value) = value.get(key) {
                        self.check(schema, value, &format!("{at}/{key}"));
                    }
                }
                true
            }
            "items" => {
                for (place, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.check(told, item, &format!("{at}/{place}"));
                }
                true
            }
            unknown => panic!("the validator does not know the word {unknown:?}"),
        };
        if !fits {
            self.wrong.push(format!("{at}: {value} is not of {word} {told}"));
        }
    }

    /// What the properties do not name.
    fn others(&mut self, words: &Map<String, Value>, value: &Value, at: &str) {
        let Some(map) = value.as_object() else { return };
        let empty = Value::Null;
        let patterns = words.get("patternProperties").unwrap_or(&empty).as_object();
        for (key, value) in map {
            let named = words.get("properties").is_some_and(|named| named.get(key).is_some());
            let at = format!("{at}/{key}");
            let mut known = named;
            for (pattern, schema) in patterns.into_iter().flatten() {
                if matches(&Value::from(pattern.as_str()), key) {
                    known = true;
                    self.check(schema, value, &at);
                }
            }
            if let Some(rest) = words.get("additionalProperties").filter(|_| !known) {
                self.check(rest, value, &at);
            }
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn types(told: &Value) -> Vec<&str> {
    match told {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        name => name.as_str().into_iter().collect(),
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        unknown => panic!("the validator does not know the type {unknown:?}"),
    }
}

fn matches(pattern: &Value, text: &str) -> bool {
    let pattern = pattern.as_str().expect("a pattern");
    regex::Regex::new(pattern).expect("a pattern that holds").is_match(text)
}
