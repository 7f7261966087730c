//! `KEY=VALUE`, durations and moments on a command line.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use tamer_model::{LabelKey, LabelValue, Problem, Selector, Timestamp};

/// Reads `KEY=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as KEY=VALUE".to_owned()),
    }
}

/// Reads a span like `30s`, `5m` or `1h 30m`.
pub fn span(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "write a number and a unit: 30s, 5m, 1h".to_owned())
}

/// Reads how long ago something was, or when.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    let bad = || "write how long ago, 10m or 2h, or a time, 2026-01-31T12:00:00Z".to_owned();
    let millis = match humantime::parse_duration(text) {
        Ok(span) => {
            let point = SystemTime::now().checked_sub(span);
            let since = point.and_then(|point| point.duration_since(SystemTime::UNIX_EPOCH).ok());
            since.and_then(|since| u64::try_from(since.as_millis()).ok())
        }
        Err(_) => {
            let time: Option<jiff::Timestamp> = text.parse().ok();
            time.and_then(|time| u64::try_from(time.as_millisecond()).ok())
        }
    };
    millis.map(Timestamp::from_millis).ok_or_else(bad)
}

/// A span in milliseconds.
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Checks a selector before it travels. An empty text is refused, not taken for all: an unset
/// variable in a script must not run something everywhere.
pub fn selector(told: Option<String>) -> Result<String, Problem> {
    told.map_or_else(|| Ok(String::new()), |text| text.parse::<Selector>().map(|_| text))
}

/// Checks labels before they travel.
pub fn labels(pairs: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Problem> {
    for (key, value) in &pairs {
        LabelKey::try_from(key.clone())?;
        LabelValue::try_from(value.clone())?;
    }
    Ok(pairs.into_iter().collect())
}

/// Reads `key=value` as a label to set and `key-` as one to remove.
pub fn changes(texts: &[String]) -> Result<(BTreeMap<String, String>, Vec<String>), Problem> {
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    for text in texts {
        match (pair(text), text.strip_suffix('-')) {
            (Ok(pair), _) => set.push(pair),
            (Err(_), Some(key)) if !key.is_empty() => {
                LabelKey::try_from(key.to_owned())?;
                remove.push(key.to_owned());
            }
            (Err(_), Some(_) | None) => {
                return Err(Problem::field("labels", format!("{text:?} changes no label"))
                    .remedy("write key=value to set a label, key- to remove it"));
            }
        }
    }
    Ok((labels(set)?, remove))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_set_and_removed() {
        let texts = ["site=berlin", "empty=", "old-", "a-b=c-"].map(str::to_owned);
        let (set, remove) = changes(&texts).expect("good");
        let set: Vec<_> = set.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(set, ["a-b=c-", "empty=", "site=berlin"]);
        assert_eq!(remove, ["old"]);
        for bad in ["site", "-", "=x", "os=linux", "a b-"] {
            assert!(changes(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_moment_is_a_span_or_a_time() {
        assert_eq!(moment("2023-11-14T22:13:20Z"), Ok(Timestamp::from_millis(1_700_000_000_000)));
        assert_eq!(
            moment("2023-11-14T23:13:20.5+01:00"),
            Ok(Timestamp::from_millis(1_700_000_000_500))
        );
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let ago = now.as_millis() as u64 - moment("10m").expect("a span").as_millis();
        assert!((599_000..=601_000).contains(&ago), "{ago}");
        for bad in ["", "soon", "2023-13-01T00:00:00Z", "99999999y"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }
}
