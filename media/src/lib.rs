//! shoal-media
