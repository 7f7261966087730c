//! Configuration files of technologies, with the settings in them.

use std::path::PathBuf;

use tamer_drift::{Kind, Resource};

use super::settings;
use crate::inventory::{Cover, Found, Hider, Look, Pattern, Stop, Worker, host, read};

/// The most bytes of one file.
const MOST: usize = 1 << 20;

/// A configuration file that is looked at.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// Where it may be.
    pub pattern: Pattern,
    /// Whose it is: "docker".
    pub technology: &'static str,
    /// How it is written.
    pub format: Format,
}

/// How a configuration file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// TOML.
    Toml,
    /// Sections and `key = value`.
    Ini,
}

/// Looks at configuration files.
pub struct Configs {
    /// Which.
    pub files: Vec<ConfigFile>,
    /// For their secrets.
    pub hider: Hider,
}

impl Look for Configs {
    fn marks(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.pattern.base().to_owned()).collect()
    }

    fn look(&self, found: &mut Found, worker: &mut Worker) -> Result<(), Stop> {
        for file in &self.files {
            let matches = file.pattern.find();
            for (folder, error) in matches.unseen {
                let folder = folder.display().to_string();
                found.miss(
                    Cover::Prefix(Kind::Config, folder.clone()),
                    format!("{folder}: {error}"),
                );
            }
            for path in matches.paths {
                worker.breathe();
                let id = path.display().to_string();
                match read::text_if_any(&path, MOST) {
                    Ok(Some(content)) => found.put(config(&id, file, &content, &self.hider))?,
                    Ok(None) => {}
                    Err(error) => {
                        let key = host(Kind::Config, &id).done().key;
                        found.miss(Cover::Key(key), format!("{id}: {error}"));
                    }
                }
            }
        }
        Ok(())
    }
}

/// One file. One that is not understood is told as such, and shows when it changes.
fn config(id: &str, file: &ConfigFile, content: &str, hider: &Hider) -> Resource {
    let read = match file.format {
        Format::Json => settings::json(content, hider),
        Format::Toml => settings::toml(content, hider),
        Format::Ini => settings::ini(content, hider),
    };
    let made = host(Kind::Config, id).text("technology", file.technology);
    match read {
        Ok(settings) => made.put("settings", settings).done(),
        Err(why) => made.text("problem", why).put("content", hider.hide(content)).done(),
    }
}

#[cfg(test)]
mod tests {
    use tamer_drift::Value;

    use super::*;
    use crate::inventory::Pace;

    #[test]
    fn a_file_that_is_not_understood_still_shows_that_it_changes() {
        let temp = tempfile::tempdir().expect("a folder");
        let path = temp.path().join("daemon.json");
        let pattern = path.display().to_string().parse().expect("a pattern");
        let file = ConfigFile { pattern, technology: "docker", format: Format::Json };
        let configs = Configs { files: vec![file], hider: Hider::new([1; 32]) };
        let look = |text: &str| {
            std::fs::write(&path, text).expect("written");
            let mut found = Found::within(Default::default());
            configs.look(&mut found, &mut Pace::free().worker()).expect("looked");
            assert!(found.is_complete(), "{:?}", found.problem());
            found.resources().next().cloned().expect("one")
        };
        let good = look(r#"{"debug": true}"#);
        assert!(
            matches!(&good.properties["settings"], Value::Map(map) if map["debug"] == Value::Bool(true))
        );
        let (bad, worse) = (look("{hunter2"), look("{hunter3"));
        assert_ne!(bad, worse);
        assert!(!serde_json::to_string(&bad).expect("json").contains("hunter"));
    }
}
