//! What changes mean: written fleets as transcripts to read, drawn ones for what must always hold.

mod hostile;
mod large;
mod moves;
mod noise;
mod origins;
mod properties;
mod room;
mod severities;
mod stage;
mod stories;
mod texts;
mod unseen;
