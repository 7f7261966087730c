//! The last rows: a question, a remark, and the keys.

use super::stand::{self, Can};
use super::{Page, Screen, Size};
use crate::output::{Line, Tone};
use crate::view::board::Board;
use crate::view::escape;

const KEYS: [(&str, &str); 13] = [
    ("p", "pause the batch, or let it go on"),
    ("c", "cancel it: what runs is ended, what waits never starts; asks first"),
    ("q", "leave; the batch goes on without us"),
    ("↑ ↓", "choose a target; also j and k"),
    ("PgUp PgDn", "further"),
    ("Home End", "to the first and the last; also g and G"),
    ("Enter", "open a target and see its whole output; also o"),
    ("Esc", "back"),
    ("Ctrl-C", "cancel the batch; once more: leave at once"),
    ("Ctrl-Z", "back to the shell for a while"),
    ("?", "this page; any key closes it"),
    ("", ""),
    ("█ ▓ ▒ ░", "succeeded, ended otherwise, in flight, pending"),
];

/// What the keys do.
pub fn help(size: Size) -> Vec<Line> {
    let mut lines = vec![Line::new(Tone::Strong, "Keys"), Line::default()];
    for (keys, words) in KEYS {
        lines.push(Line::new(Tone::Strong, format!("  {keys:<11}")).and(Tone::Plain, words));
    }
    lines.truncate(size.rows);
    lines
}

impl Screen {
    /// The question or the remark, if there is one, and the keys. On one row the question is what
    /// must be seen.
    pub(super) fn footer(&self, board: &Board) -> Vec<Line> {
        let mut lines = Vec::new();
        if self.asking {
            let open = board.tally();
            let open = open.total() - open.ended();
            let what = format!("cancel the batch and its {open} open targets? y/n");
            lines.push(Line::new(Tone::Bad, what));
        } else if let Some((tone, text)) = &self.remark {
            lines.push(Line::new(*tone, escape::text(text)));
        }
        let Size { rows, .. } = self.size;
        // Two rows at least are for the batch itself.
        if rows >= 3 + lines.len() {
            lines.push(self.keys(board));
        }
        lines
    }

    fn keys(&self, board: &Board) -> Line {
        let pause = match board.batch().map(stand::can) {
            Some(Can::Pause) => Some("pause"),
            Some(Can::Resume) => Some("go on"),
            Some(Can::Neither) | None => None,
        };
        let mut keys: Vec<(&str, &str)> = Vec::new();
        match &self.page {
            Page::Overview => keys.extend([("↑↓", "choose"), ("enter", "open")]),
            Page::Host(_) => keys.extend([("↑↓", "scroll"), ("esc", "back")]),
            Page::Help => {}
        }
        keys.extend(pause.map(|word| ("p", word)));
        if !board.is_over() {
            keys.push(("c", "cancel"));
        }
        keys.extend([("q", "leave"), ("?", "help")]);
        keys.into_iter().fold(Line::default(), |line, (key, word)| {
            line.and(Tone::Strong, key).and(Tone::Dim, format!(" {word}   "))
        })
    }
}
