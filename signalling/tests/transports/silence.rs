use super::support::{Service, config, start, until_get};
use std::time::{Duration, Instant};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A way to the server on which everything stops when the switch is turned: as when a machine loses its power, nobody
/// says that the connection is over.
async fn cable(port: u16) -> (u16, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().port();
    let (cut, mut is_cut) = watch::channel(false);
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => {}
            _ = is_cut.changed() => std::future::pending().await,
        }
    });
    (here, cut)
}

#[tokio::test]
async fn a_bridge_whose_machine_vanished_is_forgotten_within_seconds() {
    let server = start(config()).await;
    let port = server.addresses().tcp.unwrap().port();
    let _focus = Service::in_the_brewery(port, "focus").await;
    let (through, cut) = cable(port).await;
    let _bridge = Service::in_the_brewery(through, "jvb").await;
    until_get(&server, "/about/front-door", |status, _| status == 200).await;
    cut.send_replace(true);
    let since = Instant::now();
    until_get(&server, "/about/front-door", |status, _| status == 404).await;
    let after = since.elapsed();
    assert!(after < Duration::from_secs(6), "after {after:?}");
    // Whoever is only quiet is asked and stays: the focus says nothing of itself all the time.
    assert!(server_still_has_focus(&server).await);
}

async fn server_still_has_focus(server: &signalling::Server) -> bool {
    let (_, metrics) = super::support::get(server, "/metrics").await;
    metrics.contains("signalling_focus_connected 1")
}
