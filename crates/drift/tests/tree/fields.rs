//! Fields that differ: what they say, carried out and undone, and paths as text.

use std::collections::BTreeMap;

use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
use tamer_drift::diff::{FieldChange, Part, Path, Root, Stand, apply, fields, three_way};
use tamer_drift::{Resource, Value};

use crate::cases::cases;
use crate::draw::{package, text, two_states};

fn paths() -> impl Strategy<Value = Path> {
    let part = prop_oneof![
        text().prop_map(Part::Key),
        (0u32..300).prop_map(Part::Index),
        text().prop_map(Part::Member),
    ];
    let parts = proptest::collection::vec(part, 0..4);
    (0..4usize, text(), parts).prop_map(|(sort, name, mut parts)| match sort {
        0 => Path { root: Root::Tags, parts: vec![Part::Key(name)] },
        1 => Path { root: Root::DependsOn, parts: vec![Part::Member(name)] },
        2 => Path { root: Root::Name, parts: Vec::new() },
        _property => {
            parts.insert(0, Part::Key(name));
            Path { root: Root::Properties, parts }
        }
    })
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn changes_carried_out_give_the_target((before, after) in two_states()) {
        let changes = fields(&before, &after);
        prop_assert_eq!(changes.is_empty(), before == after);
        prop_assert_eq!(apply(&before, &changes), Ok(after.clone()));
        let back: Vec<FieldChange> = changes.iter().map(FieldChange::undone).collect();
        prop_assert_eq!(apply(&after, &back), Ok(before.clone()));
        prop_assert_eq!(fields(&after, &before).len(), changes.len());
        for change in &changes {
            prop_assert!(change.before != change.after);
            prop_assert_eq!(before.at(&change.path), change.before.clone());
            prop_assert_eq!(after.at(&change.path), change.after.clone());
            prop_assert_eq!(change.path.to_string().parse(), Ok(change.path.clone()));
        }
    }

    /// Once carried out, a change finds nothing to change: it never passes for done twice.
    #[test]
    fn changes_fit_only_what_they_were_made_of((before, after) in two_states()) {
        let changes = fields(&before, &after);
        if !changes.is_empty() {
            prop_assert!(apply(&after, &changes).is_err());
        }
    }

    #[test]
    fn paths_read_back(path in paths()) {
        prop_assert_eq!(path.to_string().parse(), Ok(path.clone()), "{}", path);
    }

    #[test]
    fn any_text_is_a_path_or_says_why_not(text in "[a-b@.#{}\\[\\]\\\\0-9é]{0,12}") {
        match text.parse::<Path>() {
            Ok(path) => prop_assert_eq!(path.to_string().parse(), Ok(path)),
            Err(problem) => prop_assert!(problem.remedy.is_some()),
        }
    }

    /// Without a desire, what three states say is what two say.
    #[test]
    fn three_states_without_a_desire_are_two((before, after) in two_states()) {
        let three = three_way(&before, &after, &BTreeMap::new());
        let mut two: Vec<Path> = fields(&before, &after).into_iter().map(|c| c.path).collect();
        two.sort();
        two.dedup();
        prop_assert_eq!(three.iter().map(|field| field.path.clone()).collect::<Vec<_>>(), two);
        prop_assert!(three.iter().all(|field| field.stand == Stand::Drifted));
    }
}

