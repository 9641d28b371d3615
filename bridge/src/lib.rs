//! shoal-bridge
