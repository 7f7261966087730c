//! Every engine passes the same cases, and looks like a map under any sequence of commands.
#![expect(clippy::unwrap_used, reason = "a test may")]

mod stores;

use proptest::{collection::vec, prelude::*};
use stores::Stores;
use tamer_store::{
    EngineKind,
    conformance::{Command, replay, run},
};
use tokio::runtime::Runtime;

macro_rules! conforms {
    ($($name:ident: $engine:expr, $rounds:expr;)*) => {$(
        mod $name {
            #[test]
            fn passes_every_case() {
                super::cases($engine);
            }

            #[test]
            fn looks_like_a_map() {
                super::like_a_map($engine, $rounds);
            }
        }
    )*};
}

conforms! {
    memory: None, 128;
    sled: Some(super::EngineKind::Sled), 24;
    redb: Some(super::EngineKind::Redb), 24;
}

fn cases(engine: Option<EngineKind>) {
    if let Err(failures) = Runtime::new().unwrap().block_on(run(&Stores::new(engine))) {
        let all: Vec<_> = failures.iter().map(ToString::to_string).collect();
        panic!("{}", all.join("\n"));
    }
}

fn like_a_map(engine: Option<EngineKind>, rounds: u32) {
    let runtime = Runtime::new().unwrap();
    let config = ProptestConfig { cases: rounds, failure_persistence: None, ..Default::default() };
    proptest!(config, |(commands in vec(command(), 1..60))| {
        let stores = Stores::new(engine);
        runtime.block_on(replay(&stores, &commands))
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
    });
}

fn command() -> impl Strategy<Value = Command> {
    let size = prop_oneof![4 => 0_u16..64, 1 => 0_u16..40_000];
    prop_oneof![
        6 => vec((any::<u8>(), proptest::option::weighted(0.7, size)), 1..8).prop_map(Command::Write),
        3 => any::<u8>().prop_map(Command::PutIfAbsent),
        3 => any::<u8>().prop_map(Command::DeleteIfThere),
        3 => (any::<u8>(), 0_u8..3).prop_map(|(at, ago)| Command::PutIfModified(at, ago)),
        3 => (any::<u8>(), 1_u8..8).prop_map(|(at, limit)| Command::List(at, limit)),
        1 => Just(Command::Reopen),
    ]
}
