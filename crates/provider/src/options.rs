//! Options that only one provider has: declared as data, checked in one place.

use std::collections::BTreeMap;

use tamer_model::OptionValue;

use crate::{Fault, Result};

/// What an option holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionKind {
    /// Yes or no.
    Flag,
    /// A whole number between these two.
    Number(i64, i64),
    /// A text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Texts.
    List,
}

/// One option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionSpec {
    /// Its key in the spec's `options`.
    pub key: &'static str,
    /// What it holds.
    pub kind: OptionKind,
    /// What it does, in one sentence, with unit and default.
    pub about: &'static str,
}

/// The options of a spec, checked against what a provider declares.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a>(&'a BTreeMap<String, OptionValue>);

impl<'a> Options<'a> {
    /// Checks that every option is declared and holds what it should.
    pub fn check(
        given: &'a BTreeMap<String, OptionValue>,
        declared: &[OptionSpec],
    ) -> Result<Self> {
        for (key, value) in given {
            let field = format!("options.{key}");
            let Some(spec) = declared.iter().find(|spec| spec.key == key) else {
                let known: Vec<_> = declared.iter().map(|spec| spec.key).collect();
                return Err(Fault::spec(field, format!("this provider has no option {key:?}"))
                    .remedy(if known.is_empty() {
                        "leave it out: this provider has no options".to_owned()
                    } else {
                        format!("its options are: {}", known.join(", "))
                    }));
            };
            spec.kind.check(value).map_err(|wanted| Fault::spec(field, wanted))?;
        }
        Ok(Self(given))
    }

    /// A flag; off when it is not given.
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.0.get(key), Some(OptionValue::Flag(true)))
    }

    /// A number.
    pub fn number(&self, key: &str) -> Option<i64> {
        match self.0.get(key) {
            Some(OptionValue::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// A text or word.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        match self.0.get(key) {
            Some(OptionValue::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A list; empty when it is not given.
    pub fn list(&self, key: &str) -> &'a [String] {
        match self.0.get(key) {
            Some(OptionValue::List(texts)) => texts,
            _ => &[],
        }
    }
}

impl OptionKind {
    /// Whether the value fits, or what would.
    fn check(self, value: &OptionValue) -> std::result::Result<(), String> {
        match (self, value) {
            (Self::Flag, OptionValue::Flag(_))
            | (Self::Text, OptionValue::Text(_))
            | (Self::List, OptionValue::List(_)) => Ok(()),
            (Self::Number(least, most), OptionValue::Number(number))
                if (least..=most).contains(number) =>
            {
                Ok(())
            }
            (Self::Word(words), OptionValue::Text(text)) if words.contains(&text.as_str()) => {
                Ok(())
            }
            (Self::Flag, _) => Err("it must be true or false".to_owned()),
            (Self::Number(least, most), _) => {
                Err(format!("it must be a number between {least} and {most}"))
            }
            (Self::Text, _) => Err("it must be a text".to_owned()),
            (Self::Word(words), _) => Err(format!("it must be one of: {}", words.join(", "))),
            (Self::List, _) => Err("it must be a list of texts".to_owned()),
        }
    }
}
