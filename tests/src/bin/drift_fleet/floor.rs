//! The floor of a look where nothing differs: as many digests as there are hosts, compared.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use tamer_drift::{Digest, Domain};
use tamer_tests::bench::median;

const RUNS: u32 = 100;

/// What was measured.
pub struct Floor {
    /// Comparing them, found by host in two maps.
    pub compare: Duration,
    /// Hashing them, as one who believed no stored digest would have to.
    pub hash: Duration,
}

/// Measures it over so many hosts.
pub fn measure(hosts: usize) -> Floor {
    let digest = |number: usize| Digest::of(Domain::HOST, &number.to_le_bytes());
    let known: BTreeMap<usize, Digest> = (0..hosts).map(|host| (host, digest(host))).collect();
    let told = known.clone();
    let compare = timed(|| {
        let same = known.iter().filter(|(host, root)| told.get(host) == Some(*root)).count();
        black_box(same);
    });
    let hash = timed(|| {
        for root in known.values() {
            black_box(Digest::of(Domain::HOST, black_box(root).as_bytes()));
        }
    });
    Floor { compare, hash }
}

fn timed(work: impl Fn()) -> Duration {
    let run = |_| {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64()
    };
    Duration::from_secs_f64(median((0..RUNS).map(run).collect()))
}
