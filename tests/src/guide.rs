//! Pages of `docs/` that cannot lie: their files are written, their commands are run in their order,
//! and what they show must come.
//!
//! A block `toml NAME` (or another language) is a file of that name. In a block `console`, `$ ` begins
//! a command; each line up to the next command must be a line of what comes, in any order, since
//! hosts answer in any. `…` stands for anything in a line. `→ exit N` is the exit code, 0 otherwise.
//! A remark, `$ # …`, says what happens meanwhile; the command after it is one that only looks, and is
//! asked until what happened was noticed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use crate::{Ctl, Process, program, within};

/// A page, read.
#[derive(Debug)]
pub struct Guide<'a> {
    files: Vec<(&'a str, String)>,
    /// Its commands, in their order.
    pub steps: Vec<Step>,
}

/// A command of the page, and what it shows of its output.
#[derive(Debug, Default)]
pub struct Step {
    line: usize,
    /// As a person types it.
    pub command: String,
    shown: Vec<String>,
    exit: i32,
}

impl<'a> Guide<'a> {
    /// Reads a page.
    pub fn read(page: &'a str) -> Self {
        let (files, steps) = read(page);
        Self { files, steps }
    }

    /// Writes its files and runs its commands in a new folder `guide` of `folder`, each with
    /// `after` behind it. Tells what is not as the page says.
    ///
    /// # Panics
    /// When the folder cannot be made, or a command does not end within `limit`.
    pub fn wrong(
        &self,
        ctl: &Ctl,
        folder: &Path,
        limit: Duration,
        after: impl Fn(&Step),
    ) -> Vec<String> {
        let (own, programs) = (folder.join("guide"), folder.join("programs"));
        for folder in [&own, &programs] {
            fs::create_dir(folder).expect("a folder");
        }
        for (name, text) in &self.files {
            fs::write(own.join(name), text).expect("a file of the page");
        }
        symlink(program("tamerctl"), programs.join("tamerctl")).expect("a link");
        let mut something_happened = false;
        let run = |step: &Step| {
            let ask = || step.wrong(ctl, &own, &programs, limit);
            let wrong = match std::mem::replace(&mut something_happened, step.is_remark()) {
                true => noticed(ask, limit),
                false => ask(),
            };
            after(step);
            wrong
        };
        self.steps.iter().filter_map(run).collect()
    }
}

/// Asks until nothing is wrong, for as long as `limit`; what was wrong at the end.
fn noticed(ask: impl Fn() -> Option<String>, limit: Duration) -> Option<String> {
    within(limit, || ask().map_or(Ok(()), Err)).err()
}

impl Step {
    /// Whether it only says what happens.
    fn is_remark(&self) -> bool {
        self.command.starts_with('#')
    }

    /// Runs it as a person would; what is not as the page says.
    fn wrong(&self, ctl: &Ctl, folder: &Path, programs: &Path, limit: Duration) -> Option<String> {
        let Self { line, command, shown, exit } = self;
        let mut shell = ctl.place.command(Path::new("/bin/sh"));
        shell.args(["-c", command]).current_dir(folder);
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{path}", programs.display())).env("NO_COLOR", "1");
        shell.env("TAMER_CONFIG", &ctl.context);
        let ended = Process::tool(command, &mut shell).finish(limit);
        let output = format!("{}{}", ended.text(), ended.stderr);
        let told = |what: String| Some(format!("line {line}: $ {command}\n{what}:\n{output}"));
        match missing(shown, &output) {
            Some(missing) => told(format!("{missing:?} is not in")),
            None if ended.code() != *exit => told(format!("it ended with {}", ended.code())),
            None => None,
        }
    }
}

/// The files and the commands of the page.
fn read(page: &str) -> (Vec<(&str, String)>, Vec<Step>) {
    let (mut files, mut steps) = (Vec::new(), Vec::<Step>::new());
    let mut lines = (1..).zip(page.lines());
    while let Some((_, line)) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else { continue };
        let block = lines.by_ref().take_while(|(_, line)| *line != "```");
        match fence.split_once(' ') {
            Some((_, name)) => {
                files.push((name, block.map(|(_, line)| format!("{line}\n")).collect()))
            }
            None if fence == "console" => {
                for (number, line) in block {
                    console(number, line, &mut steps);
                }
            }
            None => block.for_each(drop),
        }
    }
    (files, steps)
}

/// A line of a console.
fn console(line: usize, text: &str, steps: &mut Vec<Step>) {
    if let Some(command) = text.strip_prefix("$ ") {
        steps.push(Step { line, command: command.to_owned(), ..Step::default() });
        return;
    }
    let step = steps.last_mut().expect("a console begins with a command");
    match text.strip_prefix("→ exit ") {
        Some(code) => step.exit = code.parse().expect("an exit code"),
        None => step.shown.push(text.to_owned()),
    }
}

/// The first line that is shown and did not come. A line that came answers for one that is shown.
fn missing<'a>(shown: &'a [String], output: &str) -> Option<&'a str> {
    let mut came: Vec<&str> = output.lines().collect();
    let mut shown = shown.iter().map(String::as_str);
    shown.find(|shown| match came.iter().position(|came| fits(shown, came)) {
        Some(at) => {
            came.swap_remove(at);
            false
        }
        None => true,
    })
}

/// Whether a line is the shown one, where `…` stands for anything. Columns may be wider.
fn fits(shown: &str, came: &str) -> bool {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (shown, came) = (squeezed(shown), squeezed(came));
    let mut parts = shown.split('…');
    let Some(mut rest) = parts.next().and_then(|first| came.strip_prefix(first)) else {
        return false;
    };
    if !shown.contains('…') {
        return rest.is_empty();
    }
    let mut last = "";
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = part;
    }
    last.is_empty() || rest.is_empty() || came.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_fits_what_comes() {
        assert!(fits("2 hosts: … in … (b-…)", "2 hosts:  2 succeeded in 3 ms  (b-1)"));
        assert!(fits("a…", "abc") && fits("abc", "abc") && fits("…c", "abc"));
        assert!(!fits("ab", "abc") && !fits("a…d", "abc") && !fits("…b", "abc"));
        let shown = ["a | …".to_owned(), "a | x".to_owned()];
        assert_eq!(missing(&shown, "a | y\nb | x\na | x\n"), None);
        assert_eq!(missing(&shown, "a | x\n"), Some("a | x"), "each line answers once");
    }
}
