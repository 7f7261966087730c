//! Commands in machines, run by the QEMU guest agent.
//!
//! The agent (`qga/qapi-schema.json` of QEMU) takes all input with the command and tells all output
//! after its end. That bounds both; a command that needs more reads or writes a file.

use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use serde_json::{Value, json};
use tamer_model::{ExecSpec, NativeId, StreamKind};
use tamer_provider::{
    ExecInput, ExecOutput, ExecSession, Fault, FaultKind, MAX_EXEC_CHUNK, Result,
};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::MachineProvider;
use super::look::{find, state_of};
use crate::faults::fault;
use crate::rpc::{Connection, Domain, RpcError, code};

/// How long the agent may take to answer, in seconds. It answers at once when it is there, but an
/// emulated one reads and writes slowly, so that it has more time for what is long.
const ANSWER_S: i32 = 10;
const LONG_ANSWER_S: i32 = 60;
/// All input goes with the command in one text. libvirt 9 writes that into the agent's socket at
/// once and hangs when it does not fit, which Linux lets it do up to 208 KiB; this is 171 KiB as
/// base64, and leaves room for the command.
const MAX_INPUT: usize = 128 * 1024;
/// Pieces of input that wait while an earlier one is taken in.
const WAITING: usize = 4;
/// How often is asked whether the command has ended: often at first, most are short.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LAST_LOOK: Duration = Duration::from_secs(1);
/// What a shell says of a program that is not there.
const NOT_FOUND: i32 = 127;
/// What libvirt answers when the agent refused: `VIR_ERR_INTERNAL_ERROR` with the agent's text.
const NO_SUCH: [&str; 2] = ["Failed to execute child process", "failed to execute"];

impl MachineProvider {
    pub(super) async fn executed(&self, id: &NativeId, spec: &ExecSpec) -> Result<ExecSession> {
        self.only_qemu("exec")?;
        if spec.terminal.is_some() {
            return Err(Fault::unsupported("a terminal", super::probe::NO_TERMINAL)
                .remedy("run the command without one"));
        }
        if spec.user.is_some() {
            return Err(Fault::unsupported(
                "another user",
                "the guest agent runs commands as its own",
            )
            .on("user")
            .remedy("run it with su or sudo"));
        }
        let live = self.session.live().await?;
        let domain = find(&live, id).await?;
        match state_of(&live, &domain).await? {
            (1 | 2, _) => {}
            (3, _) => {
                return Err(Fault::new(FaultKind::Conflict, format!("the machine {id} is paused")));
            }
            _ => {
                return Err(Fault::new(
                    FaultKind::Conflict,
                    format!("the machine {id} does not run"),
                ));
            }
        }
        let agent = Agent { connection: live.guests, domain };
        // Tells at once whether anybody is there to run something.
        let ping = json!({ "execute": "guest-ping" });
        agent.ask(&ping, ANSWER_S).await.map_err(|error| fault(&error, REFUSED))?;
        let (input, given) = mpsc::channel(WAITING);
        let run = Run { agent, spec: spec.clone(), given };
        Ok(ExecSession { input, output: run.output() })
    }
}

const REFUSED: &str = "the guest agent does not run the command";

/// The agent of a machine.
struct Agent {
    connection: Connection,
    domain: Domain,
}

impl Agent {
    /// What it returns.
    async fn ask(&self, command: &Value, seconds: i32) -> std::result::Result<Value, RpcError> {
        let text = command.to_string();
        let answer = self.connection.agent_command(&self.domain, &text, seconds).await?;
        let answer: Value = serde_json::from_str(answer.as_deref().unwrap_or("{}"))
            .map_err(|_| RpcError::Protocol("the guest agent's answer is no JSON"))?;
        Ok(answer.get("return").cloned().unwrap_or_default())
    }
}

/// A command that is begun when its input is complete.
struct Run {
    agent: Agent,
    spec: ExecSpec,
    given: mpsc::Receiver<ExecInput>,
}

impl Run {
    /// Everything happens while the output is read, so that dropping it ends everything here.
    fn output(self) -> BoxStream<'static, Result<ExecOutput>> {
        stream::once(self.outputs()).flat_map(stream::iter).boxed()
    }

    async fn outputs(self) -> Vec<Result<ExecOutput>> {
        match self.run().await {
            Ok(outputs) => outputs.into_iter().map(Ok).collect(),
            Err(fault) => vec![Err(fault)],
        }
    }

    async fn run(mut self) -> Result<Vec<ExecOutput>> {
        let input = self.input().await?;
        let begun = match self.agent.ask(&command(&self.spec, &input), LONG_ANSWER_S).await {
            Ok(begun) => begun,
            Err(error) if NO_SUCH.iter().any(|text| error.to_string().contains(text)) => {
                let said = Bytes::from(format!("{error}\n"));
                return Ok(vec![
                    ExecOutput::Data(StreamKind::Stderr, said),
                    ExecOutput::Ended(Some(NOT_FOUND)),
                ]);
            }
            Err(error) => return Err(fault(&error, REFUSED)),
        };
        let look = json!({ "execute": "guest-exec-status", "arguments": { "pid": begun["pid"] } });
        let mut wait = FIRST_LOOK;
        loop {
            // The answer to the last one holds the output.
            let seen = match self.agent.ask(&look, LONG_ANSWER_S).await {
                Ok(seen) => seen,
                // Too long for a message of libvirt.
                Err(error) if error.code() == Some(code::VIR_ERR_RPC) => {
                    return Err(Fault { technology: Some(error.to_string()), ..too_much() });
                }
                Err(error) => return Err(fault(&error, "the end of the command is not known")),
            };
            if seen["exited"].as_bool() != Some(false) {
                return outputs(&seen);
            }
            sleep(wait).await;
            wait = (wait * 2).min(LAST_LOOK);
        }
    }

    /// All of its input.
    async fn input(&mut self) -> Result<Vec<u8>> {
        let mut input = Vec::new();
        while self.spec.stdin {
            match self.given.recv().await {
                Some(ExecInput::Data(data)) if input.len() + data.len() > MAX_INPUT => {
                    let what = format!("more than {MAX_INPUT} bytes of input for a guest agent");
                    return Err(Fault::new(FaultKind::ResourceExhausted, what)
                        .remedy("copy the input into the machine as a file first"));
                }
                Some(ExecInput::Data(data)) => input.extend_from_slice(&data),
                Some(ExecInput::Resize(_)) => {}
                Some(ExecInput::End) | None => break,
            }
        }
        self.given.close();
        Ok(input)
    }
}

