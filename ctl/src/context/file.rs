//! One context file.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tamer_model::{Code, Problem};

use super::{Explain, Secret};
use crate::platform;
use crate::spec::words::Percent;

const VERSION: u32 = 1;

/// How to reach a fleet, and as whom. Keys that this version does not know are passed over: a newer
/// coordinator's file must still work, and `version` says when it cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// The version of the format.
    pub version: u32,
    /// What people call it.
    pub name: String,
    /// The fleet's id.
    pub fleet: String,
    /// As whom.
    pub user: String,
    /// Where its coordinators listen, the likeliest first.
    pub addresses: Vec<String>,
    /// The fleet's CA certificate as PEM.
    pub ca: String,
    /// The user's certificate chain as PEM.
    pub certificate: String,
    /// The user's private key as PEM.
    pub key: Secret,
    /// On a terminal, a batch for more than this share of the fleet is asked for: `50%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_above: Option<Percent>,
    /// Who may tell an account of drift in other words: nobody, unless it is said here.
    // A table: in the file it stands behind all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<Explain>,
}

/// Reads a context file, which must be private.
pub fn read(path: &Path) -> Result<Context, Problem> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Problem::new(Code::ConfigInvalid, format!("cannot read the context {shown}: {error}"))
            .remedy("check the path, or import the context again: `tamerctl context import FILE`")
    })?;
    if let Some(remedy) = platform::exposed(path) {
        let message = format!("others can read the context {shown}, which holds a private key");
        return Err(Problem::new(Code::ConfigInvalid, message).remedy(remedy));
    }
    parse(&text).map_err(|message| {
        Problem::new(Code::ConfigInvalid, format!("{shown} is not a context: {message}")).remedy(
            "give the file that the coordinator wrote, admin.context.toml in its data folder",
        )
    })
}

fn parse(text: &str) -> Result<Context, String> {
    let context: Context = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    match context.version {
        VERSION => Ok(context),
        other => Err(format!("it has version {other}, and this tamerctl knows {VERSION}")),
    }
}

/// Writes a context file that only its owner can read, whole or not at all.
pub fn write(path: &Path, context: &Context) -> Result<(), Problem> {
    let text = toml::to_string(context)
        .map_err(|error| Problem::new(Code::Internal, format!("cannot encode: {error}")))?;
    platform::write_private(path, text.as_bytes()).map_err(|error| {
        Problem::new(Code::DataFolder, format!("cannot write {}: {error}", path.display()))
            .remedy("check the folder's owner and permissions, and the free space")
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn context(name: &str, fleet: &str) -> Context {
        Context {
            version: VERSION,
            name: name.to_owned(),
            fleet: fleet.to_owned(),
            user: "admin".to_owned(),
            addresses: vec!["127.0.0.1:8443".to_owned()],
            ca: "CA".to_owned(),
            certificate: "CERTIFICATE".to_owned(),
            key: Secret::from("KEY".to_owned()),
            confirm_above: None,
            explain: None,
        }
    }

    #[test]
    fn what_is_written_is_read_and_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.toml");
        let context = context("a", "f-1");
        write(&path, &context).expect("writes");
        assert_eq!(read(&path), Ok(context.clone()));
        assert!(!format!("{context:?}").contains("KEY"));
    }

    #[test]
    fn a_newer_file_is_refused_and_an_unknown_key_is_not() {
        let text = toml::to_string(&context("a", "f-1")).expect("encodes");
        let newer = text.replace("version = 1", "version = 2");
        assert_eq!(parse(&newer), Err("it has version 2, and this tamerctl knows 1".to_owned()));
        assert!(parse(&format!("colour = \"blue\"\n{text}")).is_ok());
        let asks = parse(&format!("confirm_above = \"20%\"\n{text}")).expect("a context");
        assert_eq!(asks.confirm_above, Some(Percent::of(2000)));
        assert!(parse(&format!("confirm_above = \"many\"\n{text}")).is_err());
        assert_eq!(asks.explain, None, "nobody is asked unless it is said");
        let table = "[explain]\nendpoint = \"https://a/v1\"\nmodel = \"m\"\ntimeout = \"9s\"\n";
        let asks = parse(&format!("{text}{table}")).expect("a context");
        let again = parse(&toml::to_string(&asks).expect("encodes")).expect("a context");
        assert_eq!((again.explain.as_ref(), &again), (asks.explain.as_ref(), &asks));
        assert_eq!(asks.explain.expect("said").model.as_deref(), Some("m"));
        assert!(parse(&format!("{text}[explain]\nkey = \"sk-1\"\n")).is_err(), "a key in it");
    }
}
