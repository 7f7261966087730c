//! Enums that are words: one list of variants gives the text, the parser and the number on disk.

/// Gives an enum its words (`as_str`, `FromStr`, `Display`, serde) and every value in order.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal,)* }) => {
        impl $name {
            /// Every value, in their order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word of the wire and of the `json` contract.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = tamer_model::Problem;

            fn from_str(text: &str) -> Result<Self, tamer_model::Problem> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    let text: String = text.chars().take(64).collect();
                    tamer_model::Problem::field(
                        stringify!($name).to_lowercase(),
                        format!("{text:?} is none of: {}", [$($word),*].join(", ")),
                    )
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<'de, str>::deserialize(from)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use words;
