//! A server to point any XMPP client at: `cargo run -p shoal-signalling --example serve -- CONFIG.json`.
//!
//! Without a file: guests and the account `focus` (password `focus`), rooms that anybody may open, ports 5280 and 5222 of
//! loopback.

use signalling::config::{Account, ListenConfig, RoomCreation};
use signalling::{Config, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = match std::env::args().nth(1) {
        Some(path) => serde_json::from_str(&std::fs::read_to_string(path)?)?,
        None => open_to_all(),
    };
    let server = Server::start(config).await?;
    tokio::signal::ctrl_c().await?;
    server.shutdown().await;
    Ok(())
}

fn open_to_all() -> Config {
    let mut config = Config {
        listen: ListenConfig {
            http: Some(([127, 0, 0, 1], 5280).into()),
            tcp: Some(([127, 0, 0, 1], 5222).into()),
            ..ListenConfig::default()
        },
        accounts: vec![Account {
            name: "focus".into(),
            password: Some("focus".into()),
            ..Account::default()
        }],
        ..Config::default()
    };
    config.rooms.creation = RoomCreation::Anyone;
    config.rooms.focus_lock = false;
    config
}
