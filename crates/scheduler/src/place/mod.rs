//! Placing: which host takes a wanted copy.
