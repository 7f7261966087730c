//! The one writer: everything that the program prints goes through here, so that a closed pipe, a
//! terminal's width and the wish for colours are handled once.

use std::io::{self, IsTerminal, Write};

use tamer_model::StreamKind;

/// Columns that are assumed of a terminal that does not tell.
const COLUMNS: usize = 80;
const ROWS: usize = 24;

/// Prints an answer; colours are dropped where standard output does not want them.
pub fn text(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Prints a remark on standard error, where it does not mix with the answer. A remark that nobody
/// can read is no failure.
pub fn note(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Writes a line on standard error over the one before; an empty one takes it away. Only where
/// that is a terminal.
pub fn over(text: &str) {
    let text = super::width::fit(text, size().0.saturating_sub(1));
    // A remark that nobody can read is no failure.
    let _ = write!(anstream::stderr().lock(), "\r\x1b[K{text}");
}

/// Prints an error. Nobody is left to be told when that fails.
pub fn error(text: &str) {
    note(text);
}

/// Writes bytes as they are.
pub fn raw(stream: StreamKind, bytes: &[u8]) -> io::Result<()> {
    match stream {
        StreamKind::Stdout => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes)?;
            stdout.flush()
        }
        StreamKind::Stderr => io::stderr().lock().write_all(bytes),
    }
}

/// Whether a person reads this stream.
pub fn is_terminal(stream: StreamKind) -> bool {
    match stream {
        StreamKind::Stdout => io::stdout().is_terminal(),
        StreamKind::Stderr => io::stderr().is_terminal(),
    }
}

/// Whether standard output is a terminal that can be drawn on, not only written to.
pub fn can_draw() -> bool {
    is_terminal(StreamKind::Stdout) && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether standard output wants colours.
pub fn wants_colour() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Whether one of the two streams wants colours.
pub fn colours(stream: StreamKind) -> bool {
    match stream {
        StreamKind::Stdout => wants_colour(),
        StreamKind::Stderr => {
            anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
        }
    }
}

/// Whether a person can be asked: they see the question and their answer is read.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && is_terminal(StreamKind::Stderr)
}

/// The columns of the terminal that reads the answer, if one does.
pub fn columns() -> Option<usize> {
    is_terminal(StreamKind::Stdout).then(|| size().0)
}

/// The columns and rows of the terminal.
pub fn size() -> (usize, usize) {
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns > 0 && rows > 0 => (columns.into(), rows.into()),
        _ => (COLUMNS, ROWS),
    }
}

/// Asks a question that is answered with yes or no; anything but a yes is a no.
pub async fn confirm(question: &str) -> bool {
    let _ = write!(anstream::stderr().lock(), "{question} [y/N] ");
    let read = tokio::task::spawn_blocking(|| {
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map(|_| answer)
    });
    match read.await {
        Ok(Ok(answer)) => matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"),
        Ok(Err(_)) | Err(_) => false,
    }
}
