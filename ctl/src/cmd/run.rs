//! `tamerctl run`: the everyday batch.

use std::path::PathBuf;

use super::start::{self, Launch, last_batch};
use crate::Session;
use crate::api::BatchOrder;
use crate::contents::Digests;
use crate::errors::Failure;
use crate::spec::What;

/// What the long help ends with.
pub const EXAMPLES: &str = "\
Examples:
  tamerctl run -l role=web -- systemctl restart nginx
  tamerctl run -l role=web --canary 1 --waves 10% --max-failed 3 -- apt-get -y upgrade
  tamerctl run --push nginx.conf:/etc/nginx/ --mode 0644 -- nginx -t
  tamerctl run --script check.py --interpreter 'python3 -u' --parse json -- --fast
  tamerctl run --failed-of last -- true
  tamerctl run --fetch /var/log/syslog --to logs
  tamerctl run -i image=postgres -- pg_isready
  tamerctl run -f upgrade.toml --preview

Exit codes: 0 every target succeeded · 1 some target did not · 2 bad input · 3 the only ones that
did not succeed could not be reached (or: the coordinator cannot be reached, or it is not allowed)";

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    start: start::Args,
    /// Save fetched files as DIR/HOST/NAME [default: a folder named as the batch]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

/// Runs it.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { what, start, to } = args;
    let draft = what.draft()?;
    let digests = Digests::of(draft.files()).await?;
    let ready = draft.ready(&|path| digests.get(path))?;
    let mut api = session.api().await?;
    let spec = match ready.last {
        true => ready.with_last(last_batch(&mut api).await?),
        false => ready.spec,
    };
    let launch = Launch { order: BatchOrder::of(spec), digests, to };
    start::start(launch, start, api, session).await
}
