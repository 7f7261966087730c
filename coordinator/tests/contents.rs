//! Files and output on their way through a real coordinator, with the test in the place of agents
//! and people.

mod support;

#[path = "contents/files.rs"]
mod files;
#[path = "contents/outputs.rs"]
mod outputs;
#[path = "contents/played.rs"]
mod played;
#[path = "contents/retained.rs"]
mod retained;
