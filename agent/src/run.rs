//! `tamer-agent run`: opens what is on disk, joins if it must, and holds one session after the
//! other until it is asked to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tamer_certs::{Credentials, RotatingIdentity, rotating_client_config};
use tamer_model::{Code, DeviceName, Facts, JournalId, Problem};
use tamer_provider::Provider;
use tamer_provider::registry::Registry;
use tamer_provider::supervise::Settings;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::config::Config;
use crate::dial::{DialError, dial};
use crate::enrol::{self, Joining};
use crate::folder::Folder;
use crate::identity::{IdentityFiles, trust_of};
use crate::inventory::{Inventory, InventoryHandle};
use crate::journal::{Journal, JournalError};
use crate::placements::{Placements, PlacementsHandle};
use crate::problem::chain;
use crate::session::{self, End, Session};
use crate::spool::{Spool, SpoolError};
use crate::tasks::{Tasks, TasksHandle};
use crate::work::{Link, Workshop};
use crate::{clock, facts, find, platform};

/// How often the facts are looked at.
const FACTS_EVERY: Duration = Duration::from_secs(60);

/// After how long the service counts as started though no coordinator was found.
const READY: Duration = Duration::from_secs(30);
/// How long the commands have to end when the agent is stopped: ten seconds, a kill, a write.
const STOP: Duration = Duration::from_secs(15);
/// How long a session has to tell the last ends and to say goodbye.
const GOODBYE: Duration = Duration::from_secs(3);

/// Runs the agent until it is `asked` to stop, which says by what, or until it makes no sense to go
/// on. `more` are providers on top of the configured ones.
pub async fn run(
    config: Config,
    more: Vec<Arc<dyn Provider>>,
    asked: impl Future<Output = &'static str> + Send + 'static,
) -> Result<(), Problem> {
    let folder = Folder::open(&config.data)?;
    let files = IdentityFiles::new(folder.path());
    let (journal, writing) =
        Journal::open(folder.path(), fresh_journal()?).map_err(journal_problem)?;
    let (spool, spooling) = Spool::open(folder.path(), config.spool).map_err(spool_problem)?;
    tracing::info!(version = crate::VERSION, data = %config.data.display(), "tamer-agent begins");

    let more = more.into_iter().map(|provider| (provider, Settings::default()));
    let served = platform::technologies(&config.providers)?.into_iter().chain(more);
    let (providers, keepers) = Registry::new(served)?;
    let link = Link::new();
    let accept = config.accept.clone();
    let shop = Workshop::open(folder.path(), providers.clone(), link.clone(), accept);
    let (tasks, handle) = Tasks::new(journal.clone(), shop.clone(), spool.clone());
    let (keeping, placements) = Placements::open(folder.path(), providers.clone(), &config.accept)?;
    let inventory = Inventory::open(folder.path(), &providers, &config.inventory)?;
    let (looking, inventory) = inventory.unzip();
    let devices = config.devices.clone();
    let (facts_in, facts) = watch::channel(collect(&devices).await?);
    let finish = CancellationToken::new();
    let mut background = JoinSet::new();
    background.spawn(async move {
        if let Err(error) = tasks.run().await {
            tracing::error!(error = %chain(&error), "the tasks ended");
        }
    });
    background.spawn(keepers.run(finish.clone()));
    background.spawn(shop.tidy());
    background.spawn(keeping.run(finish.clone()));
    if let Some(looking) = looking {
        background.spawn(looking.run(finish.clone()));
    }
    background.spawn(refresh(facts_in, devices));
    background.spawn(platform::watchdog());
    background.spawn(ready_anyway());
    background.spawn(stop(asked, handle.clone(), finish.clone()));

    let tasks = handle;
    let agent = Agent {
        config: &config,
        files,
        tasks,
        journal,
        placements,
        inventory,
        facts,
        providers,
        link,
        spool,
        finish,
    };
    // A session says goodbye first; whoever still looks for one has nobody to say it to.
    let outcome = tokio::select! {
        outcome = agent.serve() => outcome,
        () = after(&agent.finish) => Ok(()),
    };
    if outcome.is_err() {
        agent.tasks.stop().await;
    }
    background.shutdown().await;
    drop(agent);
    // The last handles are gone, so the threads have written everything and end.
    let _ = writing.join();
    let _ = spooling.join();
    outcome
}

