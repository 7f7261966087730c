//! Commands to the QEMU guest agent in a domain.

use super::packet::Program;
use super::{Connection, Domain, RpcError, procedure};

impl Connection {
    /// Gives the agent a command and returns its answer, both JSON texts of its own protocol.
    /// `timeout_seconds` is how long the daemon waits for the answer: -2 for ever, -1 its own
    /// time, 0 not at all. `VIR_ERR_AGENT_UNRESPONSIVE` when there is no agent, or no answer.
    pub async fn agent_command(
        &self,
        domain: &Domain,
        json: &str,
        timeout_seconds: i32,
    ) -> Result<Option<String>, RpcError> {
        let arguments = (domain, json, timeout_seconds, 0u32);
        self.call_of(Program::Qemu, procedure::QEMU_DOMAIN_AGENT_COMMAND, &arguments).await
    }
}
