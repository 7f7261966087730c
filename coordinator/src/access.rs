//! Who may call what: the one table, looked up before any handler runs.

use tamer_model::{Code, Problem, Role};

/// Who a call answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, also without a certificate.
    Anyone,
    /// Agents.
    Hosts,
    /// People.
    Users,
}

/// The table. A call that is not in it answers nobody.
pub const TABLE: &[(&str, Access)] = &[
    ("/tamer.v1.Enrolment/Enrol", Access::Anyone),
    ("/tamer.v1.AgentService/Session", Access::Hosts),
    ("/tamer.v1.AgentService/Bulk", Access::Hosts),
    ("/tamer.v1.AgentService/GetTaskContent", Access::Hosts),
    ("/tamer.v1.AgentService/StatTaskContent", Access::Hosts),
    ("/tamer.v1.AgentService/PutTaskContent", Access::Hosts),
    ("/tamer.v1.Control/GetStatus", Access::Users),
    ("/tamer.v1.Control/ListHosts", Access::Users),
    ("/tamer.v1.Control/LabelHost", Access::Users),
    ("/tamer.v1.Control/ApproveHost", Access::Users),
    ("/tamer.v1.Control/RemoveHost", Access::Users),
    ("/tamer.v1.Control/CordonHost", Access::Users),
    ("/tamer.v1.Control/CreateToken", Access::Users),
    ("/tamer.v1.Control/ListTokens", Access::Users),
    ("/tamer.v1.Control/RevokeToken", Access::Users),
    ("/tamer.v1.Control/CreateBatch", Access::Users),
    ("/tamer.v1.Control/ListBatches", Access::Users),
    ("/tamer.v1.Control/GetBatch", Access::Users),
    ("/tamer.v1.Control/ListTasks", Access::Users),
    ("/tamer.v1.Control/WatchBatch", Access::Users),
    ("/tamer.v1.Control/CancelBatch", Access::Users),
    ("/tamer.v1.Control/PreviewBatch", Access::Users),
    ("/tamer.v1.Control/PauseBatch", Access::Users),
    ("/tamer.v1.Control/ResumeBatch", Access::Users),
    ("/tamer.v1.Control/RetryBatch", Access::Users),
    ("/tamer.v1.Control/ReadOutput", Access::Users),
    ("/tamer.v1.Control/StatContent", Access::Users),
    ("/tamer.v1.Control/PutContent", Access::Users),
    ("/tamer.v1.Control/GetFetched", Access::Users),
    ("/tamer.v1.Control/ListInstances", Access::Users),
    ("/tamer.v1.Control/WatchInstances", Access::Users),
    ("/tamer.v1.Control/DescribeInstance", Access::Users),
    ("/tamer.v1.Control/Exec", Access::Users),
    ("/tamer.v1.Control/Logs", Access::Users),
    ("/tamer.v1.Control/Stats", Access::Users),
    ("/tamer.v1.Schedules/CreateSchedule", Access::Users),
    ("/tamer.v1.Schedules/ListSchedules", Access::Users),
    ("/tamer.v1.Schedules/GetSchedule", Access::Users),
    ("/tamer.v1.Schedules/SetScheduleEnabled", Access::Users),
    ("/tamer.v1.Schedules/RemoveSchedule", Access::Users),
    ("/tamer.v1.Schedules/RunScheduleNow", Access::Users),
    ("/tamer.v1.Workloads/PlanWorkloads", Access::Users),
    ("/tamer.v1.Workloads/ApplyWorkloads", Access::Users),
    ("/tamer.v1.Workloads/ListWorkloads", Access::Users),
    ("/tamer.v1.Workloads/GetWorkload", Access::Users),
    ("/tamer.v1.Workloads/ListWorkloadVersions", Access::Users),
    ("/tamer.v1.Workloads/ChangeWorkload", Access::Users),
    ("/tamer.v1.Workloads/Why", Access::Users),
    ("/tamer.v1.Workloads/WatchWorkload", Access::Users),
    ("/tamer.v1.Workloads/ListPlacements", Access::Users),
    ("/tamer.v1.Workloads/PlanRebalance", Access::Users),
    ("/tamer.v1.Workloads/DrainHost", Access::Users),
    ("/tamer.v1.Workloads/WatchDrain", Access::Users),
    ("/tamer.v1.Drift/TakeSnapshot", Access::Users),
    ("/tamer.v1.Drift/ListSnapshots", Access::Users),
    ("/tamer.v1.Drift/ShowSnapshot", Access::Users),
    ("/tamer.v1.Drift/DiffSnapshots", Access::Users),
    ("/tamer.v1.Drift/ExportSnapshot", Access::Users),
    ("/tamer.v1.Drift/ImportSnapshot", Access::Users),
    ("/tamer.v1.Drift/RemoveSnapshot", Access::Users),
    ("/tamer.v1.Drift/VerifySnapshots", Access::Users),
    ("/tamer.v1.Drift/SetBaseline", Access::Users),
    ("/tamer.v1.Drift/ListBaselines", Access::Users),
    ("/tamer.v1.Drift/ShowBaseline", Access::Users),
    ("/tamer.v1.Drift/AcceptDrift", Access::Users),
    ("/tamer.v1.Drift/ClearBaseline", Access::Users),
    ("/tamer.v1.Drift/GetDrift", Access::Users),
    ("/tamer.v1.Drift/WatchDrift", Access::Users),
    ("/tamer.v1.Drift/GetHistory", Access::Users),
    ("/tamer.v1.Drift/PutRule", Access::Users),
    ("/tamer.v1.Drift/ListRules", Access::Users),
    ("/tamer.v1.Drift/RemoveRule", Access::Users),
    ("/tamer.v1.Drift/ReplayRule", Access::Users),
    ("/tamer.v1.Drift/ProposeNoise", Access::Users),
    ("/tamer.v1.Drift/AcknowledgeDrift", Access::Users),
    ("/tamer.v1.Control/ListAudit", Access::Users),
    ("/tamer.v1.Control/TailAudit", Access::Users),
];

