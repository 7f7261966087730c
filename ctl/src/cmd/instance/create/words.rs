//! Sizes, ports and mounts as they are written on a command line.

use std::net::IpAddr;
use std::str::FromStr;

use tamer_model::{Mount, MountKind, OptionValue, Port, Problem, Protocol};

pub use crate::spec::values::size;

/// Reads a number of processors as thousandths of one.
pub fn cpus(text: &str) -> Result<u64, String> {
    let (ones, parts) = text.split_once('.').unwrap_or((text, "0"));
    let thousandths = (parts.len() <= 3).then(|| whole(&format!("{parts:0<3}"))).flatten();
    let millis = whole(ones).and_then(|ones| ones.checked_mul(1000)?.checked_add(thousandths?));
    millis.ok_or_else(|| "write a number with at most three decimals, as 2 or 1.5".to_owned())
}

/// Digits alone: no sign, no spaces.
fn whole(text: &str) -> Option<u64> {
    text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Reads `[[ADDR:]HOST:]INSTANCE[/PROTOCOL]`; an IPv6 address stands in brackets.
pub fn port(text: &str) -> Result<Port, String> {
    let bad = || "write it as 8080:80, 127.0.0.1:53:53/udp, [::1]:8080:80 or 80".to_owned();
    let number = |text: &str| text.parse::<u16>().ok().filter(|n| *n > 0).ok_or_else(bad);
    let (ports, protocol) = match text.split_once('/') {
        Some((ports, protocol)) => (ports, protocol.parse().map_err(message)?),
        None => (text, Protocol::Tcp),
    };
    let (rest, instance) = ports.rsplit_once(':').unwrap_or(("", ports));
    let (address, host) = match rest.rsplit_once(':') {
        Some((address, host)) => (Some(address), Some(host)),
        None => (None, Some(rest).filter(|_| ports.contains(':'))),
    };
    let address = address.map(|text| match text.strip_prefix('[') {
        Some(rest) => {
            let inner = rest.strip_suffix(']').ok_or_else(bad)?;
            inner.parse().map(IpAddr::V6).map_err(|_| bad())
        }
        None => text.parse().map(IpAddr::V4).map_err(|_| bad()),
    });
    Ok(Port {
        instance: number(instance)?,
        host: host.map(number).transpose()?,
        address: address.transpose()?,
        protocol,
    })
}

/// Reads `type=bind,source=/a,target=/b,ro`.
pub fn mount(text: &str) -> Result<Mount, String> {
    let (mut kind, mut source, mut target, mut read_only) = (None, None, None, false);
    for part in text.split(',') {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let place = match key {
            "type" => {
                if kind.replace(value.parse::<MountKind>().map_err(message)?).is_some() {
                    return Err("`type` is given twice".to_owned());
                }
                continue;
            }
            "ro" | "readonly" if value.is_empty() => {
                read_only = true;
                continue;
            }
            "source" | "src" => &mut source,
            "target" | "dst" | "destination" => &mut target,
            _ => return Err(format!("{key:?} is none of: type, source, target, ro")),
        };
        if place.replace(value.to_owned()).is_some() {
            return Err(format!("`{key}` is given twice"));
        }
    }
    Ok(Mount {
        kind: kind.ok_or("`type=bind`, `type=volume` or `type=tmpfs` is missing")?,
        source: source.unwrap_or_default(),
        target: target.ok_or("`target=` is missing")?,
        read_only,
    })
}

/// Reads one of the words of a type; `-` is as good as `_`.
pub fn word<T: FromStr<Err = Problem>>(text: &str) -> Result<T, String> {
    text.replace('-', "_").parse().map_err(message)
}

fn message(problem: Problem) -> String {
    problem.message
}

/// What an option's value means.
pub fn option(text: String) -> OptionValue {
    match (text.as_str(), text.parse()) {
        ("true", _) => OptionValue::Flag(true),
        ("false", _) => OptionValue::Flag(false),
        (_, Ok(number)) => OptionValue::Number(number),
        (_, Err(_)) => OptionValue::Text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        let sizes = ["0", "7b", "512M", "2GiB", "1t", "3k"].map(|text| size(text).expect(text));
        assert_eq!(sizes, [0, 7, 536_870_912, 2 << 30, 1 << 40, 3072]);
        for bad in ["", "M", "1.5G", "-1", "+1", "1 G", "1X", "99999999999T", "1Mé"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn processors_have_three_decimals() {
        let millis = ["2", "1.5", "0.25", "0.001", "3."].map(|text| cpus(text).expect(text));
        assert_eq!(millis, [2000, 1500, 250, 1, 3000]);
        for bad in ["", ".5", "1.2345", "-1", "1e3", "1,5", "18446744073709551615"] {
            assert!(cpus(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ports_read_back_as_they_are_shown() {
        for text in
            ["80", "8080:80", "127.0.0.1:53:53/udp", "[::1]:8080:80", "9:9/sctp", "0.0.0.0:1:2"]
        {
            let Port { instance, host, address, protocol } = port(text).expect(text);
            let shown = crate::contract::Port {
                instance: instance.into(),
                host: host.map(Into::into),
                address: address.map(|address| address.to_string()),
                protocol: protocol.to_string(),
            };
            assert_eq!(shown.on_one_line(), text);
        }
        for bad in ["", "0", ":80", "80:", "a:80", "::1:80:80", "[::1:80:80", "70000", "1:2/x"] {
            assert!(port(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mounts_are_read_or_say_what_is_missing() {
        let read = mount("type=bind,source=/srv,target=/data,ro").expect("a mount");
        let expected = (MountKind::Bind, "/srv", "/data", true);
        assert_eq!((read.kind, &*read.source, &*read.target, read.read_only), expected);
        let told = |text| mount(text).expect_err(text);
        assert!(told("source=/a,target=/b").contains("type"));
        assert!(told("type=bind,source=/a").contains("target"));
        assert!(told("type=bind,type=bind,target=/b").contains("twice"));
        assert!(told("type=bind,target=/b,mode=7").contains("mode"));
        assert!(told("type=floppy,target=/b").contains("floppy"));
    }

    #[test]
    fn words_and_options_mean_what_they_look_like() {
        use tamer_model::RestartPolicy;
        assert_eq!(word("on-failure"), Ok(RestartPolicy::OnFailure));
        assert!(word::<RestartPolicy>("sometimes").is_err());
        let told = ["true", "-7", "7.0", "SIGINT"].map(|text| option(text.to_owned()));
        let text = |text: &str| OptionValue::Text(text.to_owned());
        let expected =
            [OptionValue::Flag(true), OptionValue::Number(-7), text("7.0"), text("SIGINT")];
        assert_eq!(told, expected);
    }
}
