//! What the server uses: [`Config`] with every default filled in, files read and names normalised.

use crate::config::{
    Account, AuthMode, Config, HibernationConfig, KeySource, LimitsConfig, RoomsConfig, Secret,
    TokenConfig, TurnService,
};
use crate::session::passwords::Passwords;
use crate::session::scram::Credentials;
use rand::RngCore;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use xmpp::BareJid;
use xmpp::muc::ConferenceDomain;

/// Shortest secret that keys are derived from.
const LEAST_SECRET: usize = 32;

/// Reads a file named in the configuration.
pub(crate) type ReadFile<'a> = &'a dyn Fn(&Path) -> std::io::Result<String>;

/// Everything that is fixed while the server runs.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) names: Names,
    pub(crate) accounts: HashMap<BareJid, ServiceAccount>,
    pub(crate) plaintext_auth: bool,
    pub(crate) auth: AuthMode,
    pub(crate) token: Option<TokenConfig>,
    pub(crate) turn: Turn,
    pub(crate) limits: LimitsConfig,
    pub(crate) hibernation: HibernationConfig,
    pub(crate) rooms: RoomsConfig,
    /// Seals what pages keep of rooms.
    pub(crate) memory_secret: Option<Secret>,
    pub(crate) shard: String,
    pub(crate) region: String,
    pub(crate) release: String,
    pub(crate) push_disco: bool,
    pub(crate) http: listen::http::Config,
    pub(crate) return_after: Duration,
}

/// Domains and addresses.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) domain: String,
    pub(crate) muc: String,
    pub(crate) conferences: ConferenceDomain,
    pub(crate) internal_muc: String,
    pub(crate) auth: String,
    /// Where people without a token are, in the login mode that has both kinds.
    pub(crate) guest: String,
    pub(crate) focus_alias: String,
    pub(crate) focus_account: BareJid,
}

/// A service account, ready for login.
#[derive(Debug)]
pub(crate) struct ServiceAccount {
    pub(crate) passwords: Passwords,
    /// Where the password comes from, if it may change.
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) admin: bool,
    pub(crate) web: bool,
}

/// TURN servers and the secret behind their credentials.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) secret: Option<Secret>,
    pub(crate) ttl: Duration,
    pub(crate) services: Vec<TurnService>,
}

impl Settings {
    /// Checks and completes `config`. An error says which entry is wrong and what to write.
    pub(crate) fn new(
        config: Config,
        read: ReadFile<'_>,
        random: &mut dyn RngCore,
    ) -> Result<Self, String> {
        let names = Names::new(&config)?;
        let mut accounts = HashMap::new();
        for account in &config.accounts {
            let jid = account_jid(account, &names)?;
            let password = password(account, read)?;
            let service = ServiceAccount {
                passwords: Passwords::new(Credentials::derive(&password, random)),
                password_file: account.password_file.clone(),
                admin: account.admin.unwrap_or(jid.domain().as_str() == names.auth),
                web: account.web,
            };
            if accounts.insert(jid, service).is_some() {
                return Err(format!("accounts: '{}' is there twice", account.name));
            }
        }
        let token = token(&config)?;
        if config.auth.mode != AuthMode::Anonymous && token.is_none() {
            return Err("auth.token is missing: the login mode asks for tokens".into());
        }
        if config.listen.tls.is_some() && config.tls.is_none() {
            return Err("listen.tls needs a certificate: set tls.certificate and tls.key".into());
        }
        let secret = secret(
            "turn.secret",
            config.turn.secret,
            config.turn.secret_file.as_deref(),
            read,
        )?;
        let memory_secret = memory_secret(&config.rooms, read)?;
        for service in &config.turn.services {
            if !["stun", "turn", "turns"].contains(&service.kind.as_str()) {
                return Err(format!(
                    "turn.services: '{}' is none of stun, turn, turns",
                    service.kind
                ));
            }
        }
        Ok(Self {
            names,
            accounts,
            plaintext_auth: config.plaintext_auth,
            auth: config.auth.mode,
            token,
            turn: Turn {
                secret,
                ttl: config.turn.ttl,
                services: config.turn.services,
            },
            limits: config.limits,
            hibernation: config.hibernation,
            memory_secret,
            rooms: RoomsConfig {
                history: config.rooms.history.min(20),
                ..config.rooms
            },
            shard: config.shard,
            region: config.region,
            release: config.release,
            push_disco: config.push_disco,
            http: config.http,
            return_after: config.return_after_seconds,
        })
    }

