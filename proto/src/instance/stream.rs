//! Streams on the wire.

use tamer_model::{
    DEFAULT_OUTPUT_LIMIT, ExecSpec, InstanceExec, InstanceRef, InstanceStats, LogOptions, Problem,
    Resource, ResourceRef, StreamRequest, TerminalSize, Timestamp,
};
use wire::stream_request::Request;

use crate::required::{Required, optional};
use crate::wire;

impl From<TerminalSize> for wire::TerminalSize {
    fn from(size: TerminalSize) -> Self {
        let TerminalSize { columns, rows } = size;
        Self { columns: columns.into(), rows: rows.into() }
    }
}

impl From<wire::TerminalSize> for TerminalSize {
    /// A terminal larger than any is as large as any.
    fn from(size: wire::TerminalSize) -> Self {
        let wire::TerminalSize { columns, rows } = size;
        let fit = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
        Self { columns: fit(columns), rows: fit(rows) }
    }
}

impl From<ExecSpec> for wire::ExecSpec {
    fn from(spec: ExecSpec) -> Self {
        let ExecSpec { argv, env, workdir, user, stdin, terminal } = spec;
        Self {
            argv,
            env: env.into_iter().collect(),
            workdir: workdir.unwrap_or_default(),
            user: user.unwrap_or_default(),
            stdin,
            terminal: terminal.map(Into::into),
        }
    }
}

impl TryFrom<wire::ExecSpec> for ExecSpec {
    type Error = Problem;

    fn try_from(spec: wire::ExecSpec) -> Result<Self, Problem> {
        let wire::ExecSpec { argv, env, workdir, user, stdin, terminal } = spec;
        Self {
            argv,
            env: env.into_iter().collect(),
            workdir: optional(workdir),
            user: optional(user),
            stdin,
            terminal: terminal.map(Into::into),
        }
        .validate()
    }
}

impl From<InstanceExec> for wire::InstanceExec {
    fn from(exec: InstanceExec) -> Self {
        let InstanceExec { spec, timeout_ms, output_limit } = exec;
        Self { spec: Some(spec.into()), timeout_ms: timeout_ms.unwrap_or_default(), output_limit }
    }
}

impl TryFrom<wire::InstanceExec> for InstanceExec {
    type Error = Problem;

    fn try_from(exec: wire::InstanceExec) -> Result<Self, Problem> {
        let wire::InstanceExec { spec, timeout_ms, output_limit } = exec;
        let spec = spec.required("exec.spec")?.try_into()?;
        let output_limit = if output_limit == 0 { DEFAULT_OUTPUT_LIMIT } else { output_limit };
        Self { spec, timeout_ms: (timeout_ms != 0).then_some(timeout_ms), output_limit }.validate()
    }
}

impl From<LogOptions> for wire::LogOptions {
    fn from(options: LogOptions) -> Self {
        let LogOptions { follow, since, tail, timestamps } = options;
        Self { follow, since: since.map(Timestamp::as_millis), tail, timestamps }
    }
}

impl From<wire::LogOptions> for LogOptions {
    fn from(options: wire::LogOptions) -> Self {
        let wire::LogOptions { follow, since, tail, timestamps } = options;
        Self { follow, since: since.map(Timestamp::from_millis), tail, timestamps }
    }
}

impl From<StreamRequest> for wire::StreamRequest {
    fn from(request: StreamRequest) -> Self {
        let refs = |refs: Vec<InstanceRef>| refs.into_iter().map(Into::into).collect();
        let request = match request {
            StreamRequest::Exec { instance, spec } => Request::Exec(wire::ExecStream {
                instance: Some(instance.into()),
                spec: Some(spec.into()),
            }),
            StreamRequest::Logs { instances, options } => Request::Logs(wire::LogsStream {
                instances: refs(instances),
                options: Some(options.into()),
            }),
            StreamRequest::Stats { instances, every_ms } => Request::Stats(wire::StatsStream {
                instances: refs(instances),
                every_ms: every_ms.unwrap_or_default(),
            }),
            StreamRequest::Describe { instance } => {
                Request::Describe(wire::DescribeStream { instance: Some(instance.into()) })
            }
            StreamRequest::Output { task, stdout_from, stderr_from, follow } => {
                let task = Some(task.into());
                Request::Output(wire::OutputStream { task, stdout_from, stderr_from, follow })
            }
        };
        Self { request: Some(request) }
    }
}

impl TryFrom<wire::StreamRequest> for StreamRequest {
    type Error = Problem;

    fn try_from(request: wire::StreamRequest) -> Result<Self, Problem> {
        let refs = |refs: Vec<wire::InstanceRef>| {
            refs.into_iter().map(InstanceRef::try_from).collect::<Result<Vec<_>, _>>()
        };
        match request.request.required("request")? {
            Request::Exec(wire::ExecStream { instance, spec }) => Self::Exec {
                instance: instance.required("request.instance")?.try_into()?,
                spec: spec.required("request.spec")?.try_into()?,
            },
            Request::Logs(wire::LogsStream { instances, options }) => Self::Logs {
                instances: refs(instances)?,
                options: options.map(Into::into).unwrap_or_default(),
            },
            Request::Stats(wire::StatsStream { instances, every_ms }) => Self::Stats {
                instances: refs(instances)?,
                every_ms: (every_ms != 0).then_some(every_ms),
            },
            Request::Describe(wire::DescribeStream { instance }) => {
                Self::Describe { instance: instance.required("request.instance")?.try_into()? }
            }
            Request::Output(wire::OutputStream { task, stdout_from, stderr_from, follow }) => {
                let task = task.required("request.task")?.try_into()?;
                Self::Output { task, stdout_from, stderr_from, follow }
            }
        }
        .validate()
    }
}

impl From<InstanceStats> for wire::InstanceStats {
    fn from(stats: InstanceStats) -> Self {
        let InstanceStats {
            at,
            cpu_ns,
            memory_bytes,
            memory_limit_bytes,
            network_received_bytes,
            network_sent_bytes,
            block_read_bytes,
            block_written_bytes,
            pids,
        } = stats;
        Self {
            at: at.as_millis(),
            cpu_ns,
            memory_bytes,
            memory_limit_bytes,
            network_received_bytes,
            network_sent_bytes,
            block_read_bytes,
            block_written_bytes,
            pids,
        }
    }
}

impl From<wire::InstanceStats> for InstanceStats {
    fn from(stats: wire::InstanceStats) -> Self {
        let wire::InstanceStats {
            at,
            cpu_ns,
            memory_bytes,
            memory_limit_bytes,
            network_received_bytes,
            network_sent_bytes,
            block_read_bytes,
            block_written_bytes,
            pids,
        } = stats;
        Self {
            at: Timestamp::from_millis(at),
            cpu_ns,
            memory_bytes,
            memory_limit_bytes,
            network_received_bytes,
            network_sent_bytes,
            block_read_bytes,
            block_written_bytes,
            pids,
        }
    }
}

impl From<ResourceRef> for wire::ResourceRef {
    fn from(reference: ResourceRef) -> Self {
        let ResourceRef { kind, id } = reference;
        Self { kind: kind.as_str().to_owned(), id }
    }
}

impl From<Resource> for wire::Resource {
    fn from(resource: Resource) -> Self {
        let Resource { reference, name, attributes, depends_on } = resource;
        let wire::ResourceRef { kind, id } = reference.into();
        Self {
            kind,
            id,
            name,
            attributes: attributes.into_iter().collect(),
            depends_on: depends_on.into_iter().map(Into::into).collect(),
        }
    }
}
