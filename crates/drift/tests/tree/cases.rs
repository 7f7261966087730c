//! How long campaigns are.

use proptest::prelude::ProptestConfig;

/// So many cases in an ordinary run; `cargo xtask soak` multiplies them. Mutation testing, which
/// runs everything hundreds of times, says itself how many.
pub fn cases(ordinary: u32) -> ProptestConfig {
    let told = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let factor = told("TAMER_SOAK").unwrap_or(1);
    ProptestConfig::with_cases(told("TAMER_CASES").unwrap_or(ordinary.saturating_mul(factor)))
}
