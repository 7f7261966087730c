//! What the processes in the namespaces do. Each is an ignored test, so that this program can run
//! it by name, and ends when its standard input does.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mdns_sd::{ServiceDaemon, ServiceInfo};
use tamer_discovery::{
    Advertisement, Advertiser, Browser, Found, Interfaces, MAX_CANDIDATES, SERVICE_TYPE, Txt,
    Wanted, find,
};
use tamer_model::{CoordinatorId, Fingerprint, FleetId};
use tokio::sync::watch;

const CA: Fingerprint = Fingerprint::from_bytes([7; 32]);

fn txt(ca: Fingerprint) -> Txt {
    Txt {
        fleet: FleetId::from_bytes([1; 10]),
        ca,
        coordinator: CoordinatorId::from_bytes([2; 10]),
        wire_version: 1,
        program_version: Some("0.1.0".to_owned()),
    }
}

fn wanted() -> Wanted {
    Wanted { fleet: None, ca: Some(CA) }
}

fn announce() -> Advertiser {
    let advertisement = Advertisement { txt: txt(CA), port: 8443, interfaces: Interfaces::All };
    Advertiser::start(advertisement).expect("mDNS starts")
}

fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").expect("stdout is open");
}

async fn end_of_input() {
    let read = || std::io::stdin().read_to_end(&mut Vec::new()).expect("stdin ends");
    tokio::task::spawn_blocking(read).await.expect("it does not panic");
}

fn at(found: &Found, ip: &str) -> bool {
    let ip: IpAddr = ip.parse().expect("an address");
    found.addresses.contains(&SocketAddr::new(ip, 8443))
}

async fn until(list: &mut watch::Receiver<Arc<[Found]>>, what: impl Fn(&[Found]) -> bool) {
    list.wait_for(|list| what(list)).await.expect("the search goes on");
}

#[tokio::test]
#[ignore = "a role in a namespace"]
async fn advertise() {
    let advertiser = announce();
    say("announced");
    end_of_input().await;
    advertiser.stop().await;
}

#[tokio::test]
#[ignore = "a role in a namespace"]
async fn follow() {
    let browser = Browser::start(Interfaces::All, wanted()).expect("mDNS starts");
    let mut list = browser.watch();
    let scoped = |found: &Found| {
        found.addresses.iter().any(|address| match address {
            SocketAddr::V6(v6) => v6.ip().is_unicast_link_local() && v6.scope_id() != 0,
            SocketAddr::V4(_) => false,
        })
    };
    until(&mut list, |list| list.iter().any(|f| at(f, "10.77.0.1") && scoped(f))).await;
    let found = browser.found()[0].clone();
    assert_eq!((found.coordinator, found.fleet), (txt(CA).coordinator, txt(CA).fleet));
    assert_eq!(found.program_version.as_deref(), Some("0.1.0"));
    say("found 10.77.0.1 and a scoped fe80");
    browser.refresh();
    until(&mut list, |list| list.iter().any(|found| at(found, "10.77.0.9"))).await;
    say("found 10.77.0.9 as well");
    until(&mut list, <[Found]>::is_empty).await;
    say("nobody is left");
    browser.stop().await;
    for _ in 0..100 {
        if threads().iter().all(|name| !name.starts_with("mDNS")) {
            return say("no thread is left");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("threads: {:?}", threads());
}

fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("tasks").flatten();
    tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok()).collect()
}

/// More instances than a table holds, all of them well formed and of another CA.
#[tokio::test]
#[ignore = "a role in a namespace"]
async fn flood() {
    let daemon = ServiceDaemon::new().expect("mDNS starts");
    for n in 0..3000u16 {
        let pairs = txt(Fingerprint::from_bytes([9; 32])).to_pairs();
        let name = format!("rogue-{n}");
        let service = ServiceInfo::new(SERVICE_TYPE, &name, "rogue.local.", "", 1, &pairs[..]);
        let mut service = service.expect("a service").enable_addr_auto();
        service.set_requires_probe(false);
        while daemon.register(service.clone()).is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    say("flooding");
    end_of_input().await;
}

#[tokio::test]
#[ignore = "a role in a namespace"]
async fn find_in_the_flood() {
    let browser = Browser::start(Interfaces::All, wanted()).expect("mDNS starts");
    let mut list = browser.watch();
    let many = |list: &[Found]| {
        say(&format!("{} candidates, first {:?}", list.len(), list.first().map(|f| f.ca)));
        list.len() > 100 && list[0].ca == CA
    };
    until(&mut list, many).await;
    // The flood goes on; the coordinator stays.
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let found = browser.found();
        assert!(found.len() <= MAX_CANDIDATES, "{}", found.len());
        assert_eq!(found[0].ca, CA);
    }
    say("the coordinator comes first of a bounded list");
}

#[tokio::test]
#[ignore = "a role in a namespace"]
async fn find_oneself() {
    let advertiser = announce();
    let found = find(Interfaces::All, wanted(), Duration::from_secs(10)).await.expect("a search");
    assert!(at(&found[0], "127.0.0.1"), "{found:?}");
    say("found oneself");
    advertiser.stop().await;
}

#[tokio::test]
#[ignore = "a role in a namespace"]
async fn find_by_interface() {
    let on = |name: &str| Interfaces::Named(vec![name.to_owned()]);
    let elsewhere = find(on("lo"), wanted(), Duration::from_secs(3)).await.expect("a search");
    assert_eq!(elsewhere, []);
    let found = find(on("right"), wanted(), Duration::from_secs(10)).await.expect("a search");
    assert!(at(&found[0], "10.77.0.1"), "{found:?}");
    say("found only where it was looked for");
}
