//! Batches, end to end: real processes, and tamerctl alone. Every sentence of what a batch promises
//! has a part of a story here.
//!
//! | what is promised | where it is shown |
//! | --- | --- |
//! | targets by selector over facts and labels, explicit lists | `targets::chosen` |
//! | targets by what hosts run (`--having`), and instances | `instances/batches.rs`, with real engines |
//! | targets by an earlier batch's outcome | `targets::of_an_earlier_batch` |
//! | a sample with a seed | `targets::a_sample` |
//! | frozen at start | `targets::frozen` |
//! | previewed with counts | `targets::previewed`, `offline::previewed` |
//! | asked for above a set share of the fleet | `targets::asked_for` |
//! | flags and TOML and YAML with the same fields | `targets::from_files` |
//! | command, with user, environment, folder | `actions::command` |
//! | script with digest, arguments, interpreter | `actions::script` |
//! | push with digest, mode, progress | `actions::push` |
//! | push goes on after its agent was killed | `actions::push_goes_on` |
//! | pull of files, limited, verified | `actions::fetch`, `bad_files::changed_there` |
//! | instance operations, exec in instances | `instances/batches.rs` |
//! | a sequence stops at what fails | `actions::sequence` |
//! | canary, waves of counts, shares, doubled | `rollout::waves` |
//! | at most so many in flight | `rollout::in_flight` |
//! | pauses for a time, or until a person resumes | `rollout::pauses` |
//! | budget of failures; stop, pause, undo | `trips` |
//! | budget of unreachable targets | `offline::budget` |
//! | success threshold | `trips::threshold` |
//! | order, jitter, rate | `rollout::order`, `rollout::pace` |
//! | timeout, deadline | `ends::deadline`, `ends::seven` |
//! | retries with backoff on chosen ends | `ends::retries` |
//! | offline: skip, wait, require | `offline` |
//! | leases that several batches share | `rollout::leases` |
//! | each of the seven ends | `ends::seven`, `ends::interrupted` |
//! | an interrupted task is tried again only when that is said | `ends::interrupted` |
//! | detached; goes on without the terminal; after `kill -9` | `owned` (and `kills.rs`) |
//! | watched by many; paused, resumed, cancelled by others | `owned` |
//! | TERM, then KILL | `owned::cancelled` |
//! | retried for chosen ends | `owned::retried` |
//! | the view on a terminal and its keys | `owned::keys` (and `ctl/tests/instance/view.rs`) |
//! | output kept to a limit, head and tail, what was cut | `output::cut` |
//! | output by offset while it runs; all of it live | `output::by_offset`, `output::whole` |
//! | output removed by retention | `output::removed` |
//! | exit code, signal, times, CPU, memory, data in columns | `output::results`, `output::data` |
//! | exit codes | `output::exit_codes`, `offline` |
//! | scheduled, with zone, window, overlap, jitter | `schedules` (and `schedules.rs`) |
//! | what bad input gets | `bad_input`, `bad_files` |
//! | every command of `docs/batches.md` | `guide` |
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "figures for whoever reads the log of a run")]

mod actions;
mod bad_files;
mod bad_input;
mod ends;
mod guide;
mod offline;
mod output;
mod owned;
mod rollout;
mod scene;
mod schedules;
mod targets;
mod told;
mod trips;
