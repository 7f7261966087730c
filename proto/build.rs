//! Compiles the protos with a compiler written in Rust: no machine needs protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "common",
        "instance",
        "batch",
        "enrolment",
        "session",
        "control",
        "schedule",
        "workload",
        "drift",
    ]
    .map(|name| format!("tamer/v1/{name}.proto"));
    println!("cargo:rerun-if-changed=tamer");
    let set = protox::compile(&files, ["."])?;
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("tamer.v1.bin"), prost_bytes(&set))?;
    tonic_prost_build::configure()
        .codec_path("crate::codec::SmallBuffers")
        .bytes(".tamer.v1.TaskOutput.data")
        .bytes(".tamer.v1.OutputChunk.data")
        .bytes(".tamer.v1.StreamIn.stdin")
        .bytes(".tamer.v1.StreamOut.stdout")
        .bytes(".tamer.v1.StreamOut.stderr")
        .bytes(".tamer.v1.OutputPiece.data")
        .bytes(".tamer.v1.ContentChunk.data")
        .bytes(".tamer.v1.SnapshotPiece.data")
        .bytes(".tamer.v1.InventoryNodes.nodes")
        // The rare and large inside what is frequent and small.
        .boxed(".tamer.v1.CreateInstance.spec")
        .boxed(".tamer.v1.StartTask.work")
        .compile_fds(set)?;
    Ok(())
}

/// The descriptors travel with the crate so that a test can ask which calls there are.
fn prost_bytes(set: &impl prost::Message) -> Vec<u8> {
    set.encode_to_vec()
}
