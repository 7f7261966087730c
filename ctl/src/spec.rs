//! A batch as people ask for it, in flags and files. Pure: what is read here becomes a
//! `BatchSpec` and nothing is started.

pub mod rollout;
mod text;
pub mod words;
