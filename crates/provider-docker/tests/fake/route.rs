//! From a request to what answers it.

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;

use crate::answer::{Answer, Refusal, Result};
use crate::ask::Ask;
use crate::exec::Job;
use crate::world::World;
use crate::{containers, exec, host, images, lifecycle, output};

/// The answer, and what is done with the connection after it.
pub async fn answer(world: &Arc<World>, request: Request<Incoming>) -> (Answer, Option<Job>) {
    match routed(world, request).await {
        Ok((answer, job)) => (answer, job),
        Err(refusal) => (refusal.answer(), None),
    }
}

async fn routed(world: &Arc<World>, request: Request<Incoming>) -> Result<(Answer, Option<Job>)> {
    let ask = Ask::new(request)?;
    let parts = ask.parts.clone();
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    let answer = match (ask.method.clone().as_str(), &parts[..]) {
        ("GET", ["version"]) => host::version(),
        ("GET", ["info"]) => host::info(world),
        ("GET", ["events"]) => Ok(world.events.listen(&ask)),
        ("GET", ["containers", "json"]) => containers::list(world, &ask).await,
        ("POST", ["containers", "create"]) => containers::create(world, ask).await,
        ("GET", ["containers", id, "json"]) => containers::inspect(world, id).await,
        ("DELETE", ["containers", id]) => containers::remove(world, id, &ask).await,
        ("POST", ["containers", id, "rename"]) => containers::rename(world, id, &ask),
        ("POST", ["containers", id, "start"]) => lifecycle::start(world, id).await,
        ("POST", ["containers", id, "stop"]) => lifecycle::stop(world, id, &ask).await,
        ("POST", ["containers", id, "restart"]) => lifecycle::restart(world, id, &ask).await,
        ("POST", ["containers", id, "pause"]) => lifecycle::pause(world, id).await,
        ("POST", ["containers", id, "unpause"]) => lifecycle::unpause(world, id).await,
        ("GET", ["containers", id, "logs"]) => output::logs(world, id, &ask).await,
        ("GET", ["containers", id, "stats"]) => output::stats(world, id, &ask).await,
        ("POST", ["containers", id, "exec"]) => exec::create(world, id, ask).await,
        ("POST", ["exec", id, "start"]) => {
            let (answer, job) = exec::start(world, id, ask).await?;
            return Ok((answer, Some(job)));
        }
        ("POST", ["exec", id, "resize"]) => exec::resize(world, id, &ask).await,
        ("GET", ["exec", id, "json"]) => exec::inspect(world, id),
        ("POST", ["commit"]) => images::commit(world, &ask),
        ("GET", ["images", "json"]) => images::list(world, &ask),
        ("POST", ["images", "create"]) => images::pull(world, &ask),
        ("POST", ["images", "load"]) => images::load(world, ask).await,
        ("GET", ["images", name, "json"]) => images::inspect(world, name),
        ("POST", ["images", name, "tag"]) => images::tag(world, name, &ask),
        ("DELETE", ["images", name]) => images::remove(world, name),
        ("GET", ["networks"]) => host::networks(),
        ("GET", ["networks", name]) => host::network_inspect(name),
        ("POST", ["networks", name, "connect"]) => host::network_connect(world, name, ask).await,
        ("GET", ["volumes"]) => host::volumes(world),
        ("DELETE", ["volumes", name]) => host::volume_remove(world, name),
        _ => Err(Refusal::missing("page not found")),
    };
    Ok((answer?, None))
}
