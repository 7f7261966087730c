//! Starting, stopping, removing.

use std::path::Path;
use std::time::Duration;

use tamer_model::{NativeId, RestartPolicy};
use tamer_provider::{Fault, FaultKind, Result};
use tokio::time::{Instant, timeout_at};

use super::MachineProvider;
use super::look::{find, state_of, uuid};
use crate::faults::{fault, of_io};
use crate::rpc::{Domain, Event, EventReceiver, RpcError, code};
use crate::session::Live;
use crate::state;

/// How long a machine has to shut down when nobody says: its services stop one after the other.
const GRACE: Duration = Duration::from_secs(60);
/// How often a machine is looked at that is to end, beside what the daemon tells by itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a daemon may take to tell that a machine has ended that it ended.
const END_LIMIT: Duration = Duration::from_secs(30);

const RUNNING: i32 = 1;
const BLOCKED: i32 = 2;
const PAUSED: i32 = 3;

/// Of `virDomainXMLFlags`: with secrets, as it will be started next.
const AS_DEFINED: u32 = 1 | 2;
/// A managed save, and what is known of snapshots.
const WITH_SAVED: u32 = 1 | 2;
/// NVRAM and what is known of checkpoints of backups too. Only QEMU's machines have these.
const WITH_ALL: u32 = WITH_SAVED | 4 | 16;

impl MachineProvider {
    pub(super) async fn started(&self, id: &NativeId) -> Result<()> {
        let live = self.session.live().await?;
        let _turn = self.session.turn(uuid(id)?.as_bytes()).await;
        let domain = find(&live, id).await?;
        match state_of(&live, &domain).await? {
            (RUNNING | BLOCKED, _) => return self.keep(&live, &domain, true).await,
            (PAUSED, _) => {
                return Err(Fault::new(FaultKind::Conflict, format!("the machine {id} is paused"))
                    .remedy("resume it"));
            }
            _ => {}
        }
        match live.slow.create(&domain, 0).await {
            Ok(_) => {}
            // Somebody else started it meanwhile, or it was being started.
            Err(error) if error.code().is_some() && runs(&live, &domain).await? => {}
            Err(error) => {
                // Removed by somebody else while it started: that is what went wrong.
                find(&live, id).await?;
                return Err(fault(&error, format!("cannot start the machine {id}")));
            }
        }
        self.keep(&live, &domain, true).await
    }

    pub(super) async fn stopped(&self, id: &NativeId, grace: Option<Duration>) -> Result<()> {
        let live = self.session.live().await?;
        let domain = find(&live, id).await?;
        // Before it ends: a host that boots meanwhile shall not start it again.
        self.keep(&live, &domain, false).await?;
        let (number, _) = state_of(&live, &domain).await?;
        if !state::is_active(number) {
            return Ok(());
        }
        let what = || format!("cannot stop the machine {id}");
        let events = live.quick.domain_events().await.map_err(|error| fault(&error, what()))?;
        let mut end = End { live: &live, domain: &domain, events };
        let deadline = Instant::now() + grace.unwrap_or(GRACE);
        // What hangs in the guest agent is cut off by the grace.
        match timeout_at(deadline, end.ask(number)).await {
            Ok(Ok(())) => {
                if end.came(deadline).await? {
                    return Ok(());
                }
            }
            // Nothing hears: that is what the grace is followed by. Or it has ended by itself.
            Ok(Err(error)) if error.code().is_some() => {
                tracing::debug!(error = &error as &dyn std::error::Error, "{}", what());
                if end.came(deadline).await? {
                    return Ok(());
                }
            }
            Ok(Err(error)) => return Err(fault(&error, what())),
            Err(_) => {}
        }
        end.force().await
    }

    pub(super) async fn paused(&self, id: &NativeId) -> Result<()> {
        let live = self.session.live().await?;
        let domain = find(&live, id).await?;
        match state_of(&live, &domain).await? {
            (PAUSED, _) => Ok(()),
            (RUNNING | BLOCKED, _) => live
                .quick
                .suspend(&domain)
                .await
                .map_err(|error| fault(&error, format!("cannot pause the machine {id}"))),
            _ => Err(Fault::new(FaultKind::Conflict, format!("the machine {id} does not run"))),
        }
    }

    pub(super) async fn resumed(&self, id: &NativeId) -> Result<()> {
        let live = self.session.live().await?;
        let domain = find(&live, id).await?;
        match state_of(&live, &domain).await? {
            (RUNNING | BLOCKED, _) => Ok(()),
            (PAUSED, _) => live
                .quick
                .resume(&domain)
                .await
                .map_err(|error| fault(&error, format!("cannot resume the machine {id}"))),
            _ => Err(Fault::new(FaultKind::Conflict, format!("the machine {id} is not paused"))),
        }
    }

