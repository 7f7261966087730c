//! Reads canonical bytes, and nothing else. Allocates no more than the bytes that are there
//! justify: a count is believed only as far as there are bytes for it.

/// Bytes that are no canonical encoding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}: the content is damaged or was not made by tamer")]
pub struct Malformed {
    /// Where in the bytes.
    pub at: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// Bytes and how far they were read.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn refuse(&self, what: &'static str) -> Malformed {
        Malformed { at: self.at, what }
    }

    pub(crate) fn version(&mut self, known: u8) -> Result<(), Malformed> {
        match self.byte()? {
            version if version == known => Ok(()),
            version if version > known => Err(self.refuse("made by a newer tamer")),
            _older => Err(self.refuse("an unknown version")),
        }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.bytes.get(self.at).ok_or_else(|| self.refuse("cut short"))?;
        self.at += 1;
        Ok(byte)
    }

    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let rest = &self.bytes[self.at..];
        let bytes = rest.get(..length).ok_or_else(|| self.refuse("cut short"))?;
        self.at += length;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        array.copy_from_slice(self.raw(N)?);
        Ok(array)
    }

    pub(crate) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(self.refuse("a number of more than 64 bits"));
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                let short = byte != 0 || shift == 0;
                return if short {
                    Ok(number)
                } else {
                    Err(self.refuse("a number in a long form"))
                };
            }
        }
        Err(self.refuse("a number of more than 64 bits"))
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Malformed> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A count of things that take at least a byte each.
    pub(crate) fn count(&mut self) -> Result<usize, Malformed> {
        let left = self.bytes.len() - self.at;
        let count = self.number()?;
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= left)
            .ok_or_else(|| self.refuse("a count of more than is there"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.count()?;
        self.raw(length)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        let start = self.at;
        std::str::from_utf8(self.bytes()?)
            .map_err(|_| Malformed { at: start, what: "a text that is not UTF-8" })
    }

    pub(crate) fn flag(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _other => Err(self.refuse("neither yes nor no")),
        }
    }

    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        match self.byte()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _other => Err(self.refuse("neither there nor absent")),
        }
    }

    /// That nothing follows.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.refuse("bytes too many")) }
    }
}
