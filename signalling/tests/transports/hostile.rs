use super::support::{Raw, Web, config, start, tcp};

const OPEN: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='meet.shoal' version='1.0'>";

#[tokio::test]
async fn hostile_streams_get_the_error_that_the_standard_names_and_nobody_else_notices() {
    let server = start(config()).await;
    let mut bystander = Web::open(&server, "/xmpp-websocket").await;
    bystander.bind().await;
    let deep = format!("{OPEN}{}", "<a>".repeat(1_000));
    let long = format!("{OPEN}<message><body>{}", "a".repeat(20_000));
    let attributes: String = (0..1_000).map(|number| format!(" a{number}='x'")).collect();
    let wide = format!("{OPEN}<message{attributes}/>");
    for (input, condition) in [
        ("GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]>", "restricted-xml"),
        ("<?xml version='1.0'?><!-- x --><a/>", "restricted-xml"),
        (
            "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='else.where' version='1.0'>",
            "host-unknown",
        ),
        (
            "<stream:stream xmlns='jabber:client' xmlns:stream='urn:wrong' to='meet.shoal' version='1.0'>",
            "invalid-namespace",
        ),
        (&format!("{OPEN}<message to='a@b'/>"), "not-authorized"),
        (&format!("{OPEN}<a></b>"), "not-well-formed"),
        (&format!("{OPEN}<a>&lol;</a>"), "restricted-xml"),
        (&format!("{OPEN}<x:a/>"), "bad-namespace-prefix"),
        (&format!("{OPEN}text"), "bad-format"),
        (deep.as_str(), "policy-violation"),
        (long.as_str(), "policy-violation"),
        (wide.as_str(), "policy-violation"),
    ] {
        let mut raw = tcp(&server).await;
        raw.send(input).await;
        let answer = raw.rest().await;
        assert!(
            answer.contains(&format!("<{condition} ")),
            "{}: {answer}",
            &input[..input.len().min(80)]
        );
        assert!(
            answer.contains("<stream:stream ") && answer.ends_with("</stream:stream>"),
            "{answer}"
        );
    }
    let mut raw = tcp(&server).await;
    raw.send("\u{0}\u{1}").await;
    assert!(raw.rest().await.contains("<stream:error>"));
    bystander
        .send("<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>")
        .await;
    bystander.expect("id='p'").await;
}

#[tokio::test]
async fn bytes_that_are_no_text_end_the_stream() {
    use tokio::io::AsyncWriteExt;
    let server = start(config()).await;
    let mut raw = tcp(&server).await;
    raw.send(OPEN).await;
    raw.until("</stream:features>").await;
    let _ = raw.0.write_all(b"<a>\xff\xfe</a>").await;
    let answer = raw.rest().await;
    assert!(answer.contains("<stream:error>"), "{answer}");
}

#[tokio::test]
async fn hostile_frames_get_stream_errors() {
    let server = start(config()).await;
    let big = format!(
        "<message xmlns='jabber:client'><body>{}</body></message>",
        "a".repeat(300_000)
    );
    for (input, condition) in [
        ("<open", "not-well-formed"),
        ("<a/><b/>", "not-well-formed"),
        ("<presence xmlns='jabber:client'/>", "policy-violation"),
        (big.as_str(), "policy-violation"),
        (
            "<!DOCTYPE x><open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
            "restricted-xml",
        ),
    ] {
        let mut web = Web::open(&server, "/xmpp-websocket").await;
        web.send(input).await;
        let mut all = String::new();
        while let Some(frame) = web.next().await {
            all += &frame;
        }
        assert!(
            all.contains(&format!("<{condition} ")),
            "{}: {all}",
            &input[..input.len().min(60)]
        );
        assert!(
            all.starts_with("<open ") && all.contains("<close "),
            "{all}"
        );
    }
}

#[tokio::test]
async fn a_logged_in_guest_may_send_large_stanzas_but_not_larger_ones() {
    let server = start(config()).await;
    let mut raw = tcp(&server).await;
    raw.log_in_anonymously().await;
    raw.bind().await;
    let padding = "a".repeat(200_000);
    raw.send(&format!(
        "<iq type='get' id='large'><x xmlns='urn:x'>{padding}</x></iq>"
    ))
    .await;
    assert!(raw.until("</iq>").await.contains("id='large'"));
    raw.send(&format!(
        "<iq type='get' id='larger'><x xmlns='urn:x'>{padding}{padding}</x></iq>"
    ))
    .await;
    assert!(raw.rest().await.contains("<policy-violation "));
}

#[tokio::test]
async fn half_a_stanza_harms_nobody() {
    let server = start(config()).await;
    let mut halves = Vec::new();
    for end in 1..OPEN.len() {
        let mut raw = tcp(&server).await;
        raw.send(&OPEN[..end]).await;
        halves.push(raw);
    }
    drop(halves);
    let mut raw: Raw<_> = tcp(&server).await;
    raw.log_in_anonymously().await;
}
