//! A number of targets, or a share of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// So many targets, or so many hundredths of a percent of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Amount {
    /// This many.
    Count(u32),
    /// This share, in hundredths of a percent: 10,000 is all.
    Share(u32),
}

/// A text that is neither a number nor a percentage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAmount(pub String);

impl fmt::Display for InvalidAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no amount: write a number such as 3, or a percentage such as 2.5%",
            self.0
        )
    }
}

impl std::error::Error for InvalidAmount {}

impl Amount {
    /// As the size of something: a share is rounded up, so that a share of something is something.
    pub const fn size_of(self, total: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Share(share) => (total as u64 * share as u64).div_ceil(10_000) as u32,
        }
    }

    /// As a budget: a share is rounded down, so that it is never overspent.
    pub const fn budget_of(self, total: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Share(share) => (total as u64 * share as u64 / 10_000) as u32,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Share(share) if share % 100 == 0 => write!(f, "{}%", share / 100),
            Self::Share(share) => {
                let text = format!("{}.{:02}", share / 100, share % 100);
                write!(f, "{}%", text.trim_end_matches('0'))
            }
        }
    }
}

impl FromStr for Amount {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let invalid = || InvalidAmount(text.chars().take(32).collect());
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        let Some(share) = text.strip_suffix('%') else {
            return if digits(text) {
                text.parse().map(Self::Count)
            } else {
                return Err(invalid());
            }
            .map_err(|_| invalid());
        };
        let (whole, part) = share.split_once('.').unwrap_or((share, "0"));
        if !digits(whole) || !digits(part) || part.len() > 2 || whole.len() > 3 {
            return Err(invalid());
        }
        let number = |text: &str| text.parse::<u32>().map_err(|_| invalid());
        let part = if part.len() == 1 { number(part)? * 10 } else { number(part)? };
        match number(whole)? * 100 + part {
            share @ 0..=10_000 => Ok(Self::Share(share)),
            _ => Err(invalid()),
        }
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.to_string()
    }
}

impl TryFrom<String> for Amount {
    type Error = InvalidAmount;

    fn try_from(text: String) -> Result<Self, InvalidAmount> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_are_read() {
        assert_eq!("3".parse(), Ok(Amount::Count(3)));
        assert_eq!("2.5%".parse(), Ok(Amount::Share(250)));
        assert_eq!("100%".parse(), Ok(Amount::Share(10_000)));
        for bad in ["", "-1", "+1", "1.", "100.01%", "1.234%", "%", "ten", "99999999999", "0x3"] {
            assert!(bad.parse::<Amount>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_text_reads_back(share in 0u32..=10_000, count: u32) {
            for amount in [Amount::Share(share), Amount::Count(count)] {
                prop_assert_eq!(amount.to_string().parse(), Ok(amount));
            }
        }

        #[test]
        fn any_text_is_an_amount_or_an_error(text: String) {
            let _ = text.parse::<Amount>();
        }

        #[test]
        fn rounding_never_overspends(share in 0u32..=10_000, total in 0u32..100_000) {
            let amount = Amount::Share(share);
            prop_assert!(amount.budget_of(total) <= amount.size_of(total));
            prop_assert!(amount.size_of(total) <= total);
            prop_assert!(u64::from(amount.budget_of(total)) * 10_000 <= u64::from(total) * u64::from(share));
        }
    }
}
