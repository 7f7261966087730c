//! What goes into a file comes out of it, and what is wrong with a file is found.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::{fs, path::Path};

use bytes::Bytes;
use tamer_store::{
    Commit, EngineKind, Key, MAX_VALUE, Options, Range, Store,
    transfer::{
        Defect, Difference, Differs, ImportError, compare, export, import, unfinished, verify,
    },
};
use tempfile::tempdir;

fn key(text: impl AsRef<[u8]>) -> Key {
    Key::new(text).unwrap()
}

async fn filled() -> Store {
    let store = Store::memory();
    let values: [(&[u8], Bytes); 6] = [
        (b"hosts/1", Bytes::from("{\"name\":\"h\u{f6}st\"}\n\u{1}")),
        (b"hosts/2", Bytes::new()),
        (b"raw/\xff\x00", Bytes::from_static(b"\xc3\x28")),
        (b"text/\n", Bytes::from("line\nline")),
        (b"big/control", vec![1; MAX_VALUE].into()),
        (b"big/raw", vec![0xfe; MAX_VALUE].into()),
    ];
    for (at, value) in values {
        store.commit(Commit::new().put(key(at), value)).await.unwrap();
    }
    for index in 0..2500 {
        let commit = Commit::new().put(key(format!("many/{index:05}")), index.to_string());
        store.commit(commit).await.unwrap();
    }
    store
}

async fn pairs(store: &Store) -> Vec<(Key, Bytes)> {
    let (mut pairs, mut rest) = (Vec::new(), Some(Range::everything()));
    while let Some(range) = rest {
        let page = store.range(range).await.unwrap();
        pairs.extend(page.entries.into_iter().map(|entry| (entry.key, entry.value)));
        rest = page.next;
    }
    pairs
}

async fn defects(path: &Path) -> Vec<(u64, Defect)> {
    let report = verify(path).await.unwrap();
    report.problems.into_iter().map(|problem| (problem.line, problem.defect)).collect()
}

#[tokio::test]
async fn a_store_moves_to_another_engine() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("fleet.jsonl");
    let store = filled().await;
    let summary = export(&store, &path).await.unwrap();
    assert_eq!(summary.entries, 2506);
    assert_eq!(summary.revision, store.revision().await.unwrap());
    assert!(verify(&path).await.unwrap().is_sound());
    for engine in [EngineKind::Sled, EngineKind::Redb] {
        let options = Options::new(dir.path().join(engine.name()), engine);
        let moved = Store::open(options.clone()).await.unwrap();
        assert_eq!(import(&moved, &path).await.unwrap().entries, 2506);
        assert!(!unfinished(&moved).await.unwrap());
        moved.close().await;
        let moved = Store::open(options).await.unwrap();
        assert_eq!(pairs(&moved).await, pairs(&store).await);
        assert_eq!(compare(&moved, &path).await.unwrap(), vec![]);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "no drafts are left");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_an_export() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempdir().unwrap();
    let path = dir.path().join("fleet.jsonl");
    fs::write(&path, "an older one").unwrap();
    export(&Store::memory(), &path).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_a_changing_store_is_one_moment() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("fleet.jsonl");
    let store = filled().await;
    // Two keys far apart always have the same value, and so they must in the file.
    let pair = |value: String| {
        Commit::new()
            .put(key("a"), value.clone())
            .put(key("z"), value.clone())
            .delete(key(format!("many/{:05}", value.len())))
            .put(key(format!("new/{value}")), value)
    };
    store.commit(pair("0".into())).await.unwrap();
    let writer = store.clone();
    let churn = tokio::spawn(async move {
        for turn in 1.. {
            if writer.commit(pair(turn.to_string())).await.is_err() {
                return;
            }
        }
    });
    for _ in 0..5 {
        let before = store.revision().await.unwrap();
        let summary = export(&store, &path).await.unwrap();
        assert!(summary.revision > before, "it changed meanwhile");
        let report = verify(&path).await.unwrap();
        assert!(report.is_sound(), "{report}");
        let copy = Store::memory();
        import(&copy, &path).await.unwrap();
        let value = |at: &'static str| {
            let copy = copy.clone();
            async move { copy.get(&key(at)).await.unwrap().unwrap().value }
        };
        assert_eq!(value("a").await, value("z").await);
        let value = value("a").await;
        let turn: u64 = std::str::from_utf8(&value).unwrap().parse().unwrap();
        let new =
            pairs(&copy).await.into_iter().filter(|(key, _)| key.as_ref().starts_with(b"new/"));
        assert_eq!(new.count() as u64, turn + 1, "all turns up to the last, and none after");
    }
    store.close().await;
    churn.await.unwrap();
}