/// Everything a session is made of.
struct Agent<'a> {
    config: &'a Config,
    files: IdentityFiles,
    tasks: TasksHandle,
    journal: Journal,
    placements: PlacementsHandle,
    inventory: Option<InventoryHandle>,
    facts: watch::Receiver<Facts>,
    providers: Registry,
    link: Link,
    spool: Spool,
    finish: CancellationToken,
}

/// The identity to dial with, and whether it was seen to work.
enum Using {
    Current(Credentials),
    Next { next: Credentials, current: Credentials },
}

impl Using {
    fn credentials(&self) -> &Credentials {
        match self {
            Self::Current(credentials) | Self::Next { next: credentials, .. } => credentials,
        }
    }
}

impl Agent<'_> {
    /// One session after the other.
    async fn serve(&self) -> Result<(), Problem> {
        let mut using = match self.files.current()? {
            Some(current) => self.newest(current),
            None => Using::Current(enrol::join(self.joining()).await?),
        };
        let rotating = RotatingIdentity::new(using.credentials().clone());
        let trust = trust_of(using.credentials())?;
        let tls = rotating_client_config(&trust, &rotating)
            .map_err(|error| Problem::new(Code::DataFolder, chain(&error)).on("data"))?;
        let tls = Arc::new(tls);
        let mut backoff = Backoff::new(self.config.redial_longest);
        let mut said = None;
        loop {
            using = self.renew_expired(using).await?;
            rotating.replace(using.credentials().clone());
            let began = Instant::now();
            let end = self.round(&tls, &using, &trust).await;
            backoff.lived(began.elapsed());
            match end {
                End::Stopped => return Ok(()),
                End::Renewed => {
                    using = self.newest(self.current()?);
                    said = None;
                    continue;
                }
                End::Revoked(problem) => return Err(problem),
                End::Refused(problem) => using = self.refused(using, problem).await?,
                End::Lost(problem) => {
                    // A lost connection is told once, not at every attempt.
                    let text = problem.to_string();
                    if said.as_ref() != Some(&text) || began.elapsed() > Duration::from_secs(30) {
                        tracing::warn!(code = problem.code.as_str(), "no session: {text}");
                        said = Some(text);
                    }
                    if let Using::Next { .. } = &using {
                        using = self.after_success(using)?;
                    }
                }
            }
            let wait = backoff.next(fastrand::f64());
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.finish.cancelled() => return Ok(()),
            }
        }
    }

    /// One attempt at each address, until one of them holds a session.
    async fn round(
        &self,
        tls: &Arc<rustls::ClientConfig>,
        using: &Using,
        trust: &tamer_certs::Trust,
    ) -> End {
        let known = find::known(self.config, &self.files);
        let mut last = Problem::new(Code::Unreachable, "no coordinator was found")
            .remedy("check that one runs, or name its address with --coordinator");
        for address in &known {
            match self.session(address, tls, using).await {
                Ok(end) => return end,
                Err(problem) => last = problem,
            }
            if self.finish.is_cancelled() {
                return End::Stopped;
            }
        }
        let found = tokio::select! {
            found = find::discovered(self.config, Some(trust.fingerprint())) => found,
            () = self.finish.cancelled() => return End::Stopped,
        };
        for address in find::addresses(&found, &known) {
            match self.session(&address, tls, using).await {
                Ok(end) => return end,
                Err(problem) => last = problem,
            }
        }
        End::Lost(last)
    }

    /// A session with one address, or why there was none.
    async fn session(
        &self,
        address: &str,
        tls: &Arc<rustls::ClientConfig>,
        using: &Using,
    ) -> Result<End, Problem> {
        let unreachable = |error: DialError| Problem::new(Code::Unreachable, chain(&error));
        let (channel, refusal) = dial(address, tls.clone()).await.map_err(unreachable)?;
        let session = Session {
            tasks: &self.tasks,
            journal: &self.journal,
            placements: &self.placements,
            inventory: self.inventory.as_ref(),
            providers: &self.providers,
            link: &self.link,
            spool: &self.spool,
            facts: self.facts.clone(),
            files: &self.files,
            credentials: using.credentials(),
            finish: &self.finish,
        };
        let welcomed = |welcome: &session::Welcome| {
            tracing::info!(%address, name = welcome.name, coordinator = welcome.coordinator, version = welcome.version, "session is up");
            self.files.remember_address(address);
            if let Using::Next { .. } = using {
                match self.files.promote() {
                    Ok(()) => tracing::info!("the certificate was renewed"),
                    Err(problem) => {
                        tracing::warn!(%problem, "the renewed certificate stays beside the old one")
                    }
                }
            }
            platform::notify_status(&format!("in session with {address}"));
            platform::notify_ready();
        };
        Ok(session::talk(session, channel, refusal, welcomed).await)
    }

    fn joining(&self) -> Joining<'_> {
        Joining { config: self.config, files: &self.files, facts: self.facts.borrow().clone() }
    }

    fn current(&self) -> Result<Credentials, Problem> {
        self.files.current()?.ok_or_else(|| {
            Problem::new(Code::DataFolder, "the identity is gone from the data folder")
                .on("data")
                .remedy("restore it, or start the agent again with a new token")
        })
    }

    /// The renewed identity if there is one.
    fn newest(&self, current: Credentials) -> Using {
        match self.files.next() {
            Some(next) => Using::Next { next, current },
            None => Using::Current(current),
        }
    }

    /// A certificate that ran out while the machine slept is issued anew for the same key.
    async fn renew_expired(&self, using: Using) -> Result<Using, Problem> {
        let credentials = using.credentials();
        if credentials.peer().not_after > clock::now() {
            return Ok(using);
        }
        tracing::warn!("the certificate has expired; asking for another");
        enrol::readmit(self.joining(), credentials).await.map(Using::Current)
    }

    /// What to do about a certificate that was refused.
    async fn refused(&self, using: Using, problem: Problem) -> Result<Using, Problem> {
        match using {
            Using::Next { current, .. } => {
                tracing::warn!("{problem}; going back to the certificate before it");
                self.files.demote()?;
                Ok(Using::Current(current))
            }
            Using::Current(current) if problem.code == Code::CertificateExpired => {
                tracing::warn!("{problem}; asking for another");
                enrol::readmit(self.joining(), &current).await.map(Using::Current)
            }
            Using::Current(current) => {
                tracing::error!("{problem}");
                Ok(Using::Current(current))
            }
        }
    }

    /// After a session with the renewed identity that was up, it is the current one.
    fn after_success(&self, using: Using) -> Result<Using, Problem> {
        match (using, self.files.next()) {
            (Using::Next { next, .. }, None) => Ok(Using::Current(next)),
            (using, _) => Ok(using),
        }
    }
}

