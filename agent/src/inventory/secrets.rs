//! What may not leave the host: which values are secrets, and the keyed hash that is told instead.
//!
//! The key is made once for each host and stays in its data folder, for its owner alone: equal
//! secrets are equal on this host, and elsewhere nobody can try guesses against what was told.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use tamer_drift::Value;
use tamer_model::{Code, Problem};

use crate::folder;
use crate::problem::chain;

/// The file of the key, in the folder of the inventory.
pub const KEY_FILE: &str = "key";

/// Parts of names whose values are secrets, wherever they stand; compared without case, `-`, `_`
/// and `.`.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authkey",
    "encryptionkey",
    "signingkey",
    "sessionkey",
    "connectionstring",
    "dsn",
    "jwt",
    "bearer",
    "cookie",
    "salt",
    "htpasswd",
    "identitytoken",
    "registrytoken",
    "webhook",
    "otp",
];
/// Whole names whose values are secrets.
const SECRET_NAMES: &[&str] = &["auth", "auths", "pass", "pwd", "pin", "pat", "key", "psk"];
/// Names that sound so and are none.
const HARMLESS: &[&str] =
    &["passwordauthentication", "permitemptypasswords", "credsstore", "credhelpers"];

/// Hides secrets.
#[derive(Clone)]
pub struct Hider([u8; 32]);

impl fmt::Debug for Hider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hider(…)")
    }
}

impl Hider {
    /// With this key.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// With the key of this folder, which is made when there is none. Blocks. The second value says
    /// whether it was made.
    pub fn open(folder: &Path) -> Result<(Self, bool), Problem> {
        let path = folder.join(KEY_FILE);
        let bad = |what: &str, error: &dyn std::error::Error| {
            let message = format!("cannot {what} {}: {}", path.display(), chain(error));
            Problem::new(Code::DataFolder, message)
                .on("data")
                .remedy("make room, and give the agent the right to read and write there")
        };
        match fs::read(&path) {
            Ok(bytes) => match <[u8; 32]>::try_from(bytes) {
                Ok(key) => return Ok((Self(key), false)),
                // Another key makes all secrets look changed once, which is told.
                Err(_) => {
                    tracing::warn!(path = %path.display(), "the key of the inventory is damaged; another is made, and every secret counts as changed")
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(bad("read", &error)),
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| bad("draw a key for", &error))?;
        folder::replace(&path, &key).map_err(|error| bad("write", &error))?;
        Ok((Self(key), true))
    }

    /// What is told instead of a secret.
    pub fn hide(&self, secret: impl AsRef<[u8]>) -> Value {
        let hash = blake3::keyed_hash(&self.0, secret.as_ref());
        let mut short = [0; 16];
        short.copy_from_slice(&hash.as_bytes()[..16]);
        Value::Hidden(short)
    }

    /// The value of something of this name: hidden when the name sounds secret, or when the value
    /// itself is an address with a password in it.
    pub fn value(&self, name: &str, text: &str) -> Value {
        if is_secret(name) || has_password(text) {
            self.hide(text)
        } else {
            super::make::text(text)
        }
    }

    /// A command line without its secrets, and the hash of the whole where there were some.
    pub fn command(&self, line: &str) -> (String, Option<Value>) {
        let mut hidden = false;
        let mut next = false;
        let words: Vec<String> = line
            .split(' ')
            .map(|word| {
                let secret = std::mem::take(&mut next);
                if secret && !word.is_empty() && !word.starts_with('-') {
                    hidden = true;
                    return HIDDEN.to_owned();
                }
                let (name, value) = word.split_once('=').unwrap_or((word, ""));
                if !value.is_empty() && (is_secret(name) || has_password(value)) {
                    hidden = true;
                    return format!("{name}={HIDDEN}");
                }
                if has_password(word) {
                    hidden = true;
                    return HIDDEN.to_owned();
                }
                next = value.is_empty() && word.starts_with('-') && is_secret(word);
                word.to_owned()
            })
            .collect();
        (words.join(" "), hidden.then(|| self.hide(line)))
    }
}

/// What stands for a secret inside a text.
const HIDDEN: &str = "(hidden)";

/// Whether the value of what is called so is a secret.
pub fn is_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    // The last part of `registry.auth` and of `--db-pass`.
    let last = name.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let last = last.to_ascii_lowercase();
    if HARMLESS.contains(&plain.as_str()) {
        return false;
    }
    SECRET.iter().any(|part| plain.contains(part)) || SECRET_NAMES.contains(&last.as_str())
}

/// Whether a text is an address with a password: `scheme://user:password@host`.
pub fn has_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ', '"', '\'']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_sound_secret_are() {
        for name in [
            "PASSWORD",
            "db_password",
            "DB-Passwd",
            "api.key",
            "AWS_SECRET_ACCESS_KEY",
            "x-token",
            "auth",
            "registry.auth",
            "--pass",
            "PGPASS_PWD",
            "tls.key",
            "JWT",
            "clientSecret",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in
            ["keyboard", "PasswordAuthentication", "author", "monkeys", "path", "compass", ""]
        {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn equal_secrets_are_equal_on_one_host_alone() {
        let (one, two) = (Hider::new([1; 32]), Hider::new([2; 32]));
        assert_eq!(one.hide("x"), one.hide("x"));
        assert_ne!(one.hide("x"), one.hide("y"));
        assert_ne!(one.hide("x"), two.hide("x"));
        assert!(matches!(one.value("password", "x"), Value::Hidden(_)));
        assert!(matches!(one.value("url", "redis://u:p@h/1"), Value::Hidden(_)));
        assert_eq!(one.value("url", "https://h/a@b:c"), Value::Text("https://h/a@b:c".into()));
    }

    #[test]
    fn commands_lose_their_secrets_and_nothing_else() {
        let hider = Hider::new([1; 32]);
        let of = |line: &str| hider.command(line);
        for (line, told) in [
            ("backup --password hunter2 now", "backup --password (hidden) now"),
            ("backup --password=hunter2", "backup --password=(hidden)"),
            ("TOKEN=abc run", "TOKEN=(hidden) run"),
            ("curl https://u:p@h/x", "curl (hidden)"),
            ("dump --url=pg://u:p@h", "dump --url=(hidden)"),
        ] {
            let (text, hash) = of(line);
            assert_eq!(text, told);
            assert!(hash.is_some(), "a change of it shows: {line}");
            assert!(!text.contains("hunter2") && !text.contains("abc"));
        }
        assert_eq!(of("run  --verbose a=b"), ("run  --verbose a=b".to_owned(), None));
        assert_ne!(of("a --token x").1, of("a --token y").1);
    }

    #[test]
    fn the_key_is_made_once_and_is_its_owners_alone() {
        let temp = tempfile::tempdir().expect("a folder");
        let (first, made) = Hider::open(temp.path()).expect("made");
        assert!(made);
        let (again, made) = Hider::open(temp.path()).expect("read");
        assert!(!made);
        assert_eq!(first.hide("x"), again.hide("x"));
        assert_eq!(format!("{first:?}"), "Hider(…)");
        fs::write(temp.path().join(KEY_FILE), "short").expect("written");
        let (other, made) = Hider::open(temp.path()).expect("made anew");
        assert!(made && other.hide("x") != first.hide("x"));
    }
}
