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
    let path = write("dta = \"/one\"\nlog_levl = \"debug\"\nname = 5.5\n");
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
fn the_kinds_of_tasks_are_a_list() {
    let read = |text: &str| {
        let path = write(text);
        let merged = merge([file(path.path()).expect("a file")]);
        Config::read(&merged).map(|config| (config.accept, print(&merged)))
    };
    let (all, printed) = read("").expect("a configuration");
    assert_eq!(all, Accept::default());
    let shown =
        r#"tasks.accept = ["commands", "scripts", "files", "instances", "placements"]  # default"#;
    assert!(printed.contains(shown), "{printed}");
    let (some, _) = read("[tasks]\naccept = [\"files\"]\n").expect("a configuration");
    assert_eq!(some, [Kind::Files].into_iter().collect());
    let (none, _) = read("[tasks]\naccept = []\n").expect("a configuration");
    assert_eq!(none, [].into_iter().collect());
    let problems = read("[tasks]\naccept = [\"file\", \"x\"]\n").expect_err("two problems");
    let fields: Vec<_> = problems.iter().filter_map(|problem| problem.field.as_deref()).collect();
    assert_eq!(fields, ["tasks.accept"; 2]);
    let variable = environment(variables(&[("TAMER_AGENT_TASKS_ACCEPT", "files, scripts")]));
    let merged = merge([variable.expect("known")]);
    let config = Config::read(&merged).expect("a configuration");
    assert_eq!(config.accept, [Kind::Files, Kind::Scripts].into_iter().collect());
}

#[test]
fn the_spool_has_its_sizes() {
    let read = |text: &str| Config::read(&merge([file(write(text).path()).expect("a file")]));
    assert_eq!(read("").expect("a configuration").spool, Limits::default());
    let some = read("[output]\nspool_task = \"1 MiB\"\nspool_total = \"0\"\n").expect("read");
    assert_eq!(some.spool, Limits { stream_bytes: 1 << 20, total_bytes: 0 });
    let problems = read("[output]\nspool_task = \"1 MB\"\n").expect_err("no size");
    assert_eq!(problems[0].field.as_deref(), Some("output.spool_task"));
    assert!(problems[0].remedy.is_some(), "{problems:?}");
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

#[test]
fn providers_are_read_from_tables_variables_and_settings() {
    let password = write("geheim\n");
    let path = write(&format!(
        "[providers.docker]\nendpoint = \"unix:///a.sock\"\nenabled = false\n\
         [registries.\"r.example:5000\"]\nuser = \"me\"\npassword_file = {:?}\n",
        password.path().display().to_string()
    ));
    let variable = ("TAMER_AGENT_PROVIDERS_DOCKER_ENDPOINT", "unix:///b.sock");
    let values = setting("providers.libvirt.domain_type=qemu").expect("known");
    let layers = [
        file(path.path()).expect("a file"),
        environment(variables(&[variable])).expect("variables"),
        Layer { source: Source::Flag, values },
    ];
    let merged = merge(layers);
    let providers = Config::read(&merged).expect("a configuration").providers;
    assert_eq!(providers.docker.enabled, Enabled::No);
    assert_eq!(providers.docker.endpoint.as_deref(), Some("unix:///b.sock"));
    assert_eq!(providers.podman.enabled, Enabled::Auto);
    assert_eq!(providers.libvirt.domain_type, DomainType::Qemu);
    let [login] = &providers.registries[..] else { panic!("{providers:?}") };
    assert_eq!((login.host.as_str(), login.user.as_str()), ("r.example:5000", "me"));
    assert_eq!(login.password.reveal(), "geheim");
    let printed = print(&merged);
    assert!(!format!("{providers:?}{printed}").contains("geheim"));
    assert!(printed.contains("registries.\"r.example:5000\".user = \"me\"  # file "), "{printed}");
    assert!(printed.contains("providers.podman.enabled = \"auto\"  # default:"), "{printed}");
}

#[test]
fn what_is_wrong_about_providers_names_its_key() {
    let path = write("[providers.dokcer]\nenabled = true\n[providers.docker]\nendpiont = \"x\"\n");
    let problems = file(path.path()).expect_err("unknown");
    let fields: Vec<_> = problems.iter().filter_map(|problem| problem.field.as_deref()).collect();
    assert_eq!(fields, ["providers.docker.endpiont", "providers.dokcer"]);
    for text in ["providers.docker", "nonsense=1", "providers.docker=1", "a b=1"] {
        assert!(setting(text).is_err(), "{text}");
    }
    let mut values = BTreeMap::new();
    for text in [
        "providers.docker.enabled=maybe",
        "providers.docker.endpoint=/run/docker.sock",
        "providers.docker.tls_cert=/c",
        "providers.libvirt.domain_type=xen",
        "registries.r.user=me",
    ] {
        values.extend(setting(text).expect(text));
    }
    let problems = Config::read(&merge([Layer { source: Source::Flag, values }]));
    let problems = problems.expect_err("problems");
    let mut fields: Vec<_> =
        problems.iter().filter_map(|problem| problem.field.as_deref()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "providers.docker.enabled",
            "providers.docker.endpoint",
            "providers.docker.tls_ca",
            "providers.docker.tls_key",
            "providers.libvirt.domain_type",
            "registries.r.password_file",
        ]
    );
}

#[test]
fn devices_are_counted_by_their_names() {
    let read = |text: &str| {
        let path = write(text);
        Config::read(&merge([file(path.path()).expect("a file")]))
    };
    let config = read("[devices]\ngpu = 2\nfpga = \"1\"\n").expect("devices");
    let devices: Vec<_> =
        config.devices.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(devices, [("fpga", 1), ("gpu", 2)]);
    assert!(read("").expect("none").devices.is_empty());
    let problems =
        read("[devices]\ngpu = -1\n\"a b\" = 1\ntpu = \"x\"\nnone = 0\n").expect_err("four");
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems.iter().all(|problem| {
        problem.field.as_deref().is_some_and(|field| field.starts_with("devices."))
    }));
}
