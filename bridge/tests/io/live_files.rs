//! Files that change while the bridge runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::meeting::{Meeting, config};

/// Long enough for a look at the files, and for a connection to be closed with a farewell.
const SOON: Duration = Duration::from_secs(10);

/// A folder of files that is removed with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("shoal-bridge-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Changes a file as Kubernetes does: at once.
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        let new = self.path("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, &path).unwrap();
        path
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, waiting)
        .await
        .unwrap_or_else(|_| panic!("this does not happen: {what}"));
}

/// The addresses told to a new endpoint.
async fn told(meeting: &Meeting, endpoint: &str, first: bool) -> Vec<String> {
    let answer = meeting.create(endpoint, first).await;
    let candidates = answer["transport"]["transport"]["candidates"]
        .as_array()
        .unwrap()
        .clone();
    candidates
        .iter()
        .map(|candidate| {
            format!(
                "{}:{}",
                candidate["ip"].as_str().unwrap(),
                candidate["port"]
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_waited_for_and_a_change_is_told_to_those_who_come_then() {
    let folder = Folder::new("addresses");
    let mut config = config();
    config.advertised_addresses_file = Some(folder.path("node"));
    config.advertised_port_file = Some(folder.write("port", "# none yet\n"));
    let meeting = Meeting::start(config).await;
    let unhealthy = async |said: &'static str| {
        until(said, async || {
            let (status, text) = meeting.get("/about/health").await;
            status == 500 && text.contains("waiting for") && text.contains(said)
        })
        .await;
    };
    let healthy = async || meeting.get("/about/health").await.0 == 200;
    unhealthy("it is not there").await;
    folder.write("node", "192.0.2.7\n");
    unhealthy("names no port yet").await;
    folder.write("port", "31000\n");
    until("healthy", healthy).await;
    assert_eq!(told(&meeting, "a", true).await, ["192.0.2.7:31000"]);

    folder.write("node", "203.0.113.9\n2001:db8::9\n");
    let mut id = 0;
    loop {
        id += 1;
        let told = told(&meeting, &format!("b{id}"), false).await;
        if told == ["203.0.113.9:31000", "2001:db8::9:31000"] {
            break;
        }
        assert_eq!(told, ["192.0.2.7:31000"]);
        assert!(id < 500, "the change is not taken up");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    // What is told stays when the file breaks, and so does the bridge's health.
    folder.write("node", "not an address\n");
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    assert!(healthy().await);
    assert_eq!(told(&meeting, "c", false).await.len(), 2);
    meeting.bridge.shutdown().await;
}

/// A place that a shard's connection is made to.
struct Place(TcpListener);

impl Place {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn shard(&self, name: &str, password_file: &Path) -> String {
        format!(
            "[[shards]]\nname = \"{name}\"\naddress = \"{}\"\ntls = \"plain\"\npassword_file = \"{}\"\n",
            self.0.local_addr().unwrap(),
            password_file.display()
        )
    }

    async fn visited(&self) -> TcpStream {
        timeout(SOON, self.0.accept())
            .await
            .expect("no connection comes")
            .unwrap()
            .0
    }

    async fn is_left_alone(&self) -> bool {
        timeout(Duration::from_millis(2_200), self.0.accept())
            .await
            .is_err()
    }
}

async fn ends(mut connection: TcpStream) {
    let mut rest = Vec::new();
    timeout(SOON, connection.read_to_end(&mut rest))
        .await
        .expect("the connection stays")
        .unwrap();
}

async fn stays(connection: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(
        Duration::from_millis(200),
        connection.read_to_end(&mut rest),
    )
    .await
    .is_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_are_served_left_and_moved_as_the_file_says() {
    let folder = Folder::new("shards");
    let password = folder.write("password", "secret\n");
    let (a, b, elsewhere) = (Place::new().await, Place::new().await, Place::new().await);
    let mut config = config();
    config.shards_file = Some(folder.path("shards.toml"));
    let meeting = Meeting::start(config).await;

    folder.write("shards.toml", &a.shard("a", &password));
    let mut to_a = a.visited().await;
    folder.write(
        "shards.toml",
        &format!("{}{}", a.shard("a", &password), b.shard("b", &password)),
    );
    let mut to_b = b.visited().await;
    assert!(stays(&mut to_a).await);

    // A mistake changes nothing.
    folder.write(
        "shards.toml",
        "[[shards]]\nname = \"a\"\nadress = \"x:1\"\n",
    );
    assert!(a.is_left_alone().await);
    assert!(stays(&mut to_a).await && stays(&mut to_b).await);

    folder.write(
        "shards.toml",
        &format!(
            "{}{}",
            elsewhere.shard("a", &password),
            b.shard("b", &password)
        ),
    );
    let to_elsewhere = elsewhere.visited().await;
    ends(to_a).await;
    assert!(stays(&mut to_b).await);

    folder.write("shards.toml", &elsewhere.shard("a", &password));
    ends(to_b).await;
    folder.write("shards.toml", "");
    ends(to_elsewhere).await;
    meeting.bridge.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_shard_is_met_before_clients_could_reach_the_bridge() {
    let folder = Folder::new("early");
    let password = folder.write("password", "secret\n");
    let place = Place::new().await;
    let mut config = config();
    config.advertised_addresses_file = Some(folder.path("node"));
    config.shards_file = Some(folder.write("shards.toml", &place.shard("a", &password)));
    let meeting = Meeting::start(config).await;
    assert!(place.is_left_alone().await);
    folder.write("node", "192.0.2.7\n");
    place.visited().await;
    meeting.bridge.shutdown().await;
}
