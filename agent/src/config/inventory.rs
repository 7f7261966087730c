//! The keys about the inventory, checked.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::Reader;
use crate::inventory::{Pattern, Settings};

/// How often things may be looked at, in seconds: what is more often costs more than it finds, what
/// is more rarely finds nothing in time.
const POLL: RangeInclusive<u64> = 1..=3600;
const FULL: RangeInclusive<u64> = 10..=86_400;
/// The most patterns of one list.
const MOST: usize = 1000;

impl Reader<'_> {
    pub(super) fn inventory(&mut self) -> Settings {
        let usual = Settings::default();
        Settings {
            enabled: self.flag("inventory.enabled"),
            files: self.patterns("inventory.files"),
            certificates: self.patterns("inventory.certificates"),
            sysctls: self.sysctls(),
            poll: self.every("inventory.poll", POLL).unwrap_or(usual.poll),
            full: self.every("inventory.full", FULL).unwrap_or(usual.full),
        }
    }

    fn patterns(&mut self, key: &str) -> Vec<Pattern> {
        let parse = |reader: &mut Self, text: &String| {
            let remedy = "write absolute paths, with one * in a part, or with /** at the end";
            let refused = |why| reader.problem(key, format!("{text:?}: {why}"), remedy);
            text.parse::<Pattern>().map_err(refused).ok()
        };
        let texts = self.few(key);
        texts.iter().filter_map(|text| parse(self, text)).collect()
    }

    fn sysctls(&mut self) -> Vec<String> {
        let key = "inventory.sysctls";
        let good = |part: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_*".contains(c);
            !part.is_empty() && part.chars().all(fits) && part.matches('*').count() <= 1
        };
        let mut names = self.few(key);
        names.retain(|name| {
            let fits = name.split('.').all(good);
            if !fits {
                let message = format!("{name:?} is no name of a setting");
                self.problem(key, message, "write names such as vm.swappiness or net.core.*");
            }
            fits
        });
        names
    }

    /// The texts of a list that is not too long.
    fn few(&mut self, key: &str) -> Vec<String> {
        let texts = self.values(key).to_vec();
        // In a `--set` the list is one text.
        let texts: Vec<String> = texts
            .iter()
            .flat_map(|text| text.split(','))
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .collect();
        if texts.len() > MOST {
            self.problem(key, format!("it has {} entries", texts.len()), "name at most 1000");
        }
        texts
    }

    fn every(&mut self, key: &str, range: RangeInclusive<u64>) -> Option<Duration> {
        let remedy = "write a time such as 20s";
        let every = self.text(key)?;
        let Ok(every) = humantime::parse_duration(&every) else {
            self.problem(key, format!("{every:?} is no time"), remedy);
            return None;
        };
        if !range.contains(&every.as_secs()) {
            let (least, most) = (range.start(), range.end());
            self.problem(key, format!("it is not between {least}s and {most}s"), remedy);
            return None;
        }
        Some(every)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, environment, merge};

    fn read(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let variables = variables
            .iter()
            .map(|(key, value)| (format!("TAMER_AGENT_INVENTORY_{key}"), (*value).to_owned()));
        let layer = environment(variables).expect("known keys");
        let told = |problems: Vec<tamer_model::Problem>| {
            problems.into_iter().map(|problem| problem.field.unwrap_or_default()).collect()
        };
        Config::read(&merge([layer])).map_err(told)
    }

    #[test]
    fn there_is_an_inventory_unless_somebody_wants_none() {
        let usual = read(&[]).expect("good").inventory;
        assert!(usual.enabled && !usual.files.is_empty() && usual.sysctls.is_empty());
        assert_eq!((usual.poll.as_secs(), usual.full.as_secs()), (20, 600));
        assert!(!read(&[("ENABLED", "false")]).expect("good").inventory.enabled);
        let none = read(&[("FILES", ""), ("SYSCTLS", "vm.a, net.core.*")]).expect("good").inventory;
        assert!(none.files.is_empty());
        assert_eq!(none.sysctls, ["vm.a", "net.core.*"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_key() {
        for (key, value) in [
            ("FILES", "etc/passwd"),
            ("CERTIFICATES", "/a/../b"),
            ("SYSCTLS", "../../etc/passwd"),
            ("POLL", "soon"),
            ("POLL", "10ms"),
            ("FULL", "1s"),
            ("ENABLED", "maybe"),
        ] {
            let told = read(&[(key, value)]).expect_err("wrong");
            assert_eq!(told, [format!("inventory.{}", key.to_lowercase())], "{key}={value}");
        }
    }
}
