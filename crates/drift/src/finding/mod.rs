//! What changes mean: findings.
