//! What is kept of a task's output, as a record.
//!
//! Two forms. Short output is kept as it is, for people to read: text where it is UTF-8, base 64
//! where it is not. Longer output is one zstd frame of all its parts, in base 64, beside their
//! lengths (decision 22). The second was added by format 3 of the store; the first is as it ever
//! was.

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tamer_model::{KeptOutput, KeptStream, MAX_OUTPUT_LIMIT};

/// From so many bytes on, output is compressed: below, it saves little and costs 12 µs.
const WORTH_IT: usize = 2048;
/// zstd's level. The next three save 2 % more and take a third longer.
const LEVEL: i32 = 1;
/// The most bytes of one record: both streams at the limit of what is kept.
const MOST: usize = 2 * MAX_OUTPUT_LIMIT as usize;

/// What is kept of a task's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOutput {
    kept: KeptOutput,
    removed: bool,
}

impl StoredOutput {
    /// Whether what was kept was removed to make room. How much there was is still known.
    pub const fn is_removed(&self) -> bool {
        self.removed
    }

    /// The record that stays when the bytes are removed.
    #[must_use]
    pub fn without_bytes(&self) -> Self {
        let total = |stream: &KeptStream| KeptStream { total: stream.total, ..Default::default() };
        let KeptOutput { stdout, stderr } = &self.kept;
        let kept = KeptOutput { stdout: total(stdout), stderr: total(stderr) };
        Self { kept, removed: true }
    }
}

impl From<KeptOutput> for StoredOutput {
    fn from(kept: KeptOutput) -> Self {
        Self { kept, removed: false }
    }
}

impl From<StoredOutput> for KeptOutput {
    fn from(stored: StoredOutput) -> Self {
        stored.kept
    }
}