    /// Whether only people with a token may open and own rooms.
    pub(crate) fn needs_hosts(&self) -> bool {
        self.auth != AuthMode::Anonymous
    }

    /// Whether people log in on this domain.
    pub(crate) fn has_people_on(&self, domain: &str) -> bool {
        domain == self.names.domain || domain == self.people_domain(false)
    }

    /// Where people with or without a token are.
    pub(crate) fn people_domain(&self, has_token: bool) -> &str {
        match (self.auth, has_token) {
            (AuthMode::Both, false) => &self.names.guest,
            _ => &self.names.domain,
        }
    }

    /// Whether somebody logs in on this domain with an account.
    pub(crate) fn has_accounts_on(&self, domain: &str) -> bool {
        domain == self.names.auth
            || self
                .accounts
                .keys()
                .any(|jid| jid.domain().as_str() == domain)
    }

    /// Whether a list names `jid` or its domain.
    pub(crate) fn listed(list: &[String], jid: &BareJid) -> bool {
        list.iter()
            .any(|entry| entry == jid.as_str() || entry == jid.domain().as_str())
    }
}

impl Names {
    fn new(config: &Config) -> Result<Self, String> {
        let domain = domain_name("domain", &config.domain)?;
        let named = |key: &str, value: &Option<String>, prefix: &str| match value {
            Some(value) => domain_name(key, value),
            None => Ok(format!("{prefix}.{domain}")),
        };
        let auth = named("auth_domain", &config.auth_domain, "auth")?;
        let focus_account = BareJid::new(&format!("{}@{auth}", config.focus_account))
            .map_err(|error| format!("focus_account '{}': {error}", config.focus_account))?;
        let muc = named("muc_domain", &config.muc_domain, "muc")?;
        let names = Self {
            conferences: ConferenceDomain::new(&muc, &domain),
            muc,
            internal_muc: named(
                "internal_muc_domain",
                &config.internal_muc_domain,
                "internal-muc",
            )?,
            focus_alias: named("focus_domain", &config.focus_domain, "focus")?,
            guest: named("guest_domain", &config.guest_domain, "guest")?,
            auth,
            focus_account,
            domain,
        };
        let mut all = [
            &names.domain,
            &names.muc,
            &names.internal_muc,
            &names.auth,
            &names.guest,
            &names.focus_alias,
        ];
        all.sort();
        if let Some(twice) = all.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!(
                "the domain '{}' is used for two purposes",
                twice[0]
            ));
        }
        Ok(names)
    }
}

fn domain_name(key: &str, value: &str) -> Result<String, String> {
    let jid = BareJid::new(value).map_err(|error| format!("{key} '{value}': {error}"))?;
    if jid.node().is_some() {
        return Err(format!("{key} '{value}' is an address; a domain is needed"));
    }
    Ok(jid.domain().as_str().into())
}

fn account_jid(account: &Account, names: &Names) -> Result<BareJid, String> {
    let text = if account.name.contains('@') {
        account.name.clone()
    } else {
        format!("{}@{}", account.name, names.auth)
    };
    let jid = BareJid::new(&text).map_err(|error| format!("accounts: '{text}': {error}"))?;
    if [&names.domain, &names.guest]
        .iter()
        .any(|it| *it == jid.domain().as_str())
    {
        return Err(format!(
            "accounts: '{text}' is on a domain of people; use '{}'",
            names.auth
        ));
    }
    Ok(jid)
}

fn password(account: &Account, read: ReadFile<'_>) -> Result<Secret, String> {
    let key = format!("accounts: password of '{}'", account.name);
    secret(
        &key,
        account.password.clone(),
        account.password_file.as_deref(),
        read,
    )?
    .filter(|password| !password.0.is_empty())
    .ok_or_else(|| format!("{key} is missing: set password or password_file"))
}

fn secret(
    key: &str,
    value: Option<Secret>,
    file: Option<&Path>,
    read: ReadFile<'_>,
) -> Result<Option<Secret>, String> {
    match (value, file) {
        (Some(_), Some(_)) => Err(format!("{key} is given twice, directly and as a file")),
        (value, None) => Ok(value),
        (None, Some(path)) => Ok(Some(Secret(first_line(key, path, read)?))),
    }
}

