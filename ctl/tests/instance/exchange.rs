//! Snapshots as files: written whole or not at all, sent whole, and told with the file's name.

use serde_json::Value;
use tamer_model::{Code, Problem};
use tamer_proto::wire;

use crate::pictures::{Pictures, taken};
use crate::play::Play;
use crate::stage::Stage;

async fn open(pictures: Pictures) -> Stage {
    Stage::open(Play { pictures, ..Play::default() }).await
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("json")
}

/// Three pieces, the last one short.
fn pieces() -> Vec<Vec<u8>> {
    vec![vec![b'a'; 64 * 1024], vec![b'b'; 64 * 1024], b"{}\n".to_vec()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_written_whole_and_for_its_owner_alone() {
    let stage = open(Pictures { exported: pieces(), ..Pictures::default() }).await;
    let place = stage.path("out.json");
    std::fs::write(&place, "what was there").expect("writes");
    let line = format!("snapshot export release -f {}", place.display());
    let told = json_of(&stage.run(&format!("{line} -o json")).await.with(0).stdout);
    assert_eq!((&told["bytes"], &told["file"]), (&131_075.into(), &place.to_str().into()));
    assert_eq!(std::fs::read(&place).expect("reads"), pieces().concat());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&place).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let piped = stage.run("snapshot export release").await.with(0);
    assert_eq!((piped.stdout.into_bytes(), &*piped.stderr), (pieces().concat(), ""));
    assert_eq!(taken(&stage.drift.exports), ["release", "release"]);
    let folder = stage.path("").display().to_string();
    let wrong = stage.run(&format!("snapshot export release -f {folder}")).await.with(2);
    assert!(wrong.stderr.contains("is a folder"), "{wrong:?}");
    assert!(taken(&stage.drift.exports).is_empty(), "nothing was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_short_leaves_what_was_there() {
    let cut = Problem::new(Code::NotFound, "the node 3f4a is damaged");
    let pictures = Pictures { exported: pieces(), cut: Some(cut), ..Pictures::default() };
    let stage = open(pictures).await;
    let folder = stage.path("files");
    std::fs::create_dir(&folder).expect("a folder");
    let place = folder.join("out.json");
    let line = format!("snapshot export release -f {}", place.display());
    let ended = stage.run(&line).await.with(1);
    assert!(ended.stderr.contains("was cut short: the node 3f4a is damaged"), "{ended:?}");
    assert!(ended.stderr.contains("[not-found]") && ended.stderr.contains("snapshot verify"));
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 0, "nothing is left");
    std::fs::write(&place, "what was there").expect("writes");
    stage.run(&line).await.with(1);
    assert_eq!(std::fs::read_to_string(&place).expect("reads"), "what was there");
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 1);
    stage.run("snapshot export release").await.with(1);
    let empty = open(Pictures::default()).await;
    let ended = empty.run(&line).await.with(1);
    assert!(ended.stderr.contains("an empty file"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_sent_whole_from_a_path_or_from_standard_input() {
    let made = wire::SnapshotView {
        id: "s-0000000000000001".to_owned(),
        imported: true,
        ..wire::SnapshotView::default()
    };
    let stage = open(Pictures { snapshots: vec![made], ..Pictures::default() }).await;
    let file = stage.path("in.json");
    std::fs::write(&file, pieces().concat()).expect("writes");
    let line = format!("snapshot import {} --name golden -o json", file.display());
    let told = json_of(&stage.run(&line).await.with(0).stdout);
    assert_eq!(
        (&told["snapshot"], &told["imported"]),
        (&"s-0000000000000001".into(), &true.into())
    );
    stage.run_with("snapshot import -", b"{\"a\":1}").await.with(0);
    assert_eq!(
        taken(&stage.drift.imports),
        [("golden".to_owned(), pieces().concat()), (String::new(), b"{\"a\":1}".to_vec())]
    );
    for wrong in ["/nowhere/x.json", "/"] {
        let ended = stage.run(&format!("snapshot import {wrong}")).await.with(2);
        assert!(ended.stderr.contains(&format!("cannot read {wrong}")), "{ended:?}");
    }
    stage.run("snapshot import x --name a/b").await.with(2);
    stage.run("snapshot import").await.with(2);
    assert!(
        taken(&stage.drift.imports).iter().all(|(_, file)| file.is_empty()),
        "nothing was made"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_file_is_told_with_its_name() {
    let refuses =
        Problem::field("snapshot.root", "this is no snapshot's file: x at line 2 column 7");
    let stage = open(Pictures { refuses: Some(refuses), ..Pictures::default() }).await;
    let file = stage.path("in.json");
    // Longer than what waits: the rest is not read once it is refused.
    std::fs::write(&file, vec![b' '; 4 << 20]).expect("writes");
    let ended = stage.run(&format!("snapshot import {}", file.display())).await.with(2);
    let place = format!("{}: this is no snapshot's file: x at line 2 column 7", file.display());
    assert!(ended.stderr.contains(&place), "{ended:?}");
    let ended = stage.run_with("snapshot import -", b"nothing").await.with(2);
    assert!(ended.stderr.contains("standard input: this is no"), "{ended:?}");
    assert!(taken(&stage.drift.imports).is_empty());
}
