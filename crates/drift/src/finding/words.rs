//! The words of findings.

use serde::{Deserialize, Serialize};

/// Enums whose values are words: the word of the wire, of the `json` contract and of rules.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$what])* $variant,)*
        }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = tamer_model::Problem;

            fn from_str(text: &str) -> Result<Self, tamer_model::Problem> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or_else(|| {
                    let text: String = text.chars().take(64).collect();
                    let known = [$($word),*].join(", ");
                    tamer_model::Problem::field(stringify!($name), format!("{text:?} is none of: {known}"))
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(super) use words;

words! {
    /// How a resource is not what it was.
    How {
        /// It was not there before.
        Created = "created",
        /// It is there no more.
        Deleted = "deleted",
        /// It has other properties.
        Changed = "changed",
        /// The same content under another id, at another path or on another host.
        Moved = "moved",
        /// Another one under the same name: what a technology calls it is new.
        Replaced = "replaced",
        /// It is what it was, and its time runs out.
        Due = "due",
    }
}

words! {
    /// How much it matters; ordered.
    Severity {
        /// Everyday.
        Low = "low",
        /// Worth a look.
        Medium = "medium",
        /// Somebody should look today.
        High = "high",
        /// Somebody should look now.
        Critical = "critical",
    }
}

words! {
    /// Where a change comes from, without saying which.
    OriginWord {
        /// Tamer did it.
        Ours = "ours",
        /// Something that is known to change such things by itself.
        CoOwner = "co_owner",
        /// Nothing that is known.
        Unknown = "unknown",
    }
}

words! {
    /// What a comparison says as a whole.
    Verdict {
        /// Everything was looked at and nothing differs, or what differs is hidden by named rules.
        None = "none",
        /// Something differs.
        Drift = "drift",
        /// Nothing was seen that differs, and not everything was seen.
        NotObserved = "not_observed",
    }
}