fn memory_secret(rooms: &RoomsConfig, read: ReadFile<'_>) -> Result<Option<Secret>, String> {
    let (key, file) = ("rooms.memory_secret", rooms.memory_secret_file.as_deref());
    let secret = secret(key, rooms.memory_secret.clone(), file, read)?;
    match secret {
        Some(secret) if secret.0.len() < LEAST_SECRET => Err(format!(
            "{key} has less than {LEAST_SECRET} characters: make one with `openssl rand -hex 32`"
        )),
        secret => Ok(secret),
    }
}

fn first_line(key: &str, path: &Path, read: ReadFile<'_>) -> Result<String, String> {
    let text =
        read(path).map_err(|error| format!("{key}: cannot read {}: {error}", path.display()))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

fn token(config: &Config) -> Result<Option<TokenConfig>, String> {
    let Some(mut token) = config.auth.token.clone() else {
        return Ok(None);
    };
    let shared = matches!(token.keys, KeySource::Secret(_) | KeySource::SecretFile(_));
    match &token.keys {
        KeySource::Secret(secret) if secret.0.is_empty() => {
            return Err("auth.token.keys: the secret is empty".into());
        }
        KeySource::JwksUrl(url) | KeySource::AsapKeyServer(url)
            if !url.starts_with("https://") && !url.starts_with("http://") =>
        {
            return Err(format!("auth.token.keys: '{url}' is no http or https URL"));
        }
        _ => {}
    }
    let algorithm = token
        .algorithm
        .get_or_insert_with(|| if shared { "HS256" } else { "RS256" }.into());
    let wanted = if shared { "HS" } else { "RS" };
    if !algorithm.starts_with(wanted) || !["256", "384", "512"].contains(&&algorithm[2..]) {
        return Err(format!(
            "auth.token.algorithm '{algorithm}' does not fit the keys; use {wanted}256, {wanted}384 or {wanted}512"
        ));
    }
    Ok(Some(token))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use rand::SeedableRng;

    fn settings(config: Config) -> Result<Settings, String> {
        let read = |path: &Path| match path.to_str() {
            Some("pw") => Ok("hunter2\n".to_owned()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        };
        Settings::new(config, &read, &mut rand::rngs::StdRng::seed_from_u64(1))
    }

    fn account(name: &str) -> Account {
        Account {
            name: name.into(),
            password_file: Some("pw".into()),
            ..Account::default()
        }
    }

    #[test]
    fn domains_follow_from_the_main_domain() {
        let settings = settings(Config::default()).unwrap();
        assert_eq!(settings.names.muc, "muc.meet.shoal");
        assert_eq!(
            settings.names.focus_account.as_str(),
            "focus@auth.meet.shoal"
        );
    }

    #[test]
    fn accounts_on_the_auth_domain_are_admins_and_others_are_not() {
        let accounts = vec![account("focus"), account("recorder@hidden.meet.shoal")];
        let settings = settings(Config {
            accounts,
            ..Config::default()
        })
        .unwrap();
        let admin = |jid: &str| settings.accounts[&BareJid::new(jid).unwrap()].admin;
        assert!(admin("focus@auth.meet.shoal"));
        assert!(!admin("recorder@hidden.meet.shoal"));
    }

    #[test]
    fn mistakes_are_named() {
        let config = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            settings(config).unwrap_err()
        };
        for (error, part) in [
            (config(|it| it.domain = "a@b".into()), "a domain is needed"),
            (
                config(|it| it.muc_domain = Some("meet.shoal".into())),
                "two purposes",
            ),
            (
                config(|it| {
                    it.accounts = vec![Account {
                        name: "x".into(),
                        ..Account::default()
                    }]
                }),
                "password",
            ),
            (
                config(|it| it.accounts = vec![account("x"), account("x")]),
                "twice",
            ),
            (config(|it| it.auth.mode = AuthMode::Token), "auth.token"),
            (
                config(|it| it.rooms.memory_secret_file = Some("pw".into())),
                "rooms.memory_secret",
            ),
            (
                config(|it| it.listen.tls = Some(([127, 0, 0, 1], 0).into())),
                "tls.certificate",
            ),
        ] {
            assert!(error.contains(part), "{error}");
        }
    }
}