#[tokio::test]
async fn damage_is_found_and_placed() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("fleet.jsonl");
    let store = Store::memory();
    for index in 0..5 {
        let commit = Commit::new().put(key(format!("k{index}")), format!("value {index}"));
        store.commit(commit).await.unwrap();
    }
    export(&store, &path).await.unwrap();
    let sound = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = sound.lines().collect();
    let damaged = dir.path().join("damaged.jsonl");
    let check = async |what: &str, text: &str, wanted: &[(u64, Defect)]| {
        fs::write(&damaged, text).unwrap();
        let found = defects(&damaged).await;
        assert_eq!(found, wanted, "{what}");
    };
    check("cut at a line", &(lines[..4].join("\n") + "\n"), &[(5, Defect::CutShort)]).await;
    let cut = &sound[..sound.len() - 20];
    check("cut in a line", cut, &[(7, Defect::CutShort)]).await;
    let flipped = sound.replace("value 3", "value 2");
    check("a changed value", &flipped, &[(5, Defect::EntryChanged), (7, Defect::FileChanged)])
        .await;
    let missing = [&lines[..3], &lines[4..]].concat().join("\n") + "\n";
    check("a missing line", &missing, &[(6, Defect::Miscounted { said: 5, found: 4 })]).await;
    let swapped = sound.replace(lines[2], "x").replace(lines[3], lines[2]).replace("\nx\n", "\n");
    let swapped = swapped.replace(lines[2], &format!("{}\n{}", lines[3], lines[2]));
    check("swapped lines", &swapped, &[(4, Defect::OutOfOrder), (7, Defect::FileChanged)]).await;
    let after = format!("{sound}{}\n", lines[1]);
    check("something after the end", &after, &[(8, Defect::AfterEnd)]).await;
    let newer = sound.replace("\"tamer-store\":1", "\"tamer-store\":2");
    check("a newer format", &newer, &[(1, Defect::Newer(2))]).await;
    check("something else", "PK\u{3}\u{4}\n\n", &[(1, Defect::NoHeader)]).await;
    check("nothing", "", &[(1, Defect::NoHeader)]).await;
    // Any flipped bit is found somewhere.
    for bit in (0..sound.len() * 8).step_by(3) {
        let mut bytes = sound.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&damaged, bytes).unwrap();
        assert!(!verify(&damaged).await.unwrap().is_sound(), "bit {bit}");
    }
    let refused = import(&Store::memory(), &damaged).await;
    assert!(matches!(refused, Err(ImportError::Defective(_))), "{refused:?}");
}

#[tokio::test]
async fn an_import_goes_on_where_it_was_cut_short() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("fleet.jsonl");
    let store = filled().await;
    export(&store, &path).await.unwrap();
    let half = Store::memory();
    let cut = import(&half, &path);
    // Cut short after a few commits, as a kill would.
    let stopped = async {
        while half.revision().await.unwrap().0 < 8 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = stopped => {}
        done = cut => panic!("it should not be done yet: {done:?}"),
    }
    assert!(unfinished(&half).await.unwrap());
    let refused = export(&half, &dir.path().join("half.jsonl")).await;
    assert!(refused.is_err(), "half a store is no backup");
    let other = dir.path().join("other.jsonl");
    export(&Store::memory(), &other).await.unwrap();
    let refused = import(&half, &other).await;
    assert!(matches!(refused, Err(ImportError::OtherFile)), "{refused:?}");
    import(&half, &path).await.unwrap();
    assert!(!unfinished(&half).await.unwrap());
    assert_eq!(pairs(&half).await, pairs(&store).await);
    let refused = import(&half, &path).await;
    assert!(matches!(refused, Err(ImportError::NotEmpty)), "{refused:?}");
}

#[tokio::test]
async fn differences_are_named() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("fleet.jsonl");
    let store = Store::memory();
    let put = |at: &str, value: &'static str| store.commit(Commit::new().put(key(at), value));
    put("a", "1").await.unwrap();
    put("b", "1").await.unwrap();
    put("c", "1").await.unwrap();
    export(&store, &path).await.unwrap();
    store.commit(Commit::new().delete(key("b"))).await.unwrap();
    put("c", "2").await.unwrap();
    put("aa", "1").await.unwrap();
    put("d", "1").await.unwrap();
    let differs = |at, differs| Difference { key: key(at), differs };
    assert_eq!(
        compare(&store, &path).await.unwrap(),
        vec![
            differs("aa", Differs::OnlyInStore),
            differs("b", Differs::OnlyInFile(3)),
            differs("c", Differs::Value(4)),
            differs("d", Differs::OnlyInStore),
        ]
    );
}

#[tokio::test]
async fn the_documented_example_is_sound() {
    let page = include_str!("../../../docs/store-file.md").replace("\r\n", "\n");
    let example = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let dir = tempdir().unwrap();
    let path = dir.path().join("example.jsonl");
    fs::write(&path, example).unwrap();
    let report = verify(&path).await.unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.entries, 2);
}
