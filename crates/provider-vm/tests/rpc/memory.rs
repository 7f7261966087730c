//! Domains, snapshots, networks and events of `test:///default`, where one domain named `test`
//! runs from the start.

use tamer_provider_vm::rpc::{Connection, Domain, Event, EventReceiver, RpcError, code};

use super::{daemon, open, soon};

const URI: &str = "test:///default";
const XML: &str = "<domain type='test'><name>web</name><memory unit='KiB'>65536</memory>\
                   <vcpu>2</vcpu><os><type arch='i686'>hvm</type></os></domain>";
const RUNNING: i32 = 1;
const PAUSED: i32 = 3;
const SHUTOFF: i32 = 5;

#[tokio::test]
async fn a_domain_lives_its_life() {
    let Some((_folder, libvirt)) = daemon() else { return };
    let connection = open(&libvirt, URI).await;
    hosts(&connection).await;
    let mut events = soon(connection.domain_events()).await.unwrap();

    let refused = soon(connection.lookup_name("web")).await.unwrap_err();
    assert_eq!(refused.code(), Some(code::VIR_ERR_NO_DOMAIN), "{refused:?}");
    let refused = soon(connection.define("<domain/>", 0)).await.unwrap_err();
    assert!(matches!(refused, RpcError::Remote { .. }), "{refused:?}");
    assert!(soon(connection.define(&"x".repeat(5 << 20), 0)).await.is_err());

    let web = soon(connection.define(XML, 0)).await.unwrap();
    assert_eq!((web.name.as_str(), web.id), ("web", -1));
    told(&mut events, &web, 0).await;
    assert_eq!(soon(connection.lookup_uuid(&web.uuid)).await.unwrap(), web);
    let mut names: Vec<_> =
        soon(connection.domains()).await.unwrap().into_iter().map(|domain| domain.name).collect();
    names.sort();
    assert_eq!(names, ["test", "web"]);
    assert_eq!(state(&connection, &web).await, SHUTOFF);

    let stopped = soon(connection.destroy(&web, 0)).await.unwrap_err();
    assert_eq!(stopped.code(), Some(code::VIR_ERR_OPERATION_INVALID), "{stopped:?}");
    let run = soon(connection.create(&web, 0)).await.unwrap();
    assert!(run.id > 0, "{run:?}");
    told(&mut events, &web, 2).await;
    let info = soon(connection.info(&web)).await.unwrap();
    assert_eq!((info.state, info.max_memory_kib, info.vcpus), (1, 65536, 2));
    soon(connection.suspend(&web)).await.unwrap();
    told(&mut events, &web, 3).await;
    assert_eq!(state(&connection, &web).await, PAUSED);
    soon(connection.resume(&web)).await.unwrap();
    told(&mut events, &web, 4).await;
    assert_eq!(state(&connection, &web).await, RUNNING);

    settings(&connection, &web).await;
    snapshots(&connection, &web).await;

    let stats = soon(connection.stats(std::slice::from_ref(&web), 1, 0)).await.unwrap();
    let [(of, values)] = stats.as_slice() else { panic!("{stats:?}") };
    assert_eq!(of.name, "web");
    let state = values.iter().find(|(name, _)| name == "state.state");
    assert!(state.is_some_and(|(_, value)| value.as_u64().is_some()), "{values:?}");

    soon(connection.destroy(&web, 0)).await.unwrap();
    told(&mut events, &web, 5).await;
    soon(connection.undefine(&web, 2)).await.unwrap();
    told(&mut events, &web, 1).await;
    assert_eq!(soon(connection.domains()).await.unwrap().len(), 1);
    soon(connection.close()).await;
    assert_eq!(soon(events.next()).await, None);
}

/// A thousand calls at once, all answered with what they asked for.
#[tokio::test]
async fn many_calls_at_once() {
    let Some((_folder, libvirt)) = daemon() else { return };
    let connection = open(&libvirt, URI).await;
    let mut domains = Vec::new();
    for number in 0..20 {
        let xml = XML.replace("<name>web</name>", &format!("<name>web-{number}</name>"));
        domains.push(soon(connection.define(&xml, 0)).await.unwrap());
    }
    let mut calls = Vec::new();
    for round in 0..1000 {
        let (connection, domain) = (connection.clone(), domains[round % 20].clone());
        calls.push(tokio::spawn(async move {
            if round % 3 == 0 {
                (connection.lookup_uuid(&domain.uuid).await.unwrap().name, domain.name)
            } else {
                let xml = connection.xml(&domain, 0).await.unwrap();
                let name = xml.split("<name>").nth(1).and_then(|rest| rest.split('<').next());
                (name.unwrap().to_owned(), domain.name)
            }
        }));
    }
    for call in calls {
        let (got, asked) = soon(call).await.unwrap();
        assert_eq!(got, asked);
    }
}

