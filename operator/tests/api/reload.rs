//! The side container of a front door, beside a real HAProxy.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use operator::io::front_door::{FrontDoor, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn configuration(port: u16, answer: &str) -> String {
    format!(
        "defaults\n  mode http\n  timeout client 30s\n  timeout server 30s\n  timeout connect 1s\n\
         frontend door\n  bind 127.0.0.1:{port}\n  http-request return status 200 content-type text/plain string {answer}\n"
    )
}

async fn get(port: u16, path: &str) -> Option<String> {
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some(body.to_owned())
    };
    tokio::time::timeout(Duration::from_secs(2), exchange)
        .await
        .ok()?
}

/// Waits until an answer has a text.
async fn until(port: u16, path: &str, wanted: &str) {
    let wait = async {
        while !get(port, path)
            .await
            .is_some_and(|answer| answer.contains(wanted))
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
    assert!(
        waited.is_ok(),
        "{wanted:?} at {path}: {:?}",
        get(port, path).await
    );
}

struct Door {
    haproxy: Child,
    folder: PathBuf,
    port: u16,
}

impl Door {
    fn start() -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("reload-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("config")).unwrap();
        let port = free_port();
        std::fs::write(
            folder.join("config/haproxy.cfg"),
            configuration(port, "first"),
        )
        .unwrap();
        let haproxy = Command::new("haproxy")
            .args(["-W", "-db", "-S"])
            .arg(format!("{},mode,600", folder.join("master.sock").display()))
            .arg("-f")
            .arg(folder.join("config/haproxy.cfg"))
            .kill_on_drop(true)
            .spawn()
            .expect("this test runs HAProxy: install it with `apt-get install haproxy` (`cargo xtask test` does it)");
        Self {
            haproxy,
            folder,
            port,
        }
    }

    fn configure(&self, text: &str) {
        std::fs::write(self.folder.join("config/haproxy.cfg"), text).unwrap();
    }
}

#[tokio::test]
async fn a_new_configuration_is_taken_and_a_bad_one_leaves_the_old_one_serving() {
    let mut door = Door::start();
    let listen = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let stop = CancellationToken::new();
    let front_door = FrontDoor {
        config_dirs: vec![door.folder.join("config")],
        master: door.folder.join("master.sock"),
        listen,
    };
    let side = tokio::spawn(run(front_door, stop.clone()));
    until(
        listen.port(),
        "/metrics",
        "front_door_configuration_current 1",
    )
    .await;
    until(door.port, "/", "first").await;
    // A connection from before stays usable through every reload.
    let mut open = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
    open.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();

    door.configure(&configuration(door.port, "second"));
    until(door.port, "/", "second").await;

    door.configure("no such keyword\n");
    until(
        listen.port(),
        "/metrics",
        "front_door_reloads_refused_total 1",
    )
    .await;
    until(
        listen.port(),
        "/metrics",
        "front_door_configuration_current 0",
    )
    .await;
    until(door.port, "/", "second").await;

    door.configure(&configuration(door.port, "third"));
    until(door.port, "/", "third").await;
    until(
        listen.port(),
        "/metrics",
        "front_door_configuration_current 1",
    )
    .await;

    open.write_all(b"Host: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("first"), "{answer}");

    assert_eq!(
        get(listen.port(), "/about/health").await.as_deref(),
        Some("OK")
    );
    stop.cancel();
    side.await.unwrap().unwrap();
    door.haproxy.kill().await.unwrap();
    let _ = std::fs::remove_dir_all(&door.folder);
}
