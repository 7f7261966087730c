//! Inventories with agents that tests play, on a store in memory and files in a folder.

mod after;
mod exchange;
mod keeping;
mod meaning;
mod ours;
mod stage;
mod telling;
mod unread;
