//! What changes mean: written fleets as transcripts to read, drawn ones for what must always hold.

mod large;
mod noise;
mod origins;
mod properties;
mod severities;
mod stage;
mod stories;
mod texts;
mod unseen;
