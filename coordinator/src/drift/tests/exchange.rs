//! Snapshots as files: out and in again, and files that are anything else.

use bytes::Bytes;
use tamer_model::{Code, FleetId, Problem};

use super::stage::{Stage, ann, package};
use crate::drift::{SnapshotRecord, Wanted};

const OURS: FleetId = FleetId::from_bytes([1; 10]);

async fn exported(stage: &Stage, record: &SnapshotRecord) -> Vec<u8> {
    let mut pieces = stage.drift.export(record.clone(), OURS).await.expect("it begins");
    let mut file = Vec::new();
    while let Some(piece) = pieces.recv().await {
        file.extend_from_slice(&piece.expect("a piece"));
    }
    file
}

async fn imported(stage: &Stage, file: &[u8]) -> Result<SnapshotRecord, Problem> {
    let mut import = stage.drift.import(OURS);
    for piece in file.chunks(1000) {
        if !import.piece(Bytes::copy_from_slice(piece)).await {
            break;
        }
    }
    import.finish(None, &ann(), &|commit, _| commit).await
}

async fn taken(stage: &Stage) -> SnapshotRecord {
    let tags = [("env".to_owned(), "prod".to_owned())].into();
    let wanted = Wanted { name: Some("s".parse().expect("a name")), tags, ..Wanted::default() };
    stage.drift.take(wanted, &ann(), &|commit, _| commit).await.expect("taken")
}

#[tokio::test]
async fn a_file_is_the_snapshot_elsewhere() {
    let stage = Stage::new(2).await;
    let mut agent = stage.connect(0);
    (0..3_000).for_each(|number| agent.put(&package(&format!("package-{number}"), "1")));
    agent.tell().await;
    let _other = stage.holding(1, &[("openssl", "3")]).await;
    let record = taken(&stage).await;
    let file = exported(&stage, &record).await;
    let document: serde_json::Value = serde_json::from_slice(&file).expect("one JSON document");
    assert_eq!(document["hosts"].as_array().map(Vec::len), Some(2));
    assert_eq!(document["end"]["resources"], 3_001);

    let elsewhere = Stage::new(0).await;
    let read = imported(&elsewhere, &file).await.expect("it is taken in");
    assert_eq!((read.root, read.hosts, read.resources), (record.root, 2, 3_001));
    assert!(read.imported && read.name == record.name && read.tags == record.tags);
    assert!(elsewhere.drift.verify(None).await.expect("a look").damage.is_empty());
    // Unless the second record says otherwise, the file is the same again.
    let again: serde_json::Value =
        serde_json::from_slice(&exported(&elsewhere, &read).await).expect("JSON");
    assert_eq!(again["hosts"], document["hosts"]);
}

#[tokio::test]
async fn files_that_are_anything_else_are_refused_by_name() {
    let stage = Stage::new(1).await;
    let _agent = stage.holding(0, &[("openssl", "3.0.11"), ("curl", "8")]).await;
    let file = exported(&stage, &taken(&stage).await).await;
    let text = String::from_utf8(file.clone()).expect("text");
    let fleet = OURS.to_string();
    let other = FleetId::from_bytes([2; 10]).to_string();
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    };
    let huge = format!("\"version\":\"{}\"", "9".repeat(2 << 20));
    let deep = format!("\"version\":{}1{}", "[".repeat(500), "]".repeat(500));
    let cases = [
        (with("tamer-snapshot", "terraform-state"), Code::InvalidField, "its format is not"),
        (with("\"version\":1", "\"version\":2"), Code::VersionUnsupported, "version 2"),
        (with(&fleet, &other), Code::WrongState, "of the fleet"),
        (with("3.0.11", "3.0.12"), Code::InvalidField, "not those of its root"),
        (
            with("\"end\":{\"hosts\":1", "\"end\":{\"hosts\":2"),
            Code::InvalidField,
            "as its end says",
        ),
        (with("\"version\":\"8\"", &huge), Code::InvalidField, "longer than"),
        (with("\"version\":\"8\"", &deep), Code::InvalidField, "recursion limit"),
        (with("\"resources\":[", "\"resources\":[7,"), Code::InvalidField, "this is no snapshot"),
        (with("package/host/curl", "package/host/openssl"), Code::InvalidField, "twice"),
        (file[..file.len() / 2].to_vec(), Code::InvalidField, "EOF"),
        ([file.clone(), b"{}".to_vec()].concat(), Code::InvalidField, "trailing"),
        (b"\x00\xff\xfe".to_vec(), Code::InvalidField, "this is no snapshot"),
        (Vec::new(), Code::InvalidField, "EOF"),
    ];
    for (file, code, what) in cases {
        let problem = imported(&stage, &file).await.expect_err(what);
        assert!(problem.code == code && problem.message.contains(what), "{what}: {problem:?}");
    }
    assert_eq!(stage.drift.snapshots().await.expect("a list").len(), 1, "none left a trace");
    // Every cut and many a changed byte: an error or the snapshot, and never a panic.
    for at in (0..file.len()).step_by(37) {
        let mut bytes = file.clone();
        bytes[at] ^= 0x15;
        let _ = imported(&stage, &bytes).await;
        assert!(imported(&stage, &file[..at]).await.is_err());
    }
}
