//! Scripts, files and their contents on the wire.

use tamer_model::{
    Content, DEFAULT_FETCH_LIMIT, FetchFile, Fingerprint, Problem, PushFile, ScriptSpec,
};

use crate::required::{Required, optional};
use crate::wire;

impl From<Content> for wire::Content {
    fn from(content: Content) -> Self {
        let Content { digest, size } = content;
        Self { digest: digest.as_bytes().to_vec(), size }
    }
}

impl TryFrom<wire::Content> for Content {
    type Error = Problem;

    fn try_from(content: wire::Content) -> Result<Self, Problem> {
        let wire::Content { digest, size } = content;
        Ok(Self { digest: digest_of(&digest, "content.digest")?, size })
    }
}

pub(crate) fn digest_of(bytes: &[u8], field: &str) -> Result<Fingerprint, Problem> {
    let bytes = bytes.try_into().map_err(|_| Problem::field(field, "not 32 bytes of SHA-256"))?;
    Ok(Fingerprint::from_bytes(bytes))
}

impl From<ScriptSpec> for wire::ScriptSpec {
    fn from(script: ScriptSpec) -> Self {
        let ScriptSpec { content, name, interpreter, command } = script;
        Self { content: Some(content.into()), name, interpreter, command: Some(command.into()) }
    }
}

impl TryFrom<wire::ScriptSpec> for ScriptSpec {
    type Error = Problem;

    fn try_from(script: wire::ScriptSpec) -> Result<Self, Problem> {
        let wire::ScriptSpec { content, name, interpreter, command } = script;
        let content = content.required("script.content")?.try_into()?;
        let command = command.required("script.command")?.try_into()?;
        Self { content, name, interpreter, command }.validate()
    }
}

impl From<PushFile> for wire::PushFile {
    fn from(push: PushFile) -> Self {
        let PushFile { content, path, mode, owner, folders, timeout_ms } = push;
        Self {
            content: Some(content.into()),
            path,
            mode,
            owner: owner.unwrap_or_default(),
            folders,
            timeout_ms: timeout_ms.unwrap_or_default(),
        }
    }
}

impl TryFrom<wire::PushFile> for PushFile {
    type Error = Problem;

    fn try_from(push: wire::PushFile) -> Result<Self, Problem> {
        let wire::PushFile { content, path, mode, owner, folders, timeout_ms } = push;
        Self {
            content: content.required("push.content")?.try_into()?,
            path,
            mode,
            owner: optional(owner),
            folders,
            timeout_ms: (timeout_ms != 0).then_some(timeout_ms),
        }
        .validate()
    }
}

impl From<FetchFile> for wire::FetchFile {
    fn from(fetch: FetchFile) -> Self {
        let FetchFile { path, limit, timeout_ms } = fetch;
        Self { path, limit, timeout_ms: timeout_ms.unwrap_or_default() }
    }
}

impl TryFrom<wire::FetchFile> for FetchFile {
    type Error = Problem;

    fn try_from(fetch: wire::FetchFile) -> Result<Self, Problem> {
        let wire::FetchFile { path, limit, timeout_ms } = fetch;
        let limit = if limit == 0 { DEFAULT_FETCH_LIMIT } else { limit };
        Self { path, limit, timeout_ms: (timeout_ms != 0).then_some(timeout_ms) }.validate()
    }
}
