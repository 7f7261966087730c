//! The JSON of resources and deltas, which others read.

use proptest::prelude::{prop_assert_eq, proptest};
use tamer_drift::diff::{Change, ThreeWay, three_way};
use tamer_drift::{Resource, Value};

use crate::cases::cases;
use crate::draw::{resource, two_states, value};

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn values_read_back(value in value()) {
        let text = serde_json::to_string(&value).expect("json");
        prop_assert_eq!(serde_json::from_str::<Value>(&text).expect("json"), value);
    }

    #[test]
    fn resources_read_back(resource in resource()) {
        let text = serde_json::to_string(&resource).expect("json");
        prop_assert_eq!(serde_json::from_str::<Resource>(&text).expect("json"), resource);
    }

    #[test]
    fn changes_read_back((before, after) in two_states()) {
        let three = three_way(&before, &after, &std::iter::empty().collect());
        let change = Change { key: after.key.clone(), before: Some(before), after: Some(after) };
        let text = serde_json::to_string(&(&change, change.fields(), &three)).expect("json");
        let read: (Change, Vec<tamer_drift::diff::FieldChange>, Vec<ThreeWay>) =
            serde_json::from_str(&text).expect("json");
        prop_assert_eq!(read, (change.clone(), change.fields(), three));
    }
}

#[test]
fn what_is_ambiguous_is_refused() {
    let refused = [
        (r#"{"$set": [1, 1]}"#, "a set's member is there twice"),
        (r#"{"$set": [1], "a": 2}"#, "$set, $hidden and $map stand alone in their map"),
        (r#"{"a": 2, "$set": [1]}"#, "$set, $hidden and $map stand alone in their map"),
        (r#"{"a": 1, "a": 2}"#, "the key \"a\" is there twice"),
        (r#"{"$map": {"$a": 1, "$a": 2}}"#, "the key \"$a\" is there twice"),
        (r#"{"$other": 1}"#, "\"$other\" is none of $set, $hidden, $map"),
        (r#"{"$hidden": "00"}"#, "$hidden is 32 hex digits in lower case"),
        ("9223372036854775808", "9223372036854775808 is more than 9223372036854775807"),
        ("1.5", "invalid type: floating point `1.5`"),
        ("null", "invalid type: null"),
    ];
    for (text, why) in refused {
        let error = serde_json::from_str::<Value>(text).expect_err(text).to_string();
        assert!(error.starts_with(why), "{text}: {error}");
    }
}