    pub(super) async fn removed(&self, id: &NativeId, force: bool) -> Result<()> {
        let live = self.session.live().await?;
        let _turn = self.session.turn(uuid(id)?.as_bytes()).await;
        let domain = find(&live, id).await?;
        let what = || format!("cannot remove the machine {id}");
        let known = live.book.read(&live.quick, &domain).await?;
        let (number, _) = state_of(&live, &domain).await?;
        if state::is_active(number) {
            if !force {
                return Err(Fault::new(FaultKind::Conflict, format!("the machine {id} runs"))
                    .remedy("stop it first, or remove it with --force"));
            }
            let events = live.quick.domain_events().await.map_err(|error| fault(&error, what()))?;
            End { live: &live, domain: &domain, events }.force().await?;
        }
        let defined = live.quick.xml(&domain, AS_DEFINED).await;
        let defined = defined.map_err(|error| fault(&error, what()))?;
        undefine(&live, &domain).await.map_err(|error| fault(&error, what()))?;
        live.book.strike(&domain.uuid);
        // Somebody else may have started it since it was looked at; it would be forgotten at its end.
        if runs(&live, &domain).await? {
            if !force {
                live.slow.define(&defined, 0).await.map_err(|error| fault(&error, what()))?;
                return Err(Fault::new(
                    FaultKind::Conflict,
                    format!("the machine {id} was started"),
                ));
            }
            let events = live.quick.domain_events().await.map_err(|error| fault(&error, what()))?;
            End { live: &live, domain: &domain, events }.force().await?;
        }
        // Last: as long as the machine is listed, a removal that was cut off can be done again.
        match known.mark.as_ref().and_then(|mark| mark.folder.as_deref()) {
            Some(folder) => self.clear(id, folder).await,
            None => Ok(()),
        }
    }

    /// Removes the folder that goes with a machine, and no other one.
    async fn clear(&self, id: &NativeId, folder: &str) -> Result<()> {
        let path = Path::new(folder);
        if path.file_name().and_then(|name| name.to_str()) != Some(&uuid(id)?.to_string()) {
            return Ok(());
        }
        match tokio::fs::remove_dir_all(path).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let what = format!("the machine {id} is removed, its folder {folder} is not");
                Err(Fault::new(of_io(&error), what).said(error.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Says whether a machine starts with its host. libvirt does not know that one was stopped on
    /// purpose, so that we say it at each start and stop.
    async fn keep(&self, live: &Live, domain: &Domain, on: bool) -> Result<()> {
        let known = live.book.read(&live.quick, domain).await?;
        let kept = known.mark.as_ref().is_some_and(|m| m.restart == RestartPolicy::UnlessStopped);
        if !kept {
            return Ok(());
        }
        let what = || format!("cannot say whether {:?} starts with its host", domain.name);
        live.quick.set_autostart(domain, on).await.map_err(|error| fault(&error, what()))
    }
}

/// Has libvirt forget it with everything that it keeps for it.
async fn undefine(live: &Live, domain: &Domain) -> std::result::Result<(), RpcError> {
    match live.slow.undefine(domain, WITH_ALL).await {
        // A hypervisor, or a libvirt, that does not know of some of these.
        Err(error) if error.code() == Some(code::VIR_ERR_INVALID_ARG) => {
            live.slow.undefine(domain, WITH_SAVED).await
        }
        other => other,
    }
}

/// A machine that is to end.
struct End<'a> {
    live: &'a Live,
    domain: &'a Domain,
    events: EventReceiver,
}

impl End<'_> {
    /// Asks it to. One that is paused hears nothing, so that it goes on first.
    async fn ask(&self, number: i32) -> std::result::Result<(), RpcError> {
        if number == PAUSED {
            self.live.quick.resume(self.domain).await?;
        }
        // 0: by the agent where one answers, else by ACPI.
        self.live.guests.shutdown(self.domain, 0).await
    }

    /// Whether it has ended by then.
    async fn came(&mut self, deadline: Instant) -> Result<bool> {
        loop {
            if !runs(self.live, self.domain).await? {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(false);
            }
            // Told by an event or seen by a look, whatever comes first.
            let look = (now + LOOK_EVERY).min(deadline);
            loop {
                match timeout_at(look, self.events.next()).await {
                    Ok(Some(Event::Lifecycle { domain, .. }))
                        if domain.uuid == self.domain.uuid =>
                    {
                        break;
                    }
                    Ok(Some(_)) => {}
                    // The next look tells that the daemon is gone.
                    Ok(None) | Err(_) => break,
                }
            }
        }
    }

    /// Ends it at once.
    async fn force(&mut self) -> Result<()> {
        let what = || format!("cannot end the machine {:?}", self.domain.name);
        match self.live.slow.destroy(self.domain, 0).await {
            Ok(()) => {}
            Err(error) if refused(&error) && !runs(self.live, self.domain).await? => {}
            Err(error) => return Err(fault(&error, what())),
        }
        if self.came(Instant::now() + END_LIMIT).await? {
            return Ok(());
        }
        Err(Fault::new(FaultKind::Timeout, what()))
    }
}

/// Whether the daemon says that the domain's state does not allow it.
fn refused(error: &RpcError) -> bool {
    error.code() == Some(code::VIR_ERR_OPERATION_INVALID)
}

async fn runs(live: &Live, domain: &Domain) -> Result<bool> {
    match state_of(live, domain).await {
        Ok((number, _)) => Ok(state::is_active(number)),
        // One that was never defined is gone when it ends.
        Err(fault) if fault.kind == FaultKind::NotFound => Ok(false),
        Err(fault) => Err(fault),
    }
}
