//! `--watch`: the same answer again and again, where something moves.

use std::time::Duration;

use crossterm::{QueueableCommand, cursor, terminal};
use tamer_model::StreamKind;
use tokio::time::sleep;

use crate::Session;
use crate::api::Api;
use crate::errors::{Failure, is_transient};
use crate::follow::Retry;
use crate::output::print;

const EVERY: Duration = Duration::from_secs(1);
/// How often a picture that is fed by events is drawn at most.
pub const FRAME: Duration = Duration::from_millis(100);

/// Asks and shows until it is interrupted. On a terminal the answer is drawn in place; in a pipe
/// it is printed whenever it changed.
pub async fn watch(
    session: &Session,
    mut ask: impl AsyncFnMut(&mut Api) -> Result<String, Failure>,
) -> Result<(), Failure> {
    let mut api = session.api().await?;
    let mut shown = String::new();
    let mut lost: Option<Retry> = None;
    loop {
        match ask(&mut api).await {
            Ok(text) => {
                lost = None;
                if text != shown {
                    show(&text)?;
                    shown = text;
                }
                sleep(EVERY).await;
            }
            Err(Failure::Problem(problem)) if is_transient(problem.code) => {
                if lost.is_none() {
                    print::note("lost the coordinator; trying again …");
                }
                let Some(pause) = lost.get_or_insert_default().pause() else {
                    return Err(problem.into());
                };
                sleep(pause).await;
                // Until it works the old connection says why it does not.
                if let Ok(fresh) = session.api().await {
                    api = fresh;
                }
            }
            Err(other) => return Err(other),
        }
    }
}

fn show(text: &str) -> Result<(), Failure> {
    match print::can_draw() {
        true => draw(text),
        false => Ok(print::text(text)?),
    }
}

/// Draws `text` in place of what the terminal shows, as much of it as fits.
pub fn draw(text: &str) -> Result<(), Failure> {
    let mut frame = Vec::new();
    frame.queue(cursor::MoveTo(0, 0))?;
    frame.queue(terminal::Clear(terminal::ClearType::FromCursorDown))?;
    print::raw(StreamKind::Stdout, &frame)?;
    let rows = print::size().1.saturating_sub(1);
    let text: String = text.split_inclusive('\n').take(rows).collect();
    Ok(print::text(&text)?)
}