/// A host whose coordinator is away has still booted: the service manager does not wait for ever.
async fn ready_anyway() {
    tokio::time::sleep(READY).await;
    platform::notify_ready();
}

/// A while after the end of the commands.
async fn after(finish: &CancellationToken) {
    finish.cancelled().await;
    tokio::time::sleep(GOODBYE).await;
}

/// Ends the commands when the program is asked to stop, and lets the session say goodbye.
async fn stop(
    asked: impl Future<Output = &'static str> + Send,
    tasks: TasksHandle,
    finish: CancellationToken,
) {
    let signal = asked.await;
    tracing::info!(signal, "stopping: the commands that run are ended");
    platform::notify_stopping();
    if tokio::time::timeout(STOP, tasks.stop()).await.is_err() {
        tracing::warn!("some commands did not end; they are told as interrupted at the next start");
    }
    finish.cancel();
}

async fn refresh(facts: watch::Sender<Facts>, devices: BTreeMap<DeviceName, u32>) {
    loop {
        tokio::time::sleep(FACTS_EVERY).await;
        if let Ok(now) = collect(&devices).await {
            facts.send_if_modified(|before| {
                let changed = *before != now;
                if changed {
                    *before = now;
                }
                changed
            });
        }
    }
}

async fn collect(devices: &BTreeMap<DeviceName, u32>) -> Result<Facts, Problem> {
    let devices = devices.clone();
    tokio::task::spawn_blocking(move || facts::collect(devices))
        .await
        .map_err(|error| Problem::new(Code::Internal, format!("the facts: {error}")))
}

fn fresh_journal() -> Result<JournalId, Problem> {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes)
        .map_err(|error| Problem::new(Code::Internal, format!("no randomness: {error}")))?;
    Ok(JournalId::from_bytes(bytes))
}

fn spool_problem(error: SpoolError) -> Problem {
    Problem::new(Code::DataFolder, chain(&error))
        .on("data")
        .remedy("make room, and give the agent the right to write there")
}

fn journal_problem(error: JournalError) -> Problem {
    let remedy = match &error {
        JournalError::Io { .. } | JournalError::Closed => {
            "make room, and give the agent the right to write there"
        }
        JournalError::Damaged { .. } => {
            "restore the file; or move it away, and the tasks it held are told as interrupted"
        }
    };
    Problem::new(Code::DataFolder, chain(&error)).on("data").remedy(remedy)
}
