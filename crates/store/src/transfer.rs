//! The file a fleet moves in, from one store to another.
