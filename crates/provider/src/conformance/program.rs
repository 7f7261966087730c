//! The programs that the suite runs in instances.

/// A program that the suite runs in an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// Writes the first text to standard output, then the second to standard error, nothing else.
    Print(String, String),
    /// Ends with this code.
    Exit(i32),
    /// Copies its input to its output until the input ends.
    Cat,
    /// Writes this many bytes, `y` and line feeds by turns, and ends.
    Flood(u64),
    /// Writes `y` and line feeds for ever, some thousands a second. Not as many as it can: what is
    /// left by whoever read it goes on in most technologies, and a few of it at full speed starve a
    /// small machine of what a check asks next.
    Endless,
    /// Writes `1` to `N` to standard output, a line each.
    Count(u64),
    /// Writes its terminal's size as `ROWS COLUMNS` and a line feed. Once for each line that it
    /// reads, until its input ends.
    TerminalSize,
    /// Sleeps for this many seconds.
    Sleep(u64),
    /// Uses a processor for a moment, at least 50 ms.
    Burn,
    /// Writes a text to a file, on disk when it ends.
    WriteFile(String, String),
    /// Writes a file's content to standard output.
    ReadFile(String),
}

impl Program {
    /// How a POSIX shell with the usual small programs (busybox has them) runs it.
    pub fn in_shell(&self) -> Vec<String> {
        let script = match self {
            Self::Print(out, err) => {
                format!("printf %s {}; printf %s {} >&2", quoted(out), quoted(err))
            }
            Self::Exit(code) => format!("exit {code}"),
            Self::Cat => "cat".to_owned(),
            Self::Flood(bytes) => format!("yes | head -c {bytes}"),
            Self::Endless => "while :; do yes | head -n 500; sleep 0.05; done".to_owned(),
            Self::Count(lines) => format!("seq 1 {lines}"),
            Self::TerminalSize => "while read -r _; do stty size; done".to_owned(),
            Self::Sleep(seconds) => format!("sleep {seconds}"),
            Self::Burn => "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done".to_owned(),
            Self::WriteFile(path, text) => {
                format!("printf %s {} > {} && sync", quoted(text), quoted(path))
            }
            Self::ReadFile(path) => format!("cat {}", quoted(path)),
        };
        ["sh", "-c", &script].map(str::to_owned).to_vec()
    }
}

/// One word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