impl Serialize for StoredOutput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { kept, removed } = self;
        match Packed::new(kept) {
            Some(packed) => packed.serialize(serializer),
            None => Plain::new(kept, *removed).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for StoredOutput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = match Form::deserialize(deserializer)? {
            Form::Packed(packed) => packed.unpack().map(Self::from),
            Form::Plain(plain) => plain.read(),
        };
        read.map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Form {
    Packed(Packed),
    Plain(Plain),
}

#[derive(Serialize, Deserialize)]
struct Packed {
    /// Heads and tails, standard output before standard error.
    zstd: String,
    stdout: Lengths,
    stderr: Lengths,
}

#[derive(Serialize, Deserialize)]
struct Lengths {
    head: usize,
    tail: usize,
    total: u64,
}

#[derive(Serialize, Deserialize)]
struct Plain {
    stdout: PlainStream,
    stderr: PlainStream,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
}

#[derive(Serialize, Deserialize)]
struct PlainStream {
    head: Bytes,
    #[serde(default, skip_serializing_if = "Bytes::is_empty")]
    tail: Bytes,
    total: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Raw { base64: String },
}

impl Packed {
    /// None when it is not worth it.
    fn new(kept: &KeptOutput) -> Option<Self> {
        let KeptOutput { stdout, stderr } = kept;
        let parts = [&stdout.head, &stdout.tail, &stderr.head, &stderr.tail];
        if parts.iter().map(|part| part.len()).sum::<usize>() < WORTH_IT {
            return None;
        }
        let bytes = parts.map(Vec::as_slice).concat();
        let frame = zstd::bulk::compress(&bytes, LEVEL).ok()?;
        let packed = BASE64.encode_len(frame.len()) < bytes.len();
        packed.then(|| Self {
            zstd: BASE64.encode(&frame),
            stdout: Lengths::of(stdout),
            stderr: Lengths::of(stderr),
        })
    }

    fn unpack(self) -> Result<KeptOutput, String> {
        let Self { zstd, stdout, stderr } = self;
        let lengths = [stdout.head, stdout.tail, stderr.head, stderr.tail];
        let length = lengths.iter().try_fold(0_usize, |sum, part| sum.checked_add(*part));
        let length = length.filter(|length| *length <= MOST).ok_or("longer than output can be")?;
        let frame = BASE64.decode(zstd.as_bytes()).map_err(|error| error.to_string())?;
        let bytes = zstd::bulk::decompress(&frame, length).map_err(|error| error.to_string())?;
        if bytes.len() != length {
            return Err(format!("{} bytes where {length} were written", bytes.len()));
        }
        let mut rest = &bytes[..];
        let [head, tail, error_head, error_tail] = lengths.map(|length| {
            let (part, after) = rest.split_at(length);
            rest = after;
            part.to_vec()
        });
        Ok(KeptOutput {
            stdout: KeptStream { head, tail, total: stdout.total },
            stderr: KeptStream { head: error_head, tail: error_tail, total: stderr.total },
        })
    }
}

impl Lengths {
    const fn of(stream: &KeptStream) -> Self {
        Self { head: stream.head.len(), tail: stream.tail.len(), total: stream.total }
    }
}

impl Plain {
    fn new(KeptOutput { stdout, stderr }: &KeptOutput, removed: bool) -> Self {
        Self { stdout: PlainStream::new(stdout), stderr: PlainStream::new(stderr), removed }
    }

    fn read(self) -> Result<StoredOutput, String> {
        let Self { stdout, stderr, removed } = self;
        let kept = KeptOutput { stdout: stdout.read()?, stderr: stderr.read()? };
        Ok(StoredOutput { kept, removed })
    }
}

impl PlainStream {
    fn new(KeptStream { head, tail, total }: &KeptStream) -> Self {
        Self { head: Bytes::new(head), tail: Bytes::new(tail), total: *total }
    }

    fn read(self) -> Result<KeptStream, String> {
        let Self { head, tail, total } = self;
        Ok(KeptStream { head: head.read()?, tail: tail.read()?, total })
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Bytes {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }

    /// Text with so many escapes that JSON would make it longer than base 64 goes as that, so that
    /// a record's size follows from the limit on what is kept.
    fn new(bytes: &[u8]) -> Self {
        let escaped = bytes.iter().map(|byte| match byte {
            b'\n' | b'\r' | b'\t' | b'"' | b'\\' => 1,
            0..=0x1f | 0x7f => 5,
            _ => 0,
        });
        let dense = escaped.sum::<usize>() > bytes.len() / 3;
        match std::str::from_utf8(bytes).ok().filter(|_| !dense) {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Raw { base64: BASE64.encode(bytes) },
        }
    }

    fn read(self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Raw { base64 } => {
                BASE64.decode(base64.as_bytes()).map_err(|error| error.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(json: &[u8]) -> Result<StoredOutput, serde_json::Error> {
        serde_json::from_slice(json)
    }

    fn kept(head: &[u8], tail: &[u8], total: u64) -> KeptStream {
        KeptStream { head: head.to_vec(), tail: tail.to_vec(), total }
    }

    /// Bytes that no program makes shorter.
    fn noise(length: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(7);
        std::iter::repeat_with(|| random.u8(..)).take(length).collect()
    }

    proptest! {
        #[test]
        fn output_is_kept_byte_for_byte(
            parts in proptest::array::uniform4(proptest::collection::vec(any::<u8>(), 0..1500)),
            text in "[a-z\n\"\u{1}é]{0,900}", cut in 0u64..100,
        ) {
            let [a, b, c, d] = parts;
            let total = (a.len() + b.len()) as u64 + cut;
            let text = [text.as_bytes(), text.as_bytes(), &c].concat();
            let kept = KeptOutput {
                stdout: kept(&a, &b, total),
                stderr: kept(&text, &d, (text.len() + d.len()) as u64),
            };
            let stored = serde_json::to_vec(&StoredOutput::from(kept.clone())).expect("json");
            prop_assert_eq!(read(&stored).expect("it reads"), StoredOutput::from(kept));
        }

        #[test]
        fn damage_is_told_and_never_a_panic(at in 0usize..400, byte: u8) {
            let lines = b"a line that comes again and again\n".repeat(100);
            let stored = KeptOutput { stdout: kept(&lines, &[], 3400), stderr: kept(&[], &[], 0) };
            let mut json = serde_json::to_vec(&StoredOutput::from(stored)).expect("json");
            let at = at % json.len();
            json[at] = byte;
            let _ = read(&json);
        }
    }

    #[test]
    fn long_text_is_packed_and_noise_is_not() {
        let lines = b"a line that comes again and again\n".repeat(7000);
        let text = KeptOutput { stdout: kept(&lines, &[], 1), stderr: kept(&[], &[], 0) };
        let json = serde_json::to_vec(&StoredOutput::from(text)).expect("json");
        assert!(json.starts_with(b"{\"zstd\":") && json.len() < lines.len() / 100);
        // The largest record there can be fits a value of the store.
        let most = noise(MAX_OUTPUT_LIMIT as usize);
        let noise = KeptOutput { stdout: kept(&most, &[], 1), stderr: kept(&[], &most, 1) };
        let json = serde_json::to_vec(&StoredOutput::from(noise.clone())).expect("json");
        assert!(json.len() < tamer_store::MAX_VALUE, "{}", json.len());
        assert_eq!(KeptOutput::from(read(&json).expect("it reads")), noise);
    }

    #[test]
    fn records_of_earlier_formats_are_read() {
        let old = br#"{"stdout":{"head":"hi\n","total":3},
            "stderr":{"head":{"base64":"/w=="},"tail":"x","total":9}}"#;
        let stored = read(old).expect("it reads");
        assert!(!stored.is_removed());
        let wanted = KeptOutput { stdout: kept(b"hi\n", b"", 3), stderr: kept(b"\xff", b"x", 9) };
        assert_eq!(KeptOutput::from(stored), wanted);
    }

    #[test]
    fn what_was_removed_says_so_and_how_much_it_was() {
        let whole = KeptOutput { stdout: kept(b"abc", b"de", 9), stderr: kept(b"", b"", 0) };
        let without = StoredOutput::from(whole).without_bytes();
        let json = serde_json::to_vec(&without).expect("json");
        let again = read(&json).expect("it reads");
        assert!(again.is_removed());
        assert_eq!(KeptOutput::from(again).stdout, kept(b"", b"", 9));
    }

    #[test]
    fn a_frame_that_is_not_what_its_lengths_say_is_refused() {
        let frame = BASE64.encode(&zstd::bulk::compress(&[0; 5000], LEVEL).expect("a frame"));
        for (head, total) in [(4999, 1), (5001, 1), (usize::MAX, 1)] {
            let json = format!(
                r#"{{"zstd":"{frame}","stdout":{{"head":{head},"tail":0,"total":{total}}},"stderr":{{"head":0,"tail":0,"total":0}}}}"#
            );
            assert!(read(json.as_bytes()).is_err(), "{head}");
        }
    }
}
