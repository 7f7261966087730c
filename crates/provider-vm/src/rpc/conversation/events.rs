use super::super::{Event, EventReceiver, code, procedure};
use super::*;

async fn listening() -> (EventReceiver, Connection, Daemon) {
    let (connection, mut daemon) = open().await;
    let talk = async {
        for (callback, event) in [(1, 0), (2, 1), (3, 18)] {
            let call = daemon.expect(procedure::CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY).await;
            let asked: (i32, Option<Domain>) = xdr::decode(&call.payload).unwrap();
            assert_eq!(asked, (event, None));
            if event == 18 {
                daemon.refuse(call.header, code::VIR_ERR_NO_SUPPORT, "not here").await;
            } else {
                daemon.reply(call.header, &callback).await;
            }
        }
    };
    let (events, ()) = soon(async { tokio::join!(connection.domain_events(), talk) }).await;
    (events.unwrap(), connection, daemon)
}

#[tokio::test(start_paused = true)]
async fn events_come_between_replies_to_every_listener() {
    let (mut first, connection, mut daemon) = listening().await;
    // Asked once: a second listener takes no call.
    let mut second = soon(connection.domain_events()).await.unwrap();
    let talk = async {
        let call = daemon.expect(procedure::CONNECT_GET_VERSION).await.header;
        let lifecycle = (1i32, domain(), 5i32, 1i32);
        daemon.tell(procedure::DOMAIN_EVENT_CALLBACK_LIFECYCLE, &lifecycle).await;
        daemon.tell(procedure::DOMAIN_EVENT_CALLBACK_REBOOT, &(2i32, domain())).await;
        // One that we did not ask for and do not know.
        daemon.tell(320, &(9i32, domain(), 0u64)).await;
        let agent = (3i32, domain(), 1i32, 2i32);
        daemon.tell(procedure::DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE, &agent).await;
        daemon.reply(call, &1u64).await;
    };
    let (version, ()) = soon(async { tokio::join!(connection.version(), talk) }).await;
    assert_eq!(version.unwrap(), 1);
    for events in [&mut first, &mut second] {
        let expected = [
            Event::Lifecycle { domain: domain(), event: 5, detail: 1 },
            Event::Reboot { domain: domain() },
            Event::Agent { domain: domain(), state: 1, reason: 2 },
        ];
        for event in expected {
            assert_eq!(soon(events.next()).await, Some(event));
        }
    }
    drop(daemon);
    assert_eq!(soon(first.next()).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_slow_listener_is_told_that_it_lost_some() {
    let (mut events, connection, mut daemon) = listening().await;
    for detail in 0..2000i32 {
        let lifecycle = (1i32, domain(), 2i32, detail);
        daemon.tell(procedure::DOMAIN_EVENT_CALLBACK_LIFECYCLE, &lifecycle).await;
    }
    let talk = async {
        let call = daemon.expect(procedure::CONNECT_GET_VERSION).await.header;
        daemon.reply(call, &1u64).await;
    };
    let (version, ()) = soon(async { tokio::join!(connection.version(), talk) }).await;
    assert_eq!(version.unwrap(), 1);
    assert_eq!(soon(events.next()).await, Some(Event::Lost));
    let mut last = None;
    for _ in 0..1024 {
        last = soon(events.next()).await;
    }
    let expected = Event::Lifecycle { domain: domain(), event: 2, detail: 1999 };
    assert_eq!(last, Some(expected));
}
