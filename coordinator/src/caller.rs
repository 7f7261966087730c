//! Who makes a call, as every handler sees it.

use std::net::SocketAddr;
use std::sync::Arc;

use tamer_certs::PeerIdentity;
use tamer_model::{Code, HostId, Problem, Role, UserName};
use tonic::{Request, Status};

/// The peer of a connection. The door puts it into every request.
#[derive(Debug)]
pub struct Caller {
    /// Who it is, if it showed a certificate.
    pub peer: Option<PeerIdentity>,
    /// Where it dialled from.
    pub from: SocketAddr,
}

impl Caller {
    /// The role its certificate gives it.
    pub fn role(&self) -> Option<&Role> {
        self.peer.as_ref().map(|peer| &peer.identity.role)
    }

    /// How the audit names it.
    pub fn who(&self) -> String {
        self.role().map_or_else(|| "anonymous".to_owned(), ToString::to_string)
    }
}

/// The caller of a request.
pub fn caller<T>(request: &Request<T>) -> Result<Arc<Caller>, Status> {
    request.extensions().get::<Arc<Caller>>().cloned().ok_or_else(|| {
        tamer_proto::status_of(Problem::new(Code::Internal, "a request came past the door"))
    })
}

/// The host that makes a request, and its certificate.
pub fn host<T>(request: &Request<T>) -> Result<(HostId, Arc<Caller>), Status> {
    let caller = caller(request)?;
    match caller.role() {
        Some(Role::Host(id)) => Ok((*id, caller)),
        _ => Err(refused("hosts")),
    }
}

/// The user who makes a request.
pub fn user<T>(request: &Request<T>) -> Result<(UserName, Arc<Caller>), Status> {
    let caller = caller(request)?;
    match caller.role() {
        Some(Role::User(name)) => Ok((name.clone(), caller)),
        _ => Err(refused("users")),
    }
}

fn refused(who: &str) -> Status {
    tamer_proto::status_of(Problem::new(Code::RoleNotAllowed, format!("this call is for {who}")))
}
