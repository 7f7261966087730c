//! What an agent's journal holds, read from outside while the agent runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Bytes before the first frame, and before a frame's payload. The agent's `journal/record.rs`
/// says what they are.
const HEADER: usize = 26;
const FRAME: usize = 16;

/// The tasks that are written down and not forgotten.
///
/// # Errors
/// When the file is of another make than this reader knows, or is being replaced.
pub fn held(folder: &Path) -> Result<BTreeSet<String>, String> {
    let bytes = fs::read(folder.join("journal")).map_err(|error| error.to_string())?;
    if bytes.get(..9) != Some(b"TAMERJNL\x03".as_slice()) {
        return Err("the journal is not of version 3".to_owned());
    }
    let mut held = BTreeSet::new();
    let mut at = HEADER;
    while let Some(len) = bytes.get(at..at + 4) {
        let len = u32::from_le_bytes(len.try_into().expect("four bytes")) as usize;
        let payload = bytes.get(at + FRAME..at + FRAME + len).ok_or("it is being written")?;
        let line = payload.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let record: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        let task = record["task"].to_string();
        if record["record"] == "forgotten" {
            held.remove(&task);
        } else {
            held.insert(task);
        }
        at += FRAME + len;
    }
    Ok(held)
}
