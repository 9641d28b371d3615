//! The file that the account's password comes from.

use crate::config::Config;

use super::StartError;

/// Reads the password file, if that is what the client will do at each login, for a mistake to be told at the start.
pub(super) fn check(config: &Config) -> Result<(), StartError> {
    let (None, Some(path)) = (&config.password, &config.password_file) else {
        return Ok(());
    };
    match std::fs::read_to_string(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(StartError::Password {
            path: path.display().to_string(),
            error,
        }),
    }
}
