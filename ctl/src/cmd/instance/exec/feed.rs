//! Standard input on its way to a command. A thread of its own reads it: a read cannot be called
//! off, and the end of the program does not wait for it.

use std::io::{self, Read};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::detach::{DetachKeys, Typed};
use crate::api::Input;

/// Bytes that are read at once.
const AT_ONCE: usize = 32 * 1024;

/// Begins to read; with `keys` the user can leave, which is told to `left`.
pub fn start(keys: Option<DetachKeys>, send: mpsc::Sender<Input>, left: oneshot::Sender<()>) {
    tokio::task::spawn_blocking(move || {
        let end = feed(io::stdin().lock(), keys, &mut |input| send.blocking_send(input).is_ok());
        if end == End::Left {
            // Nobody waits when the command has ended meanwhile.
            let _ = left.send(());
        }
    });
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Everything was read.
    Read,
    /// The user pressed the keys.
    Left,
    /// Nobody takes it any more.
    Unwanted,
}

fn feed(
    mut from: impl Read,
    mut keys: Option<DetachKeys>,
    send: &mut dyn FnMut(Input) -> bool,
) -> End {
    let mut buffer = vec![0; AT_ONCE];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // A terminal that is gone has ended.
            Err(_) => &[],
        };
        if read.is_empty() {
            let held = keys.as_mut().map(DetachKeys::finish).unwrap_or_default();
            let sent = held.is_empty() || send(Input::Stdin(held.into()));
            return if sent && send(Input::StdinEnd) { End::Read } else { End::Unwanted };
        }
        let (bytes, leave) = match &mut keys {
            Some(keys) => match keys.typed(read) {
                Typed::Keys(bytes) => (bytes.into(), false),
                Typed::Leave(bytes) => (bytes.into(), true),
            },
            None => (Bytes::copy_from_slice(read), false),
        };
        if !bytes.is_empty() && !send(Input::Stdin(bytes)) {
            return End::Unwanted;
        }
        if leave {
            return End::Left;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(text: &[u8], keys: Option<&str>) -> (End, Vec<u8>, bool) {
        let (mut bytes, mut ended) = (Vec::new(), false);
        let keys = keys.map(|keys| keys.parse().expect("keys"));
        let end = feed(text, keys, &mut |input| {
            match input {
                Input::Stdin(more) => bytes.extend_from_slice(&more),
                Input::StdinEnd => ended = true,
                Input::Resize(_) => panic!("nobody resizes here"),
            }
            true
        });
        (end, bytes, ended)
    }

    #[test]
    fn all_of_it_is_sent_and_then_its_end() {
        let long = vec![7; 3 * AT_ONCE + 1];
        assert_eq!(fed(&long, None), (End::Read, long.clone(), true));
        assert_eq!(fed(b"", None), (End::Read, Vec::new(), true));
        assert_eq!(fed(b"a\x10", Some("ctrl-p,ctrl-q")), (End::Read, b"a\x10".to_vec(), true));
    }

    #[test]
    fn the_keys_leave() {
        let typed = b"ls\x10\x11more";
        assert_eq!(fed(typed, Some("ctrl-p,ctrl-q")), (End::Left, b"ls".to_vec(), false));
        assert_eq!(fed(typed, None), (End::Read, typed.to_vec(), true));
    }

    #[test]
    fn it_stops_when_nobody_takes_it() {
        let end = feed(&b"abc"[..], None, &mut |_| false);
        assert_eq!(end, End::Unwanted);
    }
}
