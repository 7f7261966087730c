//! Words in files: a text, or a number where a number is what the word looks like.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// Reads an optional word; `canary = 1` and `canary = "1"` mean the same.
pub fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: FromStr,
    T::Err: fmt::Display,
    D: Deserializer<'de>,
{
    from.deserialize_any(Word(PhantomData)).map(Some)
}

/// Writes it as the text that reads back.
// serde asks for a reference to the field, whatever it is.
#[expect(clippy::ref_option, reason = "serde asks for a reference to the field")]
pub fn serialize<T: fmt::Display, S: Serializer>(
    word: &Option<T>,
    into: S,
) -> Result<S::Ok, S::Error> {
    match word {
        Some(word) => into.collect_str(word),
        None => into.serialize_none(),
    }
}

struct Word<T>(PhantomData<T>);

impl<T> Visitor<'_> for Word<T>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a whole number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

/// The same where a number would be read wrong.
pub mod strict {
    use serde::de::Error;

    use super::{Deserializer, FromStr, fmt};

    /// Reads an optional word that must be written as text.
    pub fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr,
        T::Err: fmt::Display,
        D: Deserializer<'de>,
    {
        let text = <String as serde::Deserialize>::deserialize(from)?;
        text.parse().map(Some).map_err(D::Error::custom)
    }
}

/// The same for a list of words.
pub mod list {
    use serde::de::SeqAccess;
    use serde::{Deserialize, Serialize, Serializer};

    use super::{Deserializer, Error, FromStr, PhantomData, Visitor, fmt};

    /// Reads a list of words.
    pub fn deserialize<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
    where
        T: FromStr,
        T::Err: fmt::Display,
        D: Deserializer<'de>,
    {
        from.deserialize_seq(Words(PhantomData))
    }

    /// Writes each as the text that reads back.
    pub fn serialize<T: fmt::Display, S: Serializer>(
        words: &[T],
        into: S,
    ) -> Result<S::Ok, S::Error> {
        words.iter().map(ToString::to_string).collect::<Vec<_>>().serialize(into)
    }

    struct Words<T>(PhantomData<T>);

    impl<'de, T> Visitor<'de> for Words<T>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of texts")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut texts: A) -> Result<Vec<T>, A::Error> {
            let mut words = Vec::new();
            while let Some(OneWord(text)) = texts.next_element()? {
                words.push(text.parse().map_err(A::Error::custom)?);
            }
            Ok(words)
        }
    }

    #[derive(Deserialize)]
    struct OneWord(String);
}

/// The same for a table of texts, kept in its order.
pub mod table {
    use serde::de::MapAccess;

    use super::{Deserializer, Visitor, fmt};

    /// Reads a table of texts.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<(String, String)>, D::Error> {
        from.deserialize_map(Pairs)
    }

    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table of texts")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = entries.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
}
