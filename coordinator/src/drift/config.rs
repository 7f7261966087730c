//! The table `[drift]` of the configuration.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tamer_drift::finding::{Owners, Rules, Settings};
use tamer_model::{Code, Problem};

/// What a site adds to what is shipped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriftConfig {
    /// A TOML file of rules of severity, read after the shipped ones: a later rule wins. Default:
    /// none.
    pub rules: Option<PathBuf>,
    /// A TOML file of what else is known to change things by itself. Default: none.
    pub owners: Option<PathBuf>,
}

impl DriftConfig {
    /// Reads the files.
    ///
    /// # Errors
    /// `ConfigInvalid` for a file that cannot be read, or whose rules cannot be.
    pub fn settings(&self) -> Result<Settings, Problem> {
        let mut settings = Settings::default();
        if let Some(path) = &self.rules {
            settings.rules =
                Rules::with(&read(path)?).map_err(|problem| invalid(path, &problem))?;
        }
        if let Some(path) = &self.owners {
            settings.owners =
                Owners::with(&read(path)?).map_err(|problem| invalid(path, &problem))?;
        }
        Ok(settings)
    }
}

fn read(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| invalid(path, &error))
}

fn invalid(path: &Path, why: &dyn std::fmt::Display) -> Problem {
    Problem::new(Code::ConfigInvalid, format!("{}: {why}", path.display())).on("drift")
}
