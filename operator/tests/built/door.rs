//! Front doors as processes, and shards that say who they are.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use operator::desired::Desired;

use crate::worlds::{find, secret_text};

pub(crate) fn haproxy() -> Command {
    assert!(
        Command::new("haproxy").arg("-v").output().is_ok(),
        "these tests run HAProxy: install it with `apt-get install haproxy` (`cargo xtask test` does it)"
    );
    Command::new("haproxy")
}

/// A pod's files, in a directory of its own.
pub(crate) struct Files(PathBuf);

impl Files {
    /// As the objects of a cluster have them.
    pub(crate) fn of(name: &str, objects: &[Desired]) -> Self {
        let config: ConfigMap = find(objects, "ConfigMap", "default-front-door");
        let public: Secret = find(objects, "Secret", "default-front-door-tls");
        let peers: Secret = find(objects, "Secret", "default-front-door-peers");
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&root);
        for folder in ["config", "tls", "peers"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        for (secret, key, file) in [
            (&public, "tls.crt", "tls/public.pem"),
            (&public, "tls.key", "tls/public.pem.key"),
            (&peers, "tls.crt", "peers/peer.pem"),
            (&peers, "tls.key", "peers/peer.pem.key"),
            (&peers, "ca.crt", "peers/ca.crt"),
        ] {
            fs::write(root.join(file), secret_text(secret, key)).unwrap();
        }
        let files = Self(root);
        files.configure(&config.data.unwrap());
        files
    }

    pub(crate) fn configure(&self, files: &std::collections::BTreeMap<String, String>) {
        for (name, text) in files {
            fs::write(self.0.join("config").join(name), text).unwrap();
        }
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.0.join("config/haproxy.cfg")
    }

    fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    fn master(&self) -> PathBuf {
        self.0.join("master.sock")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until it holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "within a minute: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A running front door.
pub(crate) struct Door {
    process: Child,
    pub files: Files,
}

impl Door {
    pub(crate) fn start(files: Files, replica: &str) -> Self {
        let process = haproxy()
            .args(["-W", "-db", "-S"])
            .arg(files.master())
            .args(["-L", replica, "-f"])
            .arg(files.configuration())
            .env("POD_NAME", replica)
            .stdout(fs::File::create(files.log()).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, files }
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.files.log()).unwrap()
    }

    /// What the master answers.
    fn master(&self, command: &str) -> String {
        let Ok(mut socket) = UnixStream::connect(self.files.master()) else {
            return String::new();
        };
        let mut answer = String::new();
        let _ = socket.write_all(format!("{command}\n").as_bytes());
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let _ = socket.read_to_string(&mut answer);
        answer
    }

    /// Whether it knows what its peers, or its predecessor, knew: both low bits of the section's flags.
    pub(crate) fn knows_rooms(&self) -> bool {
        let answer = self.master("@1 show peers");
        let flags = answer.split("flags=0x").nth(1).and_then(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
            u32::from_str_radix(&digits, 16).ok()
        });
        flags.is_some_and(|flags| flags & 3 == 3)
    }

    /// Whether the other replica speaks with it.
    pub(crate) fn is_beside_its_peer(&self) -> bool {
        self.master("@1 show peers").contains("last_status=ESTA")
    }

    fn worker(&self) -> Option<String> {
        let answer = self.master("show proc");
        let line = answer
            .lines()
            .find(|line| line.contains("worker") && !line.starts_with('#'))?;
        line.split_whitespace().next().map(str::to_owned)
    }

    /// Makes it read its files again, and waits for the new process.
    pub(crate) fn reload(&self) {
        let before = self.worker();
        self.master("reload");
        until("a new process serves", || {
            let now = self.worker();
            now.is_some() && now != before
        });
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A shard that answers with its name.
pub(crate) struct Shard {
    pub name: &'static str,
    pub port: u16,
    status: Arc<AtomicU16>,
}

impl Shard {
    pub(crate) fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let status = Arc::new(AtomicU16::new(200));
        let told = Arc::clone(&status);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let told = Arc::clone(&told);
                std::thread::spawn(move || serve(socket, name, &told));
            }
        });
        Self { name, port, status }
    }

    /// What it says to front doors; 0 closes every connection.
    pub(crate) fn say(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }
}

fn serve(socket: TcpStream, name: &str, status: &AtomicU16) -> Option<()> {
    let mut writer = socket.try_clone().ok()?;
    let mut reader = BufReader::new(socket);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_ascii_lowercase());
        }
        let status = status.load(Ordering::SeqCst);
        if status == 0 {
            return None;
        }
        if head.iter().any(|line| line == "upgrade: websocket") {
            // The answer to the key of RFC 6455 §1.3, which the test sends.
            let accept = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
            write!(writer, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n{accept}\r\n\r\n").ok()?;
            std::io::copy(&mut reader, &mut writer).ok()?;
            return None;
        }
        let answer = if head[0].contains("/about/front-door") {
            status
        } else {
            200
        };
        let told = |header: &str| {
            let values: Vec<&str> = head
                .iter()
                .filter_map(|line| line.strip_prefix(header)?.strip_prefix(": "))
                .collect();
            if values.is_empty() {
                "-".to_owned()
            } else {
                values.join(" and ")
            }
        };
        write!(
            writer,
            "HTTP/1.1 {answer} Status\r\nx-region: {}\r\nx-caller: {}\r\nx-target: {}\r\ncontent-length: {}\r\n\r\n{name}",
            told("x-proxy-region"),
            told("x-forwarded-for"),
            head[0].split(' ').nth(1)?,
            name.len()
        )
        .ok()?;
    }
}

/// Status, head and body of an answer; nothing when there is none.
pub(crate) fn get(port: u16, target: &str, headers: &str) -> Option<(u16, String, String)> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).ok()?;
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    write!(
        socket,
        "GET {target} HTTP/1.1\r\nhost: meet.example.org\r\nconnection: close\r\n{headers}\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, head.to_owned(), body.to_owned()))
}

/// The value of a header of an answer's head.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let value = head.lines().find_map(|line| line.strip_prefix(name))?;
    value.strip_prefix(": ")
}

/// An open WebSocket, as far as a proxy sees it.
pub(crate) fn websocket(port: u16, room: &str) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    write!(socket, "GET /xmpp-websocket?room={room} HTTP/1.1\r\nhost: meet.example.org\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    socket
}

/// What the other side sends back.
pub(crate) fn echo(socket: &mut TcpStream) -> bool {
    let mut back = [0; 4];
    socket.write_all(b"ping").is_ok() && socket.read_exact(&mut back).is_ok() && &back == b"ping"
}

/// A port that is free at the moment.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
