//! JSON objects out of a stream, one at a time: the elements of a list, or one object a line. A
//! list of five thousand containers is never held as a whole.

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream;
use serde::de::DeserializeOwned;
use tamer_provider::{Fault, FaultKind, Result};

use crate::client::Answer;
use crate::fault;

/// The most bytes of one object. A container's summary has its labels and mounts in it, which an
/// engine bounds by the size of a request.
const MAX_ITEM: usize = 8 << 20;

/// Cuts objects out of bytes. What stands between them (brackets, commas, line feeds) is left out.
#[derive(Debug, Default)]
struct Cutter {
    buffer: BytesMut,
    /// How much of the buffer was looked at.
    seen: usize,
    depth: u32,
    in_text: bool,
    escaped: bool,
}

impl Cutter {
    fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// The next whole object, or nothing before more comes.
    fn next(&mut self) -> Option<Bytes> {
        while let Some(&byte) = self.buffer.get(self.seen) {
            self.seen += 1;
            if self.in_text {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_text = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'{' => {
                    if self.depth == 0 {
                        let before = self.seen - 1;
                        drop(self.buffer.split_to(before));
                        self.seen = 1;
                    }
                    self.depth += 1;
                }
                b'}' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        let item = self.buffer.split_to(self.seen);
                        self.seen = 0;
                        return Some(item.freeze());
                    }
                }
                b'"' if self.depth > 0 => self.in_text = true,
                _ => {}
            }
        }
        None
    }

    /// Whether the stream may end here.
    const fn is_between(&self) -> bool {
        self.depth == 0
    }
}

/// The objects of an answer, as they come.
pub(crate) fn items<T: DeserializeOwned + Send + 'static>(
    answer: Answer,
) -> impl Stream<Item = Result<T>> + Send {
    let state = Some((answer, Cutter::default()));
    stream::unfold(state, |state| async move {
        let (mut answer, mut cutter) = state?;
        match next(&mut answer, &mut cutter).await {
            Ok(Some(item)) => Some((Ok(item), Some((answer, cutter)))),
            Ok(None) => None,
            Err(fault) => Some((Err(fault), None)),
        }
    })
}

async fn next<T: DeserializeOwned>(answer: &mut Answer, cutter: &mut Cutter) -> Result<Option<T>> {
    loop {
        if let Some(item) = cutter.next() {
            let item = serde_json::from_slice(&item);
            return item.map(Some).map_err(|error| fault::garbled(answer.doing(), &error));
        }
        if cutter.buffer.len() > MAX_ITEM {
            let message = format!("{}: an item is longer than {MAX_ITEM} bytes", answer.doing());
            return Err(Fault::new(FaultKind::Failed, message));
        }
        match answer.next().await? {
            Some(piece) => cutter.push(&piece),
            None if cutter.is_between() => return Ok(None),
            None => {
                let message =
                    format!("the engine stopped in the middle, asked to {}", answer.doing());
                return Err(Fault::new(FaultKind::Unavailable, message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, size: usize) -> Vec<String> {
        let mut cutter = Cutter::default();
        let mut items = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            cutter.push(piece);
            while let Some(item) = cutter.next() {
                items.push(String::from_utf8(item.to_vec()).expect("it is well made"));
            }
        }
        assert!(cutter.is_between());
        items
    }

    #[test]
    fn objects_come_out_whole_however_they_are_cut() {
        let list = r#"[{"a":"}{\"","b":{"c":[1,{"d":2}]}},
            {"e":"\\"}]"#;
        let wanted = [r#"{"a":"}{\"","b":{"c":[1,{"d":2}]}}"#, r#"{"e":"\\"}"#];
        for size in 1..=list.len() {
            assert_eq!(cut(list, size), wanted, "pieces of {size}");
        }
        assert_eq!(cut("{\"a\":1}\r\n{\"b\":2}\n", 3), ["{\"a\":1}", "{\"b\":2}"]);
        assert!(cut("[]", 1).is_empty());
    }

    #[test]
    fn an_object_that_is_not_whole_is_known() {
        let mut cutter = Cutter::default();
        cutter.push(b"[{\"a\":");
        assert_eq!(cutter.next(), None);
        assert!(!cutter.is_between());
    }
}
