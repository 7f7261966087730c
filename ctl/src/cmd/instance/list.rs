//! `tamerctl instance ls`, once or again whenever something moves.

use serde::Serialize;
use tamer_model::{Code, Problem};
use tokio::time::{Instant, sleep, sleep_until};

use super::super::watch::{FRAME, draw};
use super::selection;
use crate::Session;
use crate::api::{Api, InstanceChange, Selection};
use crate::contract::{Instance, Port, Time};
use crate::errors::{Failure, is_transient};
use crate::follow::Retry;
use crate::output::{Cell, Line, Table, Tone, human, print};
use crate::view::escape;
use crate::view::known::{Known, Moved};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: selection::Args,
    /// Show them again whenever they change; in a pipe, print each change
    #[arg(long)]
    watch: bool,
}

/// Runs it.
pub async fn run(Args { selection, watch }: Args, session: &Session) -> Result<(), Failure> {
    let selection = selection.selection()?;
    if watch {
        return Watch { session, selection, known: Known::default(), told: true }.run().await;
    }
    let instances = session.api().await?.instances(&selection).await?;
    if instances.is_empty() && !session.for_scripts() {
        print::note(match selection.is_all() {
            true => "no instances; `tamerctl host show HOST` tells what its providers are",
            false => "no instance is meant by this selection",
        });
        return Ok(());
    }
    session.show(&instances, |wide| table(&instances.iter().collect::<Vec<_>>(), wide).lines())
}

/// The state as it is shown: what is only last known is never shown as if it were known.
pub fn state(instance: &Instance) -> Cell {
    let Instance { state, stale, .. } = instance;
    match stale {
        true => Cell::toned(Tone::Dim, &format!("{state}?")),
        false => Cell::toned(tone(state), state),
    }
}

/// Why what is told of it is only what was last known, when it is.
pub fn staleness(instance: &Instance) -> Option<String> {
    let Instance { stale, host_state, provider, .. } = instance;
    match (stale, host_state.as_str()) {
        (false, _) => None,
        (true, "ready") => Some(format!("{provider} does not answer")),
        (true, state) => Some(format!("its host is {state}")),
    }
}

fn tone(state: &str) -> Tone {
    match state {
        "running" => Tone::Good,
        "creating" | "paused" | "suspended" => Tone::Busy,
        "failed" => Tone::Bad,
        _ => Tone::Plain,
    }
}

fn table(instances: &[&Instance], wide: bool) -> Table {
    let now = Time::now();
    let mut head = vec!["NAME", "HOST", "PROVIDER", "STATE", "IMAGE", "AGE", "ID"];
    if wide {
        head.extend(["KIND", "MADE BY", "PORTS", "ADDRESSES", "LABELS", "REASON"]);
    }
    let mut table = Table::new(head);
    for instance in instances {
        let mut cells: Vec<Cell> = vec![
            instance.name.as_str().into(),
            instance.host_name.as_str().into(),
            instance.provider.as_str().into(),
            state(instance),
            instance.image.as_deref().unwrap_or_default().into(),
            human::ago(instance.created_at, now).into(),
            instance.id.as_str().into(),
        ];
        if wide {
            let ports: Vec<_> = instance.ports.iter().map(Port::on_one_line).collect();
            let reasons = [staleness(instance), instance.reason.clone()];
            let reasons: Vec<_> = reasons.into_iter().flatten().collect();
            cells.extend([
                Cell::from(instance.kind.as_str()),
                if instance.managed { "tamer" } else { "foreign" }.into(),
                ports.join(",").into(),
                instance.addresses.join(",").into(),
                human::labels(&instance.labels).into(),
                reasons.join("; ").into(),
            ]);
        }
        table.row(cells);
    }
    table
}

