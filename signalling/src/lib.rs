//! shoal-signalling
