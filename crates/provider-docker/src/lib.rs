//! Containers behind the provider contract.
