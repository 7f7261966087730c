//! Files that are told one by one.

use std::path::Path;

use anyhow::Result;

/// Files of one folder: as `/etc` has them, and few enough folders that each is watched.
const FOLDER: usize = 100;

/// Makes so many, and gives the agent's setting that names them and nothing else.
pub fn make(folder: &Path, files: usize) -> Result<String> {
    let mut patterns = Vec::new();
    for first in (0..files).step_by(FOLDER) {
        let part = folder.join(format!("part-{first:05}"));
        std::fs::create_dir_all(&part)?;
        for number in first..(first + FOLDER).min(files) {
            let text = format!("name = part-{number}\nthreads = {}\n", number % 16);
            std::fs::write(part.join(format!("file-{number:05}.conf")), text)?;
        }
        patterns.push(part.join("*").display().to_string());
    }
    Ok(format!("inventory.files={}", patterns.join(",")))
}
