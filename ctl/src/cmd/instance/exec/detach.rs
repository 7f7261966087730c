//! The keys that leave a terminal: a run of bytes that is never sent.

use std::str::FromStr;

/// The keys that leave, and how much of them was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetachKeys {
    keys: Vec<u8>,
    pressed: usize,
}

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// Keys for the command.
    Keys(Vec<u8>),
    /// Keys for the command, and then those that leave.
    Leave(Vec<u8>),
}

impl DetachKeys {
    /// Takes what was typed. Keys that may become those that leave are held back until it is
    /// known.
    pub fn typed(&mut self, bytes: &[u8]) -> Typed {
        let mut out = Vec::with_capacity(bytes.len());
        if self.keys.is_empty() {
            return Typed::Keys(bytes.to_vec());
        }
        for byte in bytes {
            // What was held back may hold a later beginning: `a,a,b` in `a a a b`.
            while self.pressed > 0 && self.keys[self.pressed] != *byte {
                let held = &self.keys[..self.pressed];
                let shorter = (1..held.len()).find(|by| held.starts_with(&held[*by..]));
                let drop = shorter.unwrap_or(held.len());
                out.extend_from_slice(&held[..drop]);
                self.pressed -= drop;
            }
            match self.keys[self.pressed] == *byte {
                true => self.pressed += 1,
                false => out.push(*byte),
            }
            if self.pressed == self.keys.len() {
                self.pressed = 0;
                return Typed::Leave(out);
            }
        }
        Typed::Keys(out)
    }

    /// Gives what was held back: nothing more is typed.
    pub fn finish(&mut self) -> Vec<u8> {
        self.keys[..std::mem::take(&mut self.pressed)].to_vec()
    }
}

impl FromStr for DetachKeys {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || "write keys joined by commas: ctrl-p,ctrl-q, or `none`".to_owned();
        if text == "none" {
            return Ok(Self { keys: Vec::new(), pressed: 0 });
        }
        let key = |word: &str| match word.strip_prefix("ctrl-").map(str::as_bytes) {
            // The control characters are those of `@` to `_` less 64.
            Some([key]) => match key.to_ascii_uppercase() {
                key @ b'@'..=b'_' => Some(key - b'@'),
                _ => None,
            },
            Some(_) => None,
            None => match word.as_bytes() {
                [key @ b'!'..=b'~'] => Some(*key),
                _ => None,
            },
        };
        let keys: Option<Vec<u8>> = text.split(',').map(key).collect();
        Ok(Self { keys: keys.ok_or_else(bad)?, pressed: 0 })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_are_read() {
        let keys = |text: &str| text.parse::<DetachKeys>().map(|keys| keys.keys);
        assert_eq!(keys("ctrl-p,ctrl-q"), Ok(vec![16, 17]));
        assert_eq!(keys("ctrl-@,ctrl-],~,."), Ok(vec![0, 29, b'~', b'.']));
        assert_eq!(keys("none"), Ok(vec![]));
        for bad in ["", "ctrl-", "ctrl-pp", "ctrl-1", "ab", "a,,b", "é"] {
            assert!(keys(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        /// Against the plain way: look for the keys in everything that was typed.
        #[test]
        fn nothing_is_lost_and_the_keys_are_found(
            keys in "[ab](,[ab]){0,3}", pieces in prop::collection::vec("[abc]{0,4}", 0..8)
        ) {
            let mut machine: DetachKeys = keys.parse().expect("keys");
            let run = keys.replace(',', "");
            let whole = pieces.concat();
            let (mut sent, mut left) = (Vec::new(), false);
            for piece in &pieces {
                match machine.typed(piece.as_bytes()) {
                    Typed::Keys(bytes) => sent.extend(bytes),
                    Typed::Leave(bytes) => {
                        sent.extend(bytes);
                        left = true;
                        break;
                    }
                }
            }
            if !left {
                sent.extend(machine.finish());
            }
            let expected = whole.find(&run).map_or(&whole[..], |at| &whole[..at]);
            prop_assert_eq!(String::from_utf8(sent).expect("text"), expected);
            prop_assert_eq!(left, whole.contains(&run));
        }
    }
}