/// The agent's command. What it is given as environment would take the place of its own, the PATH
/// among it, so that variables and the folder are set by programs of the guest.
fn command(spec: &ExecSpec, input: &[u8]) -> Value {
    let mut words = Vec::new();
    if let Some(folder) = &spec.workdir {
        let script = "cd -- \"$1\" && shift && exec \"$@\"";
        words.extend(["sh", "-c", script, "sh"].map(str::to_owned));
        words.push(folder.clone());
    }
    if !spec.env.is_empty() {
        words.push("env".to_owned());
        words.extend(spec.env.iter().map(|(key, value)| format!("{key}={value}")));
    }
    words.extend(spec.argv.iter().cloned());
    let (path, arguments) = words.split_first().map_or(("", &[][..]), |(p, a)| (p.as_str(), a));
    json!({
        "execute": "guest-exec",
        "arguments": {
            "path": path,
            "arg": arguments,
            // Without any, the command would have the agent's own input.
            "input-data": BASE64.encode(input),
            "capture-output": true,
        },
    })
}

fn too_much() -> Fault {
    let what = "the command wrote more than the guest agent can tell, about 3 MB";
    Fault::new(FaultKind::ResourceExhausted, what).remedy("let it write a file in the machine")
}

/// What an ended command wrote, in pieces, and its code.
fn outputs(seen: &Value) -> Result<Vec<ExecOutput>> {
    if ["out-truncated", "err-truncated"].iter().any(|key| seen[key].as_bool() == Some(true)) {
        return Err(too_much());
    }
    let mut outputs = Vec::new();
    for (key, stream) in [("out-data", StreamKind::Stdout), ("err-data", StreamKind::Stderr)] {
        let Some(text) = seen[key].as_str() else { continue };
        let bytes = BASE64
            .decode(text.as_bytes())
            .map(Bytes::from)
            .map_err(|_| Fault::new(FaultKind::Failed, "the guest agent's output is not base64"))?;
        let pieces = (0..bytes.len()).step_by(MAX_EXEC_CHUNK);
        outputs.extend(pieces.map(|at| {
            let end = bytes.len().min(at + MAX_EXEC_CHUNK);
            ExecOutput::Data(stream, bytes.slice(at..end))
        }));
    }
    let code = seen["exitcode"].as_i64().and_then(|code| i32::try_from(code).ok());
    // A signal leaves no code.
    outputs.push(ExecOutput::Ended(code.filter(|_| seen["signal"].is_null())));
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_folder_come_before_the_program() {
        let spec = ExecSpec {
            workdir: Some("/a b".to_owned()),
            env: [("K".to_owned(), "v w".to_owned())].into(),
            ..ExecSpec::new(["ls", "-l"])
        };
        let command = command(&spec, b"in");
        let arguments = &command["arguments"];
        assert_eq!(arguments["path"], "sh");
        let script = "cd -- \"$1\" && shift && exec \"$@\"";
        assert_eq!(
            arguments["arg"],
            json!(["-c", script, "sh", "/a b", "env", "K=v w", "ls", "-l"])
        );
        assert_eq!(arguments["input-data"], "aW4=");
    }

    #[test]
    fn output_comes_in_pieces_and_ends_with_the_code() {
        let long = vec![b'x'; MAX_EXEC_CHUNK + 1];
        let seen = json!({ "exited": true, "exitcode": 3, "out-data": BASE64.encode(&long) });
        let outputs = outputs(&seen).expect("read");
        let sizes: Vec<_> = outputs
            .iter()
            .map(|output| match output {
                ExecOutput::Data(StreamKind::Stdout, data) => data.len(),
                other => {
                    assert_eq!(*other, ExecOutput::Ended(Some(3)));
                    0
                }
            })
            .collect();
        assert_eq!(sizes, [MAX_EXEC_CHUNK, 1, 0]);
        let killed = json!({ "exited": true, "signal": 9 });
        assert_eq!(super::outputs(&killed).expect("read"), [ExecOutput::Ended(None)]);
        let cut = json!({ "exited": true, "exitcode": 0, "out-truncated": true });
        assert!(super::outputs(&cut).is_err());
    }
}
