//! Commands on the wire.

use tamer_model::{CommandSpec, DEFAULT_GRACE, DEFAULT_OUTPUT_LIMIT, Problem};

use crate::required::optional;
use crate::wire;

impl TryFrom<wire::CommandSpec> for CommandSpec {
    type Error = Problem;

    fn try_from(spec: wire::CommandSpec) -> Result<Self, Problem> {
        let wire::CommandSpec { argv, shell, env, cwd, user, timeout_ms, grace_ms, output_limit } =
            spec;
        let or = |value: u64, default: u64| if value == 0 { default } else { value };
        Self {
            argv,
            shell,
            env: env.into_iter().collect(),
            cwd: optional(cwd),
            user: optional(user),
            timeout_ms: (timeout_ms != 0).then_some(timeout_ms),
            grace_ms: or(grace_ms, DEFAULT_GRACE.as_millis() as u64),
            output_limit: or(output_limit.into(), DEFAULT_OUTPUT_LIMIT.into()) as u32,
        }
        .validate()
    }
}

impl From<CommandSpec> for wire::CommandSpec {
    fn from(spec: CommandSpec) -> Self {
        let CommandSpec { argv, shell, env, cwd, user, timeout_ms, grace_ms, output_limit } = spec;
        Self {
            argv,
            shell,
            env: env.into_iter().collect(),
            cwd: cwd.unwrap_or_default(),
            user: user.unwrap_or_default(),
            timeout_ms: timeout_ms.unwrap_or_default(),
            grace_ms,
            output_limit,
        }
    }
}
