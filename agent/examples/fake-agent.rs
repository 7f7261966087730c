//! The agent with one more provider, `fake`: a technology in memory whose instances are as many as
//! `TAMER_FAKE_INSTANCES` says. For tests and benchmarks of a whole fleet; the program of the product
//! does not hold it. Arguments and configuration are the agent's own.

use std::process::ExitCode;
use std::sync::Arc;

use tamer_provider::fake::Fake;

fn main() -> ExitCode {
    tamer_certs::install_crypto();
    let count = std::env::var("TAMER_FAKE_INSTANCES").ok();
    let count = count.and_then(|text| text.parse().ok()).unwrap_or(0);
    let fake = Fake::new("fake".parse().expect("a short word is a name"));
    fake.populate(count);
    tamer_agent::cli::main(vec![Arc::new(fake)])
}
