//! shoal-focus
