//! With OpenSSL's command line, which is a stack of others' with certificates of all kinds.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;

/// The arguments of `openssl req` that make a key.
const KINDS: [&[&str]; 5] = [
    &["-newkey", "rsa:2048"],
    &["-newkey", "rsa:4096"],
    &["-newkey", "rsa:2048", "-sha1"],
    &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
];

struct Openssl {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Drop for Openssl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Openssl {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new("openssl")
            .current_dir(folder)
            .args(arguments)
            .args(["-dtls1_2", "-cert", "certificate.pem", "-key", "key.pem"])
            .args(["-use_srtp", "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl's command line is needed for this test");
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self, wanted: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if line.contains(wanted) {
                return line;
            }
            line.clear();
        }
        panic!("openssl ended without a word of {wanted:?}");
    }

    fn say(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
    }
}

/// Makes a certificate and its key; gives its fingerprint.
fn make_certificate(folder: &Path, kind: &[&str]) -> Fingerprint {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args(["req", "-x509", "-nodes", "-subj", "/CN=peer", "-days", "9"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .args(kind)
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let der = Command::new("openssl")
        .current_dir(folder)
        .args(["x509", "-in", "certificate.pem", "-outform", "DER"])
        .output();
    Fingerprint::of("sha-256", &der.unwrap().stdout).unwrap()
}

/// Runs our side on a socket until it is connected and has heard a line.
fn meet(
    ours: &mut Dtls,
    socket: &UdpSocket,
    mut peer: Option<SocketAddr>,
    openssl: &mut Openssl,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut buf = [0; 2048];
    let mut said = false;
    let end = Instant::now() + Duration::from_secs(20);
    socket
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    while outcome.data.is_empty() && outcome.failed.is_none() && Instant::now() < end {
        ours.handle_timeout(Instant::now());
        while let (Some(to), Some(packet)) = (peer, ours.poll_transmit()) {
            socket.send_to(&packet, to).unwrap();
        }
        if let Ok((len, from)) = socket.recv_from(&mut buf) {
            peer = Some(from);
            let _ = ours.handle_packet(&buf[..len], Instant::now());
        }
        outcome.gather(ours);
        if outcome.connected.is_some() && !said {
            said = true;
            ours.send(b"a line of ours\n");
            openssl.say("a line of theirs");
        }
    }
    while let (Some(to), Some(packet)) = (peer, ours.poll_transmit()) {
        socket.send_to(&packet, to).unwrap();
    }
    outcome
}

fn folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("shoal-dtls-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn heard_each_other(outcome: &Outcome, openssl: &mut Openssl, kind: &[&str]) {
    assert_eq!(outcome.failed, None, "{kind:?}");
    let (profile, _) = outcome.connected.as_ref().unwrap();
    assert_eq!(*profile, SrtpProfile::AeadAes128Gcm);
    assert_eq!(outcome.data, [b"a line of theirs\n"]);
    openssl.line("a line of ours");
}

#[test]
fn certificates_of_openssl_of_all_kinds_are_taken_of_a_client() {
    let folder = folder("client");
    for kind in KINDS {
        let fingerprint = make_certificate(&folder, kind);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let mut openssl = Openssl::start(&folder, &["s_client", "-connect", &address]);
        let mut ours = Dtls::new(&CERTIFICATES[1], Side::Server, vec![fingerprint]);
        let outcome = meet(&mut ours, &socket, None, &mut openssl);
        heard_each_other(&outcome, &mut openssl, kind);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn certificates_of_openssl_of_all_kinds_are_taken_of_a_server() {
    let folder = folder("server");
    for kind in KINDS {
        let fingerprint = make_certificate(&folder, kind);
        let arguments = ["s_server", "-accept", "127.0.0.1:0", "-Verify", "1"];
        let mut openssl = Openssl::start(&folder, &arguments);
        let accept = openssl.line("ACCEPT");
        let address = accept.trim().rsplit(' ').next().unwrap().parse().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut ours = Dtls::new(&CERTIFICATES[0], Side::Client, vec![fingerprint]);
        let outcome = meet(&mut ours, &socket, Some(address), &mut openssl);
        heard_each_other(&outcome, &mut openssl, kind);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn an_rsa_key_of_1024_bits_is_refused_with_the_reason() {
    let folder = folder("short");
    let fingerprint = make_certificate(&folder, &["-newkey", "rsa:1024"]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let weak = [
        "s_client",
        "-cipher",
        "ALL:@SECLEVEL=0",
        "-connect",
        &address,
    ];
    let mut openssl = Openssl::start(&folder, &weak);
    let mut ours = Dtls::new(&CERTIFICATES[1], Side::Server, vec![fingerprint]);
    let outcome = meet(&mut ours, &socket, None, &mut openssl);
    assert!(outcome.failed.unwrap().contains("RSA of 2,048"));
    std::fs::remove_dir_all(&folder).unwrap();
}

/// RFC 5746 §3.4: `renegotiation_info` in a hello, empty in a first handshake.
const RENEGOTIATION_INFO: [u8; 5] = [0xff, 0x01, 0x00, 0x01, 0x00];

/// A stock Videobridge (Bouncy Castle) refuses a client that says nothing, and so does OpenSSL when
/// it is a client of a server that says nothing.
#[test]
fn both_hellos_say_that_there_is_no_renegotiation() {
    let now = Instant::now();
    let mut sides = pair();
    sides[0].handle_timeout(now);
    let hello = sides[0].poll_transmit().unwrap();
    sides[1].handle_packet(&hello, now).unwrap();
    let answer = sides[1].poll_transmit().unwrap();
    for datagram in [&hello, &answer] {
        let first = messages(datagram).next().unwrap();
        assert!(first.windows(5).any(|bytes| bytes == RENEGOTIATION_INFO));
    }
}
