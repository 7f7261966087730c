//! What the commands of a batch did to the world, as they wrote it down themselves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What one task did. Times are nanoseconds of the machine's clock.
#[derive(Debug, Clone, Default)]
pub struct Effect {
    /// When it began; more than one time is the worst that can happen.
    pub begun: Vec<u64>,
    /// When it came to its last line.
    pub done: Vec<u64>,
}

/// What each task did, by the name that the agent gives it.
pub type Effects = BTreeMap<String, Effect>;

/// A command that writes its beginning and its end into a file, and fails where `failing`, the
/// arms of a shell's `case` over the task's name, says so.
pub fn script(file: &Path, failing: &str) -> String {
    let file = file.display();
    let note = |what| format!(r#"echo "$TAMER_TASK {what} $(date +%s%N)" >> {file}"#);
    format!(
        "{}; sleep 0.05; code=0; case \"$TAMER_TASK\" in {failing} esac; {}; exit $code",
        note("begun"),
        note("done")
    )
}

/// Reads what was written so far.
pub fn read(file: &Path) -> Effects {
    let mut effects = Effects::new();
    let text = fs::read_to_string(file).unwrap_or_default();
    for line in text.lines() {
        let [task, what, at] = line.split(' ').collect::<Vec<_>>()[..] else { continue };
        let Ok(at) = at.parse() else { continue };
        let effect = effects.entry(task.to_owned()).or_default();
        if what == "begun" { effect.begun.push(at) } else { effect.done.push(at) }
    }
    effects
}