async fn hosts(connection: &Connection) {
    assert!(soon(connection.version()).await.unwrap() > 0);
    assert!(soon(connection.lib_version()).await.unwrap() >= 1_000_000);
    assert!(!soon(connection.hostname()).await.unwrap().is_empty());
    assert!(soon(connection.capabilities()).await.unwrap().contains("<capabilities>"));
    let networks = soon(connection.networks()).await.unwrap();
    let [network] = networks.as_slice() else { panic!("{networks:?}") };
    assert_eq!(network.name, "default");
    assert!(soon(connection.network_is_active(network)).await.unwrap());
    assert!(soon(connection.network_xml(network)).await.unwrap().contains("<network"));
}

async fn settings(connection: &Connection, web: &Domain) {
    assert!(!soon(connection.get_autostart(web)).await.unwrap());
    soon(connection.set_autostart(web, true)).await.unwrap();
    assert!(soon(connection.get_autostart(web)).await.unwrap());

    let uri = Some("urn:test");
    let none = soon(connection.get_metadata(web, 2, uri, 0)).await.unwrap_err();
    assert_eq!(none.code(), Some(code::VIR_ERR_NO_DOMAIN_METADATA), "{none:?}");
    let mark = Some("<mark a='1'/>");
    soon(connection.set_metadata(web, 2, mark, Some("t"), uri, 3)).await.unwrap();
    let got = soon(connection.get_metadata(web, 2, uri, 2)).await.unwrap();
    assert_eq!(got, "<mark a=\"1\"/>");
    soon(connection.set_metadata(web, 0, Some("zwei\nDörfer"), None, None, 2)).await.unwrap();
    assert!(soon(connection.xml(web, 2)).await.unwrap().contains("<description>zwei\nDörfer"));

    let interfaces = soon(connection.interface_addresses(web, 0)).await.unwrap();
    assert_eq!(interfaces, []);
    assert!(!soon(connection.has_managed_save(web)).await.unwrap());
}

async fn snapshots(connection: &Connection, web: &Domain) {
    let none = soon(connection.snapshot_lookup(web, "first")).await.unwrap_err();
    assert_eq!(none.code(), Some(code::VIR_ERR_NO_DOMAIN_SNAPSHOT), "{none:?}");
    let xml = "<domainsnapshot><name>first</name></domainsnapshot>";
    let first = soon(connection.snapshot_create_xml(web, xml, 0)).await.unwrap();
    assert_eq!((first.name.as_str(), first.domain.uuid), ("first", web.uuid));
    assert_eq!(soon(connection.snapshots(web)).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(soon(connection.snapshot_lookup(web, "first")).await.unwrap(), first);
    assert!(soon(connection.snapshot_xml(&first)).await.unwrap().contains("<creationTime>"));
    soon(connection.suspend(web)).await.unwrap();
    soon(connection.snapshot_revert(&first, 0)).await.unwrap();
    assert_eq!(state(connection, web).await, RUNNING);
    soon(connection.snapshot_delete(&first, 0)).await.unwrap();
    assert_eq!(soon(connection.snapshots(web)).await.unwrap(), []);
}

async fn state(connection: &Connection, domain: &Domain) -> i32 {
    soon(connection.state(domain)).await.unwrap().0
}

/// Waits until this happened to the domain.
async fn told(events: &mut EventReceiver, domain: &Domain, expected: i32) {
    let mut seen = Vec::new();
    loop {
        let event = tokio::time::timeout(super::LIMIT, events.next()).await;
        let event = event.unwrap_or_else(|_| panic!("no event {expected} in {seen:?}"));
        let event = event.unwrap_or_else(|| panic!("closed, no event {expected} in {seen:?}"));
        if let Event::Lifecycle { domain: of, event, .. } = &event
            && (of.uuid, *event) == (domain.uuid, expected)
        {
            return;
        }
        seen.push(event);
    }
}
