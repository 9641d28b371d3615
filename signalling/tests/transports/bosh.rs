use super::support::{Raw, config, inside, soon, start};
use signalling::Server;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

const HEAD: &str = "xmlns='http://jabber.org/protocol/httpbind'";

/// One POST on a connection of its own.
async fn post(server: &Server, body: &str) -> String {
    let address = server.addresses().http.unwrap();
    let mut raw = Raw::new(soon(TcpStream::connect(address)).await.unwrap());
    raw.send(&format!(
        "POST /http-bind?room=maths HTTP/1.1\r\nhost: x\r\ncontent-type: text/xml\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await;
    let answer = raw.rest().await;
    answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no HTTP answer: {answer}"))
        .1
        .to_owned()
}

struct Bosh<'a> {
    server: &'a Server,
    sid: String,
    rid: u64,
}

impl<'a> Bosh<'a> {
    async fn open(server: &'a Server) -> Self {
        let rid = 1_701_294_754;
        let answer = post(
            server,
            &format!(
                "<body {HEAD} content='text/xml; charset=utf-8' hold='1' rid='{rid}' to='meet.shoal' ver='1.6' wait='2' \
                 xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'/>"
            ),
        )
        .await;
        assert!(
            answer.contains("<mechanism>ANONYMOUS</mechanism>"),
            "{answer}"
        );
        assert!(
            answer.contains("xmpp:version='1.0'") && answer.contains("requests='2'"),
            "{answer}"
        );
        Self {
            server,
            sid: inside(&answer, "sid='", "'"),
            rid,
        }
    }

    fn body(&mut self, attributes: &str, content: &str) -> String {
        self.rid += 1;
        format!(
            "<body {HEAD} rid='{}' sid='{}' {attributes}>{content}</body>",
            self.rid, self.sid
        )
    }

    async fn send(&mut self, content: &str) -> String {
        let body = self.body("", content);
        post(self.server, &body).await
    }

    async fn bind(&mut self) -> String {
        let answer = self
            .send("<auth mechanism='ANONYMOUS' xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
            .await;
        assert!(answer.contains("<success"), "{answer}");
        let body = self.body(
            "to='meet.shoal' xmpp:restart='true' xmlns:xmpp='urn:xmpp:xbosh'",
            "",
        );
        let answer = post(self.server, &body).await;
        assert!(answer.contains("<bind "), "{answer}");
        let answer = self
            .send("<iq id='b' type='set' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
            .await;
        inside(&answer, "<jid>", "</jid>")
    }
}

#[tokio::test]
async fn a_guest_joins_over_bosh() {
    let server = start(config()).await;
    let mut ada = Bosh::open(&server).await;
    let jid = ada.bind().await;
    let answer = ada
        .send("<presence xmlns='jabber:client' to='maths@muc.meet.shoal/ada'><x xmlns='http://jabber.org/protocol/muc'/></presence>")
        .await;
    assert!(
        answer.contains("code='110'") && answer.contains(&format!("to='{jid}'")),
        "{answer}"
    );
    assert!(
        xmpp::stream::bosh::Body::parse(&answer, &xmpp::stream::Limits::SERVICE).is_ok(),
        "{answer}"
    );
    let body = ada.body("type='terminate'", "");
    let answer = post(&server, &body).await;
    assert!(answer.contains("type='terminate'"), "{answer}");
    let answer = ada.send("").await;
    assert!(answer.contains("item-not-found"), "{answer}");
}

#[tokio::test]
async fn a_request_waits_for_something_to_say_and_no_longer_than_asked() {
    let server = start(config()).await;
    let mut ada = Bosh::open(&server).await;
    ada.bind().await;
    let begin = Instant::now();
    let answer = ada.send("").await;
    assert!(
        begin.elapsed() >= Duration::from_millis(1_900),
        "{:?}",
        begin.elapsed()
    );
    assert!(
        !answer.contains("terminate") && !answer.contains("<iq"),
        "{answer}"
    );
    // One waits; the answer to what the next brings comes through the one that waits.
    let (empty, ping) = (
        ada.body("", ""),
        ada.body(
            "",
            "<iq xmlns='jabber:client' id='p' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
        ),
    );
    let waiting = post(&server, &empty);
    let asking = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        post(&server, &ping).await
    };
    let (first, _) = tokio::join!(waiting, asking);
    assert!(first.contains("id='p'"), "{first}");
}

#[tokio::test]
async fn requests_out_of_order_are_taken_in_order_and_lost_answers_come_again() {
    let server = start(config()).await;
    let mut ada = Bosh::open(&server).await;
    ada.bind().await;
    let ping = |id: &str| {
        format!("<iq xmlns='jabber:client' id='{id}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>")
    };
    let (one, two) = (ada.body("", &ping("one")), ada.body("", &ping("two")));
    let late = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        post(&server, &one).await
    };
    let (second, first) = tokio::join!(post(&server, &two), late);
    let both = format!("{first}{second}");
    assert!(both.find("id='one'") < both.find("id='two'"), "{both}");
    assert_eq!(post(&server, &one).await, first);
    let answer = post(
        &server,
        &one.replace(&format!("rid='{}'", ada.rid - 1), "rid='5'"),
    )
    .await;
    assert!(answer.contains("item-not-found"), "{answer}");
}

#[tokio::test]
async fn bad_bodies_end_only_themselves() {
    let server = start(config()).await;
    let mut ada = Bosh::open(&server).await;
    ada.bind().await;
    for body in [
        "",
        "<body",
        "hello",
        "<x/>",
        "<body xmlns='urn:else'/>",
        "<!DOCTYPE a []><body/>",
    ] {
        let answer = post(&server, body).await;
        assert!(
            answer.contains("condition='bad-request'"),
            "{body}: {answer}"
        );
    }
    let answer = post(&server, &format!("<body {HEAD} rid='1' sid='nobody'/>")).await;
    assert!(answer.contains("item-not-found"), "{answer}");
    let answer = ada
        .send("<iq xmlns='jabber:client' id='p' type='get'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    assert!(answer.contains("id='p'"), "{answer}");
}

#[tokio::test]
async fn a_request_id_beyond_the_greatest_opens_nothing() {
    let server = start(config()).await;
    for rid in ["18446744073709551615", "9007199254740992"] {
        let answer = post(
            &server,
            &format!("<body {HEAD} rid='{rid}' to='meet.shoal'/>"),
        )
        .await;
        assert!(
            answer.contains("condition='bad-request'"),
            "{rid}: {answer}"
        );
    }
    let last = (1_u64 << 53) - 1;
    let answer = post(
        &server,
        &format!("<body {HEAD} rid='{last}' to='meet.shoal' wait='1'/>"),
    )
    .await;
    let sid = inside(&answer, "sid='", "'");
    let beyond = format!("<body {HEAD} rid='{}' sid='{sid}'/>", last + 1);
    let answer = post(&server, &beyond).await;
    assert!(answer.contains("condition='bad-request'"), "{answer}");
}
