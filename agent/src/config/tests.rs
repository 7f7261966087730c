use super::*;

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn write(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), text).expect("written");
    file
}

#[test]
fn a_later_layer_wins_and_says_so() {
    let path = write("data = \"/one\"\nlog_level = \"debug\"\ncoordinators = [\"a\", \"b:1\"]\n");
    let layers = [
        file(path.path()).expect("a file"),
        environment(variables(&[("TAMER_AGENT_DATA", "/two"), ("HOME", "/x")])).expect("variables"),
    ];
    let merged = merge(layers);
    let config = Config::read(&merged).expect("a configuration");
    assert_eq!(config.data, PathBuf::from("/two"));
    assert_eq!(config.log_level, "debug");
    assert_eq!(config.coordinators, ["a:8443", "b:1"]);
    let printed = print(&merged);
    assert!(printed.contains("data = \"/two\"  # environment:"), "{printed}");
    assert!(printed.contains("discovery = true  # default:"), "{printed}");
}

#[test]
fn every_unknown_key_is_told_at_once() {
    let path = write("dta = \"/one\"\nlog_levl = \"debug\"\nname = 5\n");
    let problems = file(path.path()).expect_err("three problems");
    let fields: Vec<_> = problems.iter().filter_map(|problem| problem.field.as_deref()).collect();
    assert_eq!(fields, ["dta", "log_levl", "name"]);
    assert!(problems.iter().all(|problem| problem.code == Code::ConfigInvalid));
    let problems = environment(variables(&[("TAMER_AGENT_X", "1")])).expect_err("unknown");
    assert_eq!(problems[0].field.as_deref(), Some("x"));
}

#[test]
fn every_bad_value_is_told_at_once() {
    let layer = environment(variables(&[
        ("TAMER_AGENT_COORDINATORS", "a:0, b c, fd00::1, [fd00::1]:7"),
        ("TAMER_AGENT_CA", "sha1:00"),
        ("TAMER_AGENT_DISCOVERY", "maybe"),
        ("TAMER_AGENT_LOG_FORMAT", "xml"),
        ("TAMER_TOKEN", "nonsense"),
    ]))
    .expect("known keys");
    let problems = Config::read(&merge([layer])).expect_err("problems");
    let fields: Vec<_> = problems.iter().filter_map(|problem| problem.field.as_deref()).collect();
    assert_eq!(fields, ["coordinators", "coordinators", "discovery", "token", "ca", "log_format"]);
    assert!(problems.iter().all(|problem| problem.remedy.is_some()));
}

#[test]
fn addresses_get_their_port() {
    for (text, expected) in [
        ("10.0.0.1", Some("10.0.0.1:8443")),
        ("fd00::1", Some("[fd00::1]:8443")),
        ("[fd00::1]:7", Some("[fd00::1]:7")),
        ("host", Some("host:8443")),
        ("host:1", Some("host:1")),
        ("host:", None),
        (":1", None),
        ("https://host", None),
    ] {
        assert_eq!(address(text).as_deref(), expected, "{text}");
    }
}
