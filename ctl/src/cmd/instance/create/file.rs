//! A spec in a file: YAML, with the fields of `InstanceSpec`.

use std::io::Read;
use std::path::Path;

use tamer_model::{InstanceSpec, MAX_SPEC_BYTES, Problem};

/// The most bytes that are read: a spec with room for comments and indentation.
const MOST: u64 = 4 * MAX_SPEC_BYTES as u64;

/// Reads the spec of a file; of standard input when it is `-`.
pub fn read(path: &Path) -> Result<InstanceSpec, Problem> {
    let shown = path.display();
    let mut text = String::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().lock().take(MOST + 1).read_to_string(&mut text),
        false => {
            std::fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_string(&mut text))
        }
    };
    read.map_err(|error| {
        Problem::field("file", format!("cannot read {shown}: {error}"))
            .remedy("give the path of a YAML file, or `-` for standard input")
    })?;
    if text.len() as u64 > MOST {
        let message = format!("{shown} has more than {MOST} bytes");
        return Err(Problem::field("file", message).remedy("give the spec of one instance"));
    }
    parse(&text)
}

/// Reads a spec; a problem names the key and the line.
fn parse(text: &str) -> Result<InstanceSpec, Problem> {
    serde_saphyr::from_str(text).map_err(|error| {
        let field = error
            .location()
            .and_then(|at| usize::try_from(at.line()).ok()?.checked_sub(1))
            .and_then(|line| key(text.lines().nth(line)?));
        Problem::field(field.unwrap_or("file"), error.without_snippet().to_string())
            .remedy(
                "the keys are name, image, disk, template, command, env, workdir, user, labels, limits, mounts, ports, networks, restart, pull and options",
            )
    })
}

/// The key that a line of YAML gives a value to.
fn key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once(':')?;
    let key = key.trim_start_matches(['-', ' ']).trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!key.is_empty() && key.chars().all(plain)).then_some(key)
}

#[cfg(test)]
mod tests {
    use tamer_model::{OptionValue, Protocol, RestartPolicy};

    use super::*;

    #[test]
    fn a_file_becomes_a_spec() {
        let spec = parse(
            "# the shop\n\
             name: shop\n\
             image: busybox\n\
             command: [httpd, -f]\n\
             env: { PORT: \"80\" }\n\
             limits: { cpu_millis: 1500, memory_bytes: 536870912 }\n\
             ports:\n\
             - { instance: 53, host: 53, protocol: udp }\n\
             mounts:\n\
             - { kind: volume, source: data, target: /data, read_only: true }\n\
             restart: on_failure\n\
             options: { tty: true, stop_signal: SIGINT, shm_size: 64, dns: [1.1.1.1] }\n",
        )
        .expect("a spec");
        assert_eq!(spec.name.as_ref().map(|name| name.as_str()), Some("shop"));
        assert_eq!(spec.limits.cpu_millis, Some(1500));
        assert_eq!((spec.ports[0].host, spec.ports[0].protocol), (Some(53), Protocol::Udp));
        assert!(spec.mounts[0].read_only);
        assert_eq!(spec.restart, RestartPolicy::OnFailure);
        assert_eq!(spec.options["tty"], OptionValue::Flag(true));
        assert_eq!(spec.options["shm_size"], OptionValue::Number(64));
        assert_eq!(spec.options["stop_signal"], OptionValue::Text("SIGINT".to_owned()));
        assert_eq!(spec.options["dns"], OptionValue::List(vec!["1.1.1.1".to_owned()]));
        assert!(spec.validate().is_ok());
    }

    #[track_caller]
    fn refused(text: &str, field: &str, words: &[&str]) {
        let problem = parse(text).expect_err("refused");
        assert_eq!(problem.field.as_deref(), Some(field), "{problem}");
        for word in words {
            assert!(problem.message.contains(word), "{word}: {problem}");
        }
        assert!(!problem.message.contains('\n'), "one line: {problem}");
    }

    #[test]
    fn a_problem_names_the_key_and_the_line() {
        refused("image: a\nimagee: b\n", "imagee", &["unknown field", "line 2"]);
        refused("image: a\nlimits:\n  memory_bytes: much\n", "memory_bytes", &["line 3"]);
        refused("image: a\nrestart: sometimes\n", "restart", &["sometimes", "line 2"]);
        refused("image: [\n", "image", &["line 1"]);
        refused("words\n", "file", &["line 1"]);
    }
}
