//! `tamerctl baseline set`.

use tamer_model::BaselineName;

use super::show::made;
use crate::Session;
use crate::api::SetBaseline;
use crate::cmd::pairs;
use crate::errors::Failure;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The snapshot: its id, or a name that the newest has [default: one that is taken now]
    snapshot: Option<String>,
    /// The baseline to set [default: the one named default]
    #[arg(long, value_name = "NAME")]
    name: Option<BaselineName>,
    /// Only for hosts that a selector means [default: all of the snapshot]
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,
    /// Why, for people
    #[arg(long, value_name = "TEXT", default_value_t)]
    note: String,
    /// Fail when the baseline is at another version than this one
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(u32).range(1..))]
    expected: Option<u32>,
}

/// Runs it. A lost answer is not asked for again: that might be a second version.
pub async fn run(args: Args, session: &Session) -> Result<(), Failure> {
    let Args { snapshot, name, selector, note, expected } = args;
    let set = SetBaseline {
        name: name.map(|name| name.to_string()).unwrap_or_default(),
        snapshot: snapshot.unwrap_or_default(),
        selector: pairs::selector(selector)?,
        note,
        expected,
    };
    let baseline = session.api().await?.set_baseline(set).await?;
    session.show(&baseline, |_| made(&baseline))
}
