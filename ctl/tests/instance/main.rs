//! `tamerctl`: the real program against a coordinator that is played.

mod baselines;
mod batches;
mod contents;
mod drift;
mod exchange;
mod exec;
mod fix;
mod fleet;
mod lists;
mod noise;
mod past;
mod pictures;
mod play;
mod rewrite;
mod runs;
mod stage;
mod streams;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(target_os = "linux")]
mod view;
mod workloads;
