//! Virtual machines behind the provider contract.