#[test]
fn bad_paths_say_what_is_wrong() {
    let wrong = |text: &str| text.parse::<Path>().expect_err(text).message;
    assert_eq!(wrong(""), r#"the path "" leads nowhere"#);
    assert_eq!(wrong("@name.x"), r#"the path "@name.x" leads nowhere"#);
    assert_eq!(wrong("@nmae"), r#"the path "@nmae" has an unknown word after `@`"#);
    assert_eq!(wrong("a..b"), r#"the path "a..b" has no name after `.`"#);
    assert_eq!(wrong("a#x"), r#"the path "a#x" has no number after `#`"#);
    assert_eq!(wrong("a[b"), r#"the path "a[b" has no closing `]`"#);
    assert_eq!(wrong("a b"), r#"the path "a b" has ' ' where a part begins"#);
}

#[test]
fn three_states_say_who_moved() {
    let state = |version: &str, port: i64| -> Resource {
        package(1, 0).with("version", version).with("port", port)
    };
    let desired =
        |version: &str| BTreeMap::from([(Path::property("version"), Some(Value::from(version)))]);
    let stands = |live: &Resource, desired: &BTreeMap<Path, Option<Value>>| -> Vec<_> {
        let found = three_way(&state("1", 80), live, desired);
        found.into_iter().map(|field| (field.path.to_string(), field.stand)).collect()
    };
    let version = |stand| ("version".to_owned(), stand);
    assert_eq!(stands(&state("1", 80), &desired("1")), []);
    assert_eq!(stands(&state("1", 80), &desired("2")), [version(Stand::Pending)]);
    assert_eq!(stands(&state("2", 80), &desired("2")), [version(Stand::Reached)]);
    assert_eq!(stands(&state("2", 80), &desired("1")), [version(Stand::Drifted)]);
    assert_eq!(stands(&state("3", 80), &desired("2")), [version(Stand::Conflict)]);
    let port = ("port".to_owned(), Stand::Drifted);
    assert_eq!(stands(&state("2", 81), &desired("2")), [port, version(Stand::Reached)]);
    let absent = BTreeMap::from([(Path::property("version"), None)]);
    assert_eq!(stands(&state("1", 80), &absent), [version(Stand::Pending)]);
}

/// Nothing lies in a set's member, or in a plain value: a path that goes on there fits nothing.
#[test]
fn paths_that_go_on_where_nothing_is_fit_nothing() {
    let set = Value::Set(["a".into(), "b".into()].into());
    let is = package(1, 0).with("groups", set).with("list", Value::List(vec![1.into()]));
    let carried = |path: &str, before: Option<Value>, after: Option<Value>| {
        let path: Path = path.parse().expect("a path");
        apply(&is, &[FieldChange { path, before, after }])
    };
    let (a, c) = (Some(Value::from("a")), Some(Value::from("c")));
    assert!(carried("groups{a}", a.clone(), c.clone()).is_ok());
    assert!(carried("list#0", Some(Value::from(1)), c.clone()).is_ok());
    for path in ["groups{a}.b", "groups{a}{a}", "list#0.b", "list#0#0", "list#1", "version.a"] {
        let misfit = carried(path, a.clone(), c.clone()).expect_err(path);
        assert_eq!(misfit.path.to_string(), path);
        assert_eq!(is.at(&misfit.path), None, "{path}");
    }
    assert!(carried("list#0", Some(Value::from(1)), None).is_err(), "a list has no holes");
    assert!(carried("groups{a}", a.clone(), Some(Value::from("b"))).is_err(), "it is there");
    assert!(carried("groups{c}", c, None).is_err(), "it is not there");
    assert!(carried("@name", Some(Value::from("package-1")), None).is_err(), "it has a name");
    assert!(carried("@name", Some(Value::from("package-1")), Some(Value::from(1))).is_err());
    assert!(carried("@created", None, Some(Value::from(-1))).is_err(), "before all times");
    assert!(carried("@created", None, a.clone()).is_err(), "no time");
    assert!(carried("@parent", None, a).is_err(), "no key");
}

/// A desire for a whole map judges what changed in it, once.
#[test]
fn a_desire_holds_what_lies_below_it() {
    let map = |pairs: &[(&str, i64)]| {
        Value::Map(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect())
    };
    let state = |pairs: &[(&str, i64)]| package(1, 0).with("limits", map(pairs));
    let desired = BTreeMap::from([(Path::property("limits"), Some(map(&[("cpu", 2)])))]);
    let found = three_way(&state(&[("cpu", 1)]), &state(&[("cpu", 3)]), &desired);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].path.to_string().as_str(), found[0].stand), ("limits", Stand::Conflict));
}