/// Whether a caller with `role` (none: without a certificate) may call `path`.
pub fn check(path: &str, role: Option<&Role>) -> Result<(), Problem> {
    let access = TABLE.iter().find(|(name, _)| *name == path).map(|(_, access)| *access);
    match (access, role) {
        (Some(Access::Anyone), _)
        | (Some(Access::Hosts), Some(Role::Host(_)))
        | (Some(Access::Users), Some(Role::User(_))) => Ok(()),
        (_, None) => {
            Err(Problem::new(Code::Unauthenticated, "this call needs a certificate of the fleet")
                .remedy("join with a token, or use the context of a user"))
        }
        (Some(Access::Hosts), Some(_)) => Err(not_for(role, "hosts")),
        (Some(Access::Users), Some(_)) => Err(not_for(role, "users")),
        (None, Some(_)) => {
            Err(Problem::new(Code::VersionUnsupported, format!("there is no call {path}"))
                .remedy("use programs of the same minor version"))
        }
    }
}

fn not_for(role: Option<&Role>, who: &str) -> Problem {
    let role = role.map(ToString::to_string).unwrap_or_default();
    Problem::new(Code::RoleNotAllowed, format!("{role} may not make this call: it is for {who}"))
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    /// Reads just what is needed of a `FileDescriptorSet` (descriptor.proto).
    #[derive(Message)]
    struct Set {
        #[prost(message, repeated, tag = "1")]
        file: Vec<File>,
    }
    #[derive(Message)]
    struct File {
        #[prost(string, tag = "2")]
        package: String,
        #[prost(message, repeated, tag = "6")]
        service: Vec<Service>,
    }
    #[derive(Message)]
    struct Service {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(message, repeated, tag = "2")]
        method: Vec<Method>,
    }
    #[derive(Message)]
    struct Method {
        #[prost(string, tag = "1")]
        name: String,
    }

    #[test]
    fn every_call_has_a_row_and_every_row_a_call() {
        let set = Set::decode(tamer_proto::wire::DESCRIPTORS).expect("descriptors");
        let mut calls: Vec<String> = Vec::new();
        for file in set.file {
            for service in file.service {
                calls.extend(
                    service
                        .method
                        .iter()
                        .map(|m| format!("/{}.{}/{}", file.package, service.name, m.name)),
                );
            }
        }
        let mut rows: Vec<_> = TABLE.iter().map(|(path, _)| (*path).to_owned()).collect();
        calls.sort();
        rows.sort();
        assert_eq!(calls, rows);
    }
}
