//! Pieces of output as they are printed.

use serde::Serialize;
use tamer_model::StreamKind;

use crate::errors::Failure;
use crate::output::{Format, Pour, encode, print};
use crate::view::{Assembler, Said, said};

/// Prints pieces: as they came into a pipe, as whole harmless lines on a terminal, and as objects
/// for scripts.
pub struct Printer {
    pour: Pour,
    format: Format,
    stdout: Half,
    stderr: Half,
}

/// One of the two streams.
#[derive(Debug, Default)]
struct Half {
    /// The first byte that was not seen.
    next: u64,
    /// The line that has not ended.
    lines: Assembler,
}

impl Half {
    /// Takes a piece; tells how much is missing before it. An offset that goes back is of another
    /// attempt, which begins anew.
    const fn take(&mut self, offset: u64, length: u64) -> u64 {
        let missed = offset.saturating_sub(self.next);
        self.next = offset.saturating_add(length);
        missed
    }
}

impl Printer {
    /// Prints what comes from this byte on.
    pub fn new(from: u64, format: Format) -> Self {
        let half = || Half { next: from, ..Half::default() };
        Self { pour: Pour::open(), format, stdout: half(), stderr: half() }
    }

    /// Where to go on when it breaks off.
    pub fn next(&self) -> u64 {
        self.stdout.next.min(self.stderr.next)
    }

    /// Prints a piece, and what is missing before it.
    pub async fn piece(
        &mut self,
        stream: StreamKind,
        offset: u64,
        data: Vec<u8>,
    ) -> Result<(), Failure> {
        let half = match stream {
            StreamKind::Stdout => &mut self.stdout,
            StreamKind::Stderr => &mut self.stderr,
        };
        let missed = half.take(offset, data.len() as u64);
        let (format, mut out) = (self.format, Vec::new());
        if missed > 0 {
            if let Some(line) = half.lines.finish() {
                line_of(format, stream, &line, &mut out)?;
            }
            gap_of(format, stream, missed, &mut out)?;
        }
        if is_raw(format, stream) {
            out.extend(data);
        } else {
            let mut told = Ok(());
            half.lines.push(&data, |line| {
                if told.is_ok() {
                    told = line_of(format, stream, &line, &mut out);
                }
            });
            told?;
        }
        self.write(stream, out).await
    }

    /// Prints the lines that have no end.
    pub async fn finish(mut self) -> Result<(), Failure> {
        for stream in [StreamKind::Stdout, StreamKind::Stderr] {
            let half = match stream {
                StreamKind::Stdout => &mut self.stdout,
                StreamKind::Stderr => &mut self.stderr,
            };
            let mut out = Vec::new();
            if let Some(line) = half.lines.finish() {
                line_of(self.format, stream, &line, &mut out)?;
            }
            self.write(stream, out).await?;
        }
        Ok(self.pour.finish().await?)
    }

    /// Objects are the answer, whichever stream their lines came on.
    async fn write(&mut self, stream: StreamKind, out: Vec<u8>) -> Result<(), Failure> {
        let on = if is_script(self.format) { StreamKind::Stdout } else { stream };
        match out.is_empty() {
            true => Ok(()),
            false => Ok(self.pour.write(on, out).await?),
        }
    }
}

const fn is_script(format: Format) -> bool {
    match format {
        Format::Table | Format::Wide | Format::Markdown | Format::Html => false,
        Format::Json | Format::Jsonl | Format::Yaml => true,
    }
}

fn is_raw(format: Format, stream: StreamKind) -> bool {
    !is_script(format) && !print::is_terminal(stream)
}

const fn word(stream: StreamKind) -> &'static str {
    match stream {
        StreamKind::Stdout => "stdout",
        StreamKind::Stderr => "stderr",
    }
}

fn line_of(
    format: Format,
    stream: StreamKind,
    line: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    if is_script(format) {
        let line = String::from_utf8_lossy(line);
        let told = Told { stream: word(stream), line: Some(&line), missed: None };
        out.extend(encode::json_line(&told)?.into_bytes());
    } else {
        out.extend(said(&Said::Bytes(line.to_vec()), true));
    }
    Ok(())
}

fn gap_of(
    format: Format,
    stream: StreamKind,
    missed: u64,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    if is_script(format) {
        let told = Told { stream: word(stream), line: None, missed: Some(missed) };
        out.extend(encode::json_line(&told)?.into_bytes());
    } else {
        out.extend(said(&Said::NotShown(missed), true));
    }
    Ok(())
}

/// A line of output, or a gap in it, for a script.
#[derive(Serialize)]
struct Told<'a> {
    stream: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<&'a str>,
    /// So many bytes are lost here.
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told_and_a_new_attempt_begins_anew() {
        let mut half = Half { next: 5, ..Half::default() };
        assert_eq!(half.take(5, 3), 0);
        assert_eq!(half.take(10, 2), 2);
        assert_eq!(half.take(0, 4), 0, "another attempt");
        assert_eq!(half.take(4, 1), 0);
    }

    #[test]
    fn a_script_gets_objects() {
        let mut out = Vec::new();
        line_of(Format::Jsonl, StreamKind::Stderr, b"a\xff", &mut out).expect("told");
        gap_of(Format::Json, StreamKind::Stdout, 7, &mut out).expect("told");
        let told = String::from_utf8(out).expect("text");
        assert_eq!(
            told,
            "{\"stream\":\"stderr\",\"line\":\"a\u{fffd}\"}\n{\"stream\":\"stdout\",\"missed\":7}\n"
        );
    }
}
