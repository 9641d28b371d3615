//! From a transport to a session: TLS, login, then resumption or a new binding (RFC 6120 §4–7,
//! XEP-0198 §3, §5).

use super::connection::{Connection, unexpected};
use super::{Config, ConnectError, Connector, Secret, Tls};
use crate::sasl::{self, Login, Step};
use crate::sm::Nonza;
use crate::stanza::{self, IqType};
use crate::xml::{ElementExt, element};
use crate::{Element, FullJid, ns};

/// Most stanzas that may arrive before the session has begun.
const MOST_EARLY: usize = 10_000;

/// What is needed to go on with an earlier session.
#[derive(Clone)]
pub(super) struct Ticket {
    pub previd: String,
    pub h: u32,
}

/// How the server manages a new stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Management {
    /// Not at all.
    None,
    /// It acknowledges; `Some`: and the session can be resumed with this id.
    On(Option<String>),
}

/// What came out.
pub(super) enum Outcome {
    /// The earlier session goes on; the server has handled this many stanzas.
    Resumed { h: u32 },
    /// A new session.
    New {
        jid: FullJid,
        management: Management,
        /// What others sent as soon as the address was there; the server does not count it.
        early: Vec<Element>,
    },
}

/// Connects and logs in; resumes with the ticket if the server still can.
pub(super) async fn establish(
    config: &Config,
    ticket: Option<Ticket>,
) -> Result<(Connection, Outcome), ConnectError> {
    let domain = config.jid.domain().as_str();
    let mut connection = Connection::open(&config.connector, domain, config.limits).await?;
    let mut features = connection.open_stream(domain).await?;
    if let Connector::Tcp {
        tls: Tls::StartTls(options),
        ..
    } = &config.connector
    {
        if !features.has_child("starttls", ns::TLS) {
            return Err(ConnectError::StartTlsNotOffered);
        }
        connection
            .write_element(&element("starttls", ns::TLS))
            .await?;
        if !connection.read_element().await?.is("proceed", ns::TLS) {
            return Err(unexpected("the server refused STARTTLS"));
        }
        connection = connection.start_tls(options, domain).await?;
        features = connection.open_stream(domain).await?;
    }
    log_in(&mut connection, config, &features).await?;
    let features = connection.open_stream(domain).await?;
    let managed = features.has_child("sm", ns::SM);
    if let (true, Some(ticket)) = (managed, ticket)
        && let Some(h) = resume(&mut connection, ticket).await?
    {
        return Ok((connection, Outcome::Resumed { h }));
    }
    let mut early = Vec::new();
    let jid = bind(&mut connection, config, &features, &mut early).await?;
    let management = if managed {
        enable(&mut connection, config, &mut early).await?
    } else {
        Management::None
    };
    let outcome = Outcome::New {
        jid,
        management,
        early,
    };
    Ok((connection, outcome))
}

async fn log_in(
    connection: &mut Connection,
    config: &Config,
    features: &Element,
) -> Result<(), ConnectError> {
    let password = password(config)?;
    let account = match (config.jid.node(), &password) {
        (Some(user), Some(password)) => Some((user.as_str(), password.expose())),
        _ => None,
    };
    let offered = sasl::offered_mechanisms(features);
    let mut login = Login::choose(&offered, account, connection.confidential)?;
    let mut next = login.start();
    loop {
        connection.write_element(&next).await?;
        let answer = connection.read_element().await?;
        match login.handle(&answer)? {
            Step::Respond(response) => next = response,
            Step::Done => return Ok(()),
        }
    }
}

/// The password as it is at this moment.
fn password(config: &Config) -> Result<Option<Secret>, ConnectError> {
    let (None, Some(path)) = (&config.password, &config.password_file) else {
        return Ok(config.password.clone());
    };
    let text = std::fs::read_to_string(path).map_err(|error| ConnectError::File {
        what: "password",
        path: path.display().to_string(),
        error,
    })?;
    match text.lines().next().map(str::trim) {
        Some(password) if !password.is_empty() => Ok(Some(Secret::new(password))),
        _ => Err(ConnectError::NoPassword {
            path: path.display().to_string(),
        }),
    }
}

/// `None`: the server does not know the session any more.
async fn resume(connection: &mut Connection, ticket: Ticket) -> Result<Option<u32>, ConnectError> {
    let request = Nonza::Resume {
        previd: ticket.previd,
        h: ticket.h,
    };
    connection.write_element(&Element::from(request)).await?;
    match Nonza::try_from(&connection.read_element().await?) {
        Ok(Nonza::Resumed { h, .. }) => Ok(Some(h)),
        Ok(Nonza::Failed { .. }) => Ok(None),
        _ => Err(unexpected("neither resumed nor failed")),
    }
}

async fn bind(
    connection: &mut Connection,
    config: &Config,
    features: &Element,
    early: &mut Vec<Element>,
) -> Result<FullJid, ConnectError> {
    let mut bind = element("bind", ns::BIND);
    if let Some(resource) = &config.resource {
        bind.append_child(element("resource", ns::BIND).with_text(resource));
    }
    let answer = ask(connection, bind, early).await?;
    let jid = stanza::payload(&answer)
        .filter(|bind| bind.is("bind", ns::BIND))
        .and_then(|bind| bind.get_child("jid", ns::BIND))
        .and_then(|jid| FullJid::new(jid.text().trim()).ok())
        .ok_or_else(|| unexpected("no JID in the answer to bind"))?;
    let session = features.get_child("session", ns::SESSION);
    if session.is_some_and(|session| !session.has_child("optional", ns::SESSION)) {
        ask(connection, element("session", ns::SESSION), early).await?;
    }
    Ok(jid)
}

/// Sends an IQ set to the server itself and waits for its result.
async fn ask(
    connection: &mut Connection,
    payload: Element,
    early: &mut Vec<Element>,
) -> Result<Element, ConnectError> {
    let id = stanza::new_id();
    let request = stanza::iq(IqType::Set, &id, None, Some(payload));
    connection.write_element(&request).await?;
    loop {
        let answer = connection.read_element().await?;
        if stanza::id(&answer) != Some(&id) {
            keep(early, answer)?;
            continue;
        }
        return match stanza::error_of(&answer) {
            Some(error) => Err(ConnectError::Bind(error)),
            None => Ok(answer),
        };
    }
}

/// Keeps a stanza that arrived in the midst of the negotiation.
fn keep(early: &mut Vec<Element>, stanza: Element) -> Result<(), ConnectError> {
    if !stanza::is_stanza(&stanza) || early.len() >= MOST_EARLY {
        return Err(unexpected("something else than an answer"));
    }
    early.push(stanza);
    Ok(())
}

async fn enable(
    connection: &mut Connection,
    config: &Config,
    early: &mut Vec<Element>,
) -> Result<Management, ConnectError> {
    let resume = config.resume.is_none_or(|time| !time.is_zero());
    let max = config
        .resume
        .filter(|_| resume)
        .map(|time| u32::try_from(time.as_secs().max(1)).unwrap_or(u32::MAX));
    let request = Nonza::Enable { resume, max };
    connection.write_element(&Element::from(request)).await?;
    loop {
        let answer = connection.read_element().await?;
        match Nonza::try_from(&answer) {
            Ok(Nonza::Enabled { id, resume, .. }) => {
                return Ok(Management::On(id.filter(|_| resume)));
            }
            Ok(Nonza::Failed { .. }) => return Ok(Management::None),
            _ => keep(early, answer)?,
        }
    }
}