/// A watch that goes on after a lost connection, and tells nothing twice.
struct Watch<'a> {
    session: &'a Session,
    selection: Selection,
    known: Known,
    /// Whether everything that is known was drawn.
    told: bool,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Told<'a> {
    Put { instance: &'a Instance },
    Gone { instance: &'a Instance },
}

impl Watch<'_> {
    async fn run(mut self) -> Result<(), Failure> {
        let mut api = self.session.api().await?;
        let mut lost: Option<Retry> = None;
        loop {
            let problem = match self.stream(&mut api, &mut lost).await {
                Ok(()) => Problem::new(Code::Unreachable, "the coordinator went away"),
                Err(Failure::Problem(problem)) if is_transient(problem.code) => problem,
                Err(other) => return Err(other),
            };
            if lost.is_none() {
                print::note("lost the coordinator; trying again …");
            }
            let Some(pause) = lost.get_or_insert_default().pause() else {
                return Err(problem.into());
            };
            sleep(pause).await;
            // Until it works the old connection says why it does not.
            if let Ok(fresh) = self.session.api().await {
                api = fresh;
            }
        }
    }

    async fn stream(&mut self, api: &mut Api, lost: &mut Option<Retry>) -> Result<(), Failure> {
        let mut events = api.watch_instances(&self.selection).await?;
        self.known.begin();
        let mut whole = false;
        let mut frame = Instant::now();
        loop {
            // Both branches only wait: dropping one loses nothing.
            let event = tokio::select! {
                event = events.next() => event?,
                () = sleep_until(frame), if whole && !self.told => {
                    self.redraw()?;
                    frame = Instant::now() + FRAME;
                    continue;
                }
            };
            let Some(event) = event else { return Ok(()) };
            *lost = None;
            if event == InstanceChange::Snapshotted {
                // A first picture without anything in it is a picture too.
                (whole, self.told) = (true, false);
            }
            for moved in self.known.apply(event) {
                self.told = false;
                self.tell(&moved)?;
            }
        }
    }

    fn draws(&self) -> bool {
        !self.session.for_scripts() && print::can_draw()
    }

    fn redraw(&mut self) -> Result<(), Failure> {
        self.told = true;
        if !self.draws() {
            return Ok(());
        }
        let known = self.known.sorted();
        draw(&self.session.render(&known, |wide| table(&known, wide).lines())?)
    }

    /// Where nothing is drawn, each change is told.
    fn tell(&self, moved: &Moved) -> Result<(), Failure> {
        if self.draws() {
            return Ok(());
        }
        let told = match moved {
            Moved::Put(instance) => Told::Put { instance },
            Moved::Gone(instance) => Told::Gone { instance },
        };
        self.session.show_one(&told, |_| vec![line(moved)])
    }
}

fn line(moved: &Moved) -> Line {
    let (instance, word) = match moved {
        Moved::Put(instance) => (instance, state(instance).into_part()),
        Moved::Gone(instance) => (instance, (Tone::Dim, "gone".to_owned())),
    };
    let name = escape::text(&format!("{}  {}  ", instance.full_name(), instance.provider));
    Line::plain(name)
        .and(word.0, word.1)
        .and(Tone::Dim, format!("  {}", escape::text(&instance.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::known::tests::instance;

    fn shown(instances: &[Instance], wide: bool) -> String {
        let lines = table(&instances.iter().collect::<Vec<_>>(), wide).lines_within(None);
        lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
    }

    fn some() -> [Instance; 3] {
        let mut lost = instance("far", "db\x1b", "running");
        (lost.stale, lost.host_state, lost.managed) = (true, "lost".to_owned(), false);
        lost.image = None;
        let mut away = instance("web", "proxy", "stopped");
        (away.stale, away.reason) = (true, Some("exited with 3".to_owned()));
        let mut here = instance("web", "shop", "running");
        here.labels.insert("tier".to_owned(), "front".to_owned());
        here.addresses.push("172.17.0.2".to_owned());
        here.ports.push(Port {
            instance: 53,
            host: Some(5353),
            address: Some("::1".to_owned()),
            protocol: "udp".to_owned(),
        });
        [lost, away, here]
    }

    #[test]
    fn what_is_only_last_known_is_not_shown_as_known() {
        insta::assert_snapshot!(shown(&some(), false), @r"
        NAME    HOST  PROVIDER  STATE     IMAGE    AGE  ID
        db\x1b  far   docker    running?  -        -    i-far-db\x1b
        proxy   web   docker    stopped?  busybox  -    i-web-proxy
        shop    web   docker    running   busybox  -    i-web-shop
        ");
        insta::assert_snapshot!(shown(&some(), true), @r"
        NAME    HOST  PROVIDER  STATE     IMAGE    AGE  ID            KIND       MADE BY  PORTS              ADDRESSES   LABELS      REASON
        db\x1b  far   docker    running?  -        -    i-far-db\x1b  container  foreign  -                  -           -           its host is lost
        proxy   web   docker    stopped?  busybox  -    i-web-proxy   container  tamer    -                  -           -           docker does not answer; exited with 3
        shop    web   docker    running   busybox  -    i-web-shop    container  tamer    [::1]:5353:53/udp  172.17.0.2  tier=front  -
        ");
    }

    #[test]
    fn a_change_is_one_line() {
        let gone = line(&Moved::Gone(Box::new(instance("web", "a", "running")))).text();
        assert_eq!(gone, "web/a  docker  gone  i-web-a");
        let put = line(&Moved::Put(Box::new(some()[0].clone()))).text();
        assert_eq!(put, r"far/db\x1b  docker  running?  i-far-db\x1b");
    }
}
