//! References of images: `registry.example:5000/team/app:1.2@sha256:…`.

use std::fmt;

use tamer_provider::{Fault, Result};

/// The registry of a reference that names none.
const USUAL_HOST: &str = "docker.io";

/// A reference that is well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Everything before the tag.
    name: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl Reference {
    /// Reads one. A digest alone (`sha256:…`) and a short id are references of what is there.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let bad = |why: &str| {
            Fault::spec("image", format!("{text:?} is no image reference: {why}"))
                .remedy("write [REGISTRY/]NAME[:TAG][@DIGEST]")
        };
        if text.len() > 1024 {
            return Err(bad("it is longer than 1024 bytes"));
        }
        if let Some(hex) = text.strip_prefix("sha256:") {
            if hex.is_empty() || !hex.chars().all(|c| c.is_ascii_hexdigit()) {
                return Err(bad("the digest is not hexadecimal"));
            }
            return Ok(Self { name: text.to_owned(), tag: None, digest: None });
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (text, None),
        };
        if let Some(digest) = &digest {
            let hex = digest.split_once(':').map(|(_, hex)| hex);
            if !hex.is_some_and(|hex| hex.len() >= 32 && hex.chars().all(|c| c.is_ascii_hexdigit()))
            {
                return Err(bad("the digest is not ALGORITHM:HEX"));
            }
        }
        // A colon after the last slash begins the tag; one before it, the registry's port.
        let slash = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[slash..].split_once(':') {
            Some((last, tag)) => (&rest[..slash + last.len()], Some(tag.to_owned())),
            None => (rest, None),
        };
        if let Some(tag) = &tag
            && !is_tag(tag)
        {
            return Err(bad("the tag is not 1 to 128 of A-Z a-z 0-9 _ . -"));
        }
        let parsed = Self { name: name.to_owned(), tag, digest };
        let (host, path) = parsed.split();
        if host.is_some_and(|host| {
            host.is_empty()
                || !host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c))
        }) {
            return Err(bad("the registry is not HOST[:PORT]"));
        }
        if path.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(bad("the name has capital letters"));
        }
        if !path.split('/').all(is_part) {
            return Err(bad("the name is not of a-z 0-9 . _ - in parts divided by /"));
        }
        Ok(parsed)
    }

    /// The host of its registry, as a configuration writes it.
    pub(crate) fn host(&self) -> &str {
        match self.split().0 {
            None | Some("index.docker.io" | "registry-1.docker.io") => USUAL_HOST,
            Some(host) => host,
        }
    }

    fn split(&self) -> (Option<&str>, &str) {
        match self.name.split_once('/') {
            Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => {
                (Some(host), path)
            }
            _ => (None, &self.name),
        }
    }
}

impl fmt::Display for Reference {
    /// With the tag that is meant when none is given: an engine would fetch every tag.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match (&self.tag, &self.digest) {
            (None, None) if self.name.starts_with("sha256:") => Ok(()),
            (None, None) => f.write_str(":latest"),
            (tag, digest) => {
                tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
                digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
            }
        }
    }
}

fn is_tag(tag: &str) -> bool {
    (1..=128).contains(&tag.len())
        && !tag.starts_with(['.', '-'])
        && tag.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn is_part(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(plain)
        && part.ends_with(plain)
        && part.chars().all(|c| plain(c) || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_completed() {
        let digest = "sha256:f7be577053896ad9d4e93f7b9d1f8eb812ae59be72f51beda5fb86dd82274fd5";
        for (text, whole, host) in [
            ("busybox", "busybox:latest", "docker.io"),
            ("tamer/busybox:1", "tamer/busybox:1", "docker.io"),
            ("r.example:5000/a/b", "r.example:5000/a/b:latest", "r.example:5000"),
            ("localhost/a:b", "localhost/a:b", "localhost"),
            ("index.docker.io/library/a:1", "index.docker.io/library/a:1", "docker.io"),
            (&format!("a@{digest}"), &format!("a@{digest}"), "docker.io"),
            (&format!("a:1@{digest}"), &format!("a:1@{digest}"), "docker.io"),
        ] {
            let read = Reference::parse(text).expect("it is well made");
            assert_eq!((read.to_string().as_str(), read.host()), (whole, host), "{text}");
        }
        assert_eq!(Reference::parse(digest).expect("it is well made").to_string(), digest);
    }

    #[test]
    fn what_is_no_reference_names_the_field() {
        for text in [
            "", "A", "a::b", "a:", "a b", "-a", "a/", "/a", "a//b", "a@b", "a:.x", "x.y/A",
            "a\u{e9}",
        ] {
            let fault = Reference::parse(text).expect_err(text);
            assert_eq!(fault.field.as_deref(), Some("image"), "{text}");
        }
    }
}
