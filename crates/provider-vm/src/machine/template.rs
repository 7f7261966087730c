//! Templates: files of the agent's with what machines of a kind have in common.

use std::collections::BTreeMap;

use serde::Deserialize;
use tamer_model::{InstanceSpec, Limits, OptionValue};
use tamer_provider::{Fault, Result};

/// What a template gives; whatever the spec says itself comes before it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Template {
    /// The disk, as in a spec, or the name of a file in the templates' folder.
    pub disk: Option<String>,
    /// Limits.
    pub limits: Limits,
    /// Networks.
    pub networks: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Options of this provider.
    pub options: BTreeMap<String, OptionValue>,
}

impl Template {
    /// Reads the text of a template. The fault names the template as the spec's field.
    pub fn read(name: &str, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|error| {
            Fault::spec("template", format!("the template {name:?} cannot be read"))
                .said(error.message())
                .remedy("correct the template's file on the host")
        })
    }

    /// Whether a text can name a template: a plain file name without its ending.
    pub fn is_name(text: &str) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        !text.starts_with('.') && !text.is_empty() && text.len() <= 200 && text.chars().all(plain)
    }

    /// The spec with everything from the template that it does not say itself.
    pub fn apply(self, spec: &InstanceSpec) -> InstanceSpec {
        let mut spec = spec.clone();
        let Self { disk, limits, networks, labels, options } = self;
        spec.disk = disk;
        let given = spec.limits;
        spec.limits = Limits {
            cpu_millis: given.cpu_millis.or(limits.cpu_millis),
            memory_bytes: given.memory_bytes.or(limits.memory_bytes),
            pids: given.pids.or(limits.pids),
            disk_bytes: given.disk_bytes.or(limits.disk_bytes),
        };
        if spec.networks.is_empty() {
            spec.networks = networks;
        }
        for (key, value) in labels {
            spec.labels.entry(key).or_insert(value);
        }
        for (key, value) in options {
            spec.options.entry(key).or_insert(value);
        }
        spec
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spec_comes_before_the_template() {
        let template = Template::read(
            "small",
            "disk = \"/d.img\"\nnetworks = [\"lan\"]\n[limits]\ncpu_millis = 1000\nmemory_bytes = 1\n\
             [options]\nmachine = \"pc\"\nconsole = false\n",
        )
        .expect("read");
        let given = InstanceSpec {
            template: Some("small".to_owned()),
            limits: Limits { cpu_millis: Some(2500), ..Limits::default() },
            options: [("machine".to_owned(), OptionValue::Text("q35".to_owned()))].into(),
            ..InstanceSpec::default()
        };
        let spec = template.apply(&given);
        assert_eq!(spec.disk.as_deref(), Some("/d.img"));
        assert_eq!(spec.networks, ["lan"]);
        assert_eq!((spec.limits.cpu_millis, spec.limits.memory_bytes), (Some(2500), Some(1)));
        assert_eq!(spec.options["machine"], OptionValue::Text("q35".to_owned()));
        assert_eq!(spec.options["console"], OptionValue::Flag(false));
    }

    #[test]
    fn a_slip_of_the_pen_is_told() {
        let fault = Template::read("small", "disc = \"/d.img\"").expect_err("unknown key");
        assert_eq!(fault.field.as_deref(), Some("template"));
        assert!(fault.technology.expect("said").contains("disc"));
    }

    #[test]
    fn a_template_is_never_outside_of_its_folder() {
        for name in ["", ".", "..", "../x", "a/b", ".hidden", "a\\b", "a b"] {
            assert!(!Template::is_name(name), "{name:?}");
        }
        assert!(Template::is_name("debian-12.small"));
    }
}
