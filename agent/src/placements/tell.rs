//! What a session tells of placements: all of them first, then what changes.

use std::time::Duration;

use prost::Message as _;
use tamer_model::{PlacementId, PlacementStatus};
use tamer_proto::wire;
use tokio::sync::mpsc;
use wire::agent_message::Message;

use super::Board;

/// The pause after changes were told: the first is told at once, those that follow it gather.
const PAUSE: Duration = Duration::from_millis(50);
/// The most placements of one message.
const MOST: usize = 200;
/// The most bytes of one message. One status has at most some two thousand.
const BYTES: usize = 64 * 1024;

/// Tells until the session is over.
pub async fn tell(board: Board, out: mpsc::Sender<wire::AgentMessage>) {
    let mut revision = board.revision();
    let mut told = None;
    loop {
        revision.mark_unchanged();
        let (changed, now) = board.since(told);
        for page in pages(changed, told.is_none()) {
            let message = wire::AgentMessage { message: Some(Message::Placements(page)) };
            if out.send(message).await.is_err() {
                return;
            }
        }
        told = Some(now);
        // Cancel-safe: a change that was seen and not acted on is found by the look that follows.
        tokio::select! {
            biased;
            () = out.closed() => return,
            _ = async { tokio::time::sleep(PAUSE).await; revision.changed().await } => {}
        }
    }
}

/// Divides statuses into messages. A whole list has at least one, and the last says so.
fn pages(changed: Vec<(PlacementId, PlacementStatus)>, whole: bool) -> Vec<wire::PlacementsTold> {
    let mut pages = Vec::new();
    let mut page = wire::PlacementsTold::default();
    let mut bytes = 0;
    for (id, status) in changed {
        let report = wire::PlacementReport { id: id.to_string(), status: Some(status.into()) };
        let size = report.encoded_len();
        if page.reports.len() == MOST || (bytes + size > BYTES && !page.reports.is_empty()) {
            pages.push(std::mem::take(&mut page));
            bytes = 0;
        }
        bytes += size;
        page.reports.push(report);
    }
    if whole || !page.reports.is_empty() {
        page.complete = whole;
        pages.push(page);
    }
    pages
}

#[cfg(test)]
mod tests {
    use tamer_model::{Phase, Timestamp};

    use super::*;

    fn status(reason: usize) -> PlacementStatus {
        PlacementStatus {
            phase: Phase::Running,
            healthy: None,
            since: Timestamp::from_millis(1),
            restarts: 0,
            reason: Some("x".repeat(reason)),
            instance: None,
            exit_code: None,
        }
    }

    fn id(number: usize) -> PlacementId {
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&(number as u64).to_be_bytes());
        PlacementId::from_bytes(bytes)
    }

    fn shape(count: usize, reason: usize, whole: bool) -> Vec<(usize, bool)> {
        let changed = (0..count).map(|number| (id(number), status(reason))).collect();
        let pages = pages(changed, whole);
        assert!(pages.iter().all(|page| page.encoded_len() <= BYTES + 8 * 1024));
        pages.iter().map(|page| (page.reports.len(), page.complete)).collect()
    }

    #[test]
    fn a_whole_list_is_complete_with_its_last_message() {
        assert_eq!(shape(0, 0, true), [(0, true)]);
        assert_eq!(shape(0, 0, false), []);
        assert_eq!(shape(1, 0, false), [(1, false)]);
        assert_eq!(shape(401, 0, true), [(200, false), (200, false), (1, true)]);
        let long = shape(200, 1000, true);
        assert!(long.len() > 2 && long.iter().map(|(count, _)| count).sum::<usize>() == 200);
        assert!(long.iter().rev().skip(1).all(|(_, complete)| !complete));
    }

    #[tokio::test(start_paused = true)]
    async fn what_changes_often_is_told_as_it_is_then() {
        let board = Board::new();
        board.put(id(1), status(0));
        let (out, mut told) = mpsc::channel(1);
        let teller = tokio::spawn(tell(board.clone(), out));
        let next = async |told: &mut mpsc::Receiver<wire::AgentMessage>| match told
            .recv()
            .await
            .expect("a message")
            .message
        {
            Some(Message::Placements(page)) => page,
            other => panic!("{other:?}"),
        };
        assert!(next(&mut told).await.complete);
        for reason in 1..100 {
            board.put(id(2), status(reason));
        }
        board.put(id(3), status(0));
        board.remove(id(3));
        let page = next(&mut told).await;
        assert!(!page.complete);
        let reports: Vec<_> = page.reports.iter().map(|report| report.id.clone()).collect();
        assert_eq!(reports, [id(2).to_string()]);
        let reason = page.reports[0].status.as_ref().map(|status| status.reason.len());
        assert_eq!(reason, Some(99));
        drop(told);
        teller.await.expect("it ends with the session");
    }
}
