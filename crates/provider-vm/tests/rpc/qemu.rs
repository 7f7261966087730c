//! A real machine: its console, its guest agent, its stats, its saved memory, its shutdown.

use std::time::Instant;

use tamer_peers::guest::{BOOTED, CMDLINE, Guest};
use tamer_provider_vm::rpc::{Domain, Event, EventReceiver, RpcError, Stream, code};

use super::{LIMIT, daemon, open, soon};

#[tokio::test]
async fn a_machine_boots_talks_and_ends() {
    let Some((_folder, libvirt)) = daemon() else { return };
    let connection = open(&libvirt, "qemu:///system").await;
    assert!(soon(connection.version()).await.unwrap() > 0);
    let able = soon(connection.domain_capabilities(None, None, Some("q35"), Some("qemu"))).await;
    assert!(able.unwrap().contains("<domain>qemu</domain>"));
    let mut events = soon(connection.domain_events()).await.unwrap();

    let machine = soon(connection.define(&xml(), 1)).await.unwrap();
    let stopped = soon(connection.console(&machine, None, 0)).await.unwrap_err();
    assert_eq!(stopped.code(), Some(code::VIR_ERR_OPERATION_INVALID), "{stopped:?}");
    let machine = soon(connection.create(&machine, 1)).await.unwrap();
    // Paused when it starts, so that its console is heard from the first word on.
    let mut console = soon(connection.console(&machine, None, 0)).await.unwrap();
    let taken = soon(connection.console(&machine, None, 0)).await.unwrap_err();
    assert!(matches!(taken, RpcError::Remote { .. }), "{taken:?}");
    let early = soon(connection.agent_command(&machine, PING, 1)).await.unwrap_err();
    assert!(matches!(early, RpcError::Remote { .. }), "{early:?}");
    soon(connection.resume(&machine)).await.unwrap();
    heard(&mut console, BOOTED).await;
    agent_came(&mut events, &machine).await;

    soon(console.write(b"echo $((6*7))-answers\n")).await.unwrap();
    heard(&mut console, "42-answers").await;
    soon(console.abort()).await.unwrap();
    let mut console = soon(connection.console(&machine, None, 0)).await.unwrap();
    soon(console.write(b"echo again-$((1+1))\n")).await.unwrap();
    heard(&mut console, "again-2").await;

    let pong = soon(connection.agent_command(&machine, PING, 30)).await.unwrap();
    assert_eq!(pong.as_deref(), Some(r#"{"return":{}}"#));
    let wrong = r#"{"execute":"no-such-command"}"#;
    let refused = soon(connection.agent_command(&machine, wrong, 30)).await.unwrap_err();
    assert!(matches!(refused, RpcError::Remote { .. }), "{refused:?}");

    soon(console.write(b"ip link set lo up; echo up-$((1+1))\n")).await.unwrap();
    heard(&mut console, "up-2").await;
    let interfaces = soon(connection.interface_addresses(&machine, 1)).await.unwrap();
    let lo = interfaces.iter().find(|interface| interface.name == "lo");
    let address = lo.and_then(|lo| lo.addresses.iter().find(|address| address.family == 0));
    let address = address.map(|address| (address.address.as_str(), address.prefix));
    assert_eq!(address, Some(("127.0.0.1", 8)), "{interfaces:?}");

    let stats = soon(connection.stats(&[], 0, 0)).await.unwrap();
    let [(of, values)] = stats.as_slice() else { panic!("{stats:?}") };
    assert_eq!(of, &machine);
    let time = values.iter().find(|(name, _)| name == "cpu.time").map(|(_, value)| value);
    assert!(time.and_then(|value| value.as_u64()).is_some_and(|time| time > 0), "{values:?}");

    soon(connection.managed_save(&machine, 0)).await.unwrap();
    assert!(soon(connection.has_managed_save(&machine)).await.unwrap());
    // The end of the machine is the end of its console.
    while soon(console.read()).await.is_ok_and(|bytes| bytes.is_some()) {}
    let machine = soon(connection.create(&machine, 0)).await.unwrap();
    assert!(!soon(connection.has_managed_save(&machine)).await.unwrap());
    soon(connection.managed_save(&machine, 0)).await.unwrap();
    soon(connection.managed_save_remove(&machine)).await.unwrap();
    assert!(!soon(connection.has_managed_save(&machine)).await.unwrap());

    let machine = soon(connection.create(&machine, 1)).await.unwrap();
    let mut console = soon(connection.console(&machine, None, 0)).await.unwrap();
    soon(connection.resume(&machine)).await.unwrap();
    heard(&mut console, BOOTED).await;
    soon(console.write(b"reboot -f\n")).await.unwrap();
    told(&mut events, |event| matches!(event, Event::Reboot { domain } if domain == &machine))
        .await;
    heard(&mut console, BOOTED).await;
    agent_came(&mut events, &machine).await;

    soon(connection.shutdown(&machine, 2)).await.unwrap();
    let stopped = |event: &Event| matches!(event, Event::Lifecycle { event: 5, detail: 0, .. });
    told(&mut events, stopped).await;
    assert_eq!(soon(connection.state(&machine)).await.unwrap(), (5, 1));
    soon(connection.undefine(&machine, 0)).await.unwrap();
}

const PING: &str = r#"{"execute":"guest-ping"}"#;

fn xml() -> String {
    let Guest { kernel, initrd } = Guest::get().unwrap();
    let (kernel, initrd) = (kernel.display(), initrd.display());
    format!(
        "<domain type='qemu'><name>tiny</name><memory unit='MiB'>192</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='q35'>hvm</type><kernel>{kernel}</kernel>\
         <initrd>{initrd}</initrd><cmdline>{CMDLINE}</cmdline></os><cpu mode='maximum'/>\
         <devices><serial type='pty'/><console type='pty'/><channel type='unix'>\
         <target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices></domain>"
    )
}

/// Reads the console until this is on it.
async fn heard(console: &mut Stream, word: &str) {
    let mut all = String::new();
    let begun = Instant::now();
    while !all.contains(word) {
        let left = LIMIT.saturating_sub(begun.elapsed());
        match tokio::time::timeout(left, console.read()).await {
            Ok(Ok(Some(bytes))) => all.push_str(&String::from_utf8_lossy(&bytes)),
            other => panic!("no {word:?} on the console, {other:?} after {all:?}"),
        }
    }
}

async fn agent_came(events: &mut EventReceiver, machine: &Domain) {
    let came = |event: &Event| matches!(event, Event::Agent { domain, state: 1, .. } if domain.uuid == machine.uuid);
    told(events, came).await;
}

/// Waits for such an event.
async fn told(events: &mut EventReceiver, such: impl Fn(&Event) -> bool) {
    let mut seen = Vec::new();
    loop {
        match tokio::time::timeout(LIMIT, events.next()).await {
            Ok(Some(event)) if such(&event) => return,
            Ok(Some(event)) => seen.push(event),
            other => panic!("{other:?} after {seen:?}"),
        }
    }
}
