//! A person at a terminal in a container.

use tamer_tests::{INTERRUPT, Terminal, until};

use crate::scene::{SOON, Scene, inside};

/// Ctrl-P Ctrl-Q.
const LEAVE: &str = "\x10\x11";

/// Types, looks, resizes, interrupts, and leaves with the shell's own exit code.
pub fn types(scene: &Scene, name: &str) {
    let command = scene.ctl.command(&["instance", "exec", "-it", name, "--", "sh"]);
    let mut person = Terminal::start(&command, 100, 30);
    let before = person.modes();
    person.shows("# ", SOON);
    // What is typed is echoed, so what is looked for is never what is typed.
    person.press("echo $((6*7))-yes\r");
    person.shows("42-yes", SOON);
    person.press("stty size\r");
    person.shows("30 100", SOON);
    person.resize(120, 40);
    person.press("while [ \"$(stty size)\" != '40 120' ]; do sleep 0.1; done; echo re''sized\r");
    person.shows("resized", SOON);
    person.press("echo be''fore; sleep 1000\r");
    person.shows("before", SOON);
    person.press(INTERRUPT);
    person.press("echo code-$?-now\r");
    person.shows("code-130-now", SOON);
    assert_ne!(person.modes(), before, "the keys go to the command as they are");
    person.press("exit 7\r");
    assert_eq!(person.ended(SOON), 7);
    assert_eq!(person.modes(), before, "the terminal is as it was");
}

/// Leaves while the command goes on.
pub fn leaves(scene: &Scene, name: &str) {
    let script = "i=0; while :; do i=$((i+1)); echo $i >/tmp/beat; echo tick; sleep 0.2; done";
    let command = scene.ctl.command(&["instance", "exec", "-it", name, "--", "sh", "-c", script]);
    let mut person = Terminal::start(&command, 80, 24);
    let before = person.modes();
    person.shows("tick", SOON);
    person.press(LEAVE);
    assert_eq!(person.ended(SOON), 0);
    person.shows("left the terminal", SOON);
    assert_eq!(person.modes(), before, "the terminal is as it was");
    let left = inside(&scene.ctl, name, "cat /tmp/beat");
    until("the command goes on", SOON, || match inside(&scene.ctl, name, "cat /tmp/beat") {
        beat if beat != left => Ok(()),
        beat => Err(beat),
    });
}
