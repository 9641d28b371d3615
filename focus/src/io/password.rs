//! Where the account's password comes from.

use crate::config::Config;

use super::StartError;

/// The password, from the configuration or the first line of its file; `None` where neither is named.
pub(super) fn read(config: &Config) -> Result<Option<String>, StartError> {
    if let Some(password) = &config.password {
        return Ok(Some(password.0.clone()));
    }
    let Some(path) = &config.password_file else {
        return Ok(None);
    };
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().next().map(str::to_owned)),
        Err(error) => Err(StartError::Password {
            path: path.display().to_string(),
            error,
        }),
    }
}
