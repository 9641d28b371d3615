//! Names of objects. All are at most 63 letters long, for a resource's name has at most 40.

/// Secret of a cluster's internal authority.
#[must_use]
pub fn authority(cluster: &str) -> String {
    format!("{cluster}-ca")
}

/// Everything of a cluster's page.
#[must_use]
pub fn web(cluster: &str) -> String {
    format!("{cluster}-web")
}

/// Everything of a cluster's front door.
#[must_use]
pub fn front_door(cluster: &str) -> String {
    format!("{cluster}-front-door")
}

/// One replica of the front door, and the Service by which its peers reach it.
#[must_use]
pub fn front_door_replica(cluster: &str, ordinal: i32) -> String {
    format!("{cluster}-front-door-{ordinal}")
}

/// Secret with the certificate that browsers see.
#[must_use]
pub fn public_certificate(cluster: &str) -> String {
    format!("{cluster}-front-door-tls")
}

/// Secret that cert-manager writes when the spec names none.
#[must_use]
pub fn issued_certificate(cluster: &str) -> String {
    format!("{cluster}-tls")
}

/// Secret with which the proxies know each other.
#[must_use]
pub fn peers(cluster: &str) -> String {
    format!("{cluster}-front-door-peers")
}

/// Secret under which pages keep what their room was.
#[must_use]
pub fn memory(cluster: &str) -> String {
    format!("{cluster}-room-memory")
}

/// Everything of a shard's signalling server.
#[must_use]
pub fn signalling(shard: &str) -> String {
    format!("{shard}-signalling")
}

/// Secret with the certificate of a shard's signalling server.
#[must_use]
pub fn signalling_certificate(shard: &str) -> String {
    format!("{shard}-signalling-tls")
}

/// Everything of a shard's focus.
#[must_use]
pub fn focus(shard: &str) -> String {
    format!("{shard}-focus")
}

/// ConfigMap of a shard.
#[must_use]
pub fn shard_config(shard: &str) -> String {
    format!("{shard}-shard")
}

/// Secret with the passwords of a shard's accounts.
#[must_use]
pub fn accounts(shard: &str) -> String {
    format!("{shard}-accounts")
}

/// Everything of a pool's bridges.
#[must_use]
pub fn bridge(pool: &str) -> String {
    format!("{pool}-bridge")
}

/// One bridge, and its Service where it has one.
#[must_use]
pub fn bridge_pod(pool: &str, ordinal: i32) -> String {
    format!("{pool}-bridge-{ordinal}")
}

/// Secret with what a pool's bridges need to know of shards.
#[must_use]
pub fn shards(pool: &str) -> String {
    format!("{pool}-shards")
}

/// Secret with what the operator shows to a pool's bridges when it gives them orders.
#[must_use]
pub fn orders(pool: &str) -> String {
    format!("{pool}-orders")
}

/// ConfigMap with the addresses of a pool's bridges.
#[must_use]
pub fn addresses(pool: &str) -> String {
    format!("{pool}-addresses")
}
