//! Which home folder a command works on: `--home DIR`, else `LIAISON_HOME`, else the running
//! service's, else the user's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::CommandError;

/// Home of the service, as `deploy/` sets it up.
const SERVICE_HOME: &str = "/var/lib/liaison";
/// Socket of the service in the runtime folder.
const SERVICE_SOCKET: &str = "/run/liaison/liaison.sock";
/// Name of the socket inside a home folder.
const SOCKET: &str = "liaison.sock";

/// A home folder and the socket of its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The folder.
    pub home: PathBuf,
    /// The socket.
    pub socket: PathBuf,
}

impl Place {
    /// Finds the home. `flag` is `--home`; `env` reads an environment variable.
    ///
    /// # Errors
    /// Usage, if neither a home nor a user's folder is known.
    pub fn find(
        flag: Option<&Path>,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, CommandError> {
        Self::find_in(
            flag,
            env,
            Path::new(SERVICE_HOME),
            Path::new(SERVICE_SOCKET),
        )
    }

    fn find_in(
        flag: Option<&Path>,
        env: impl Fn(&str) -> Option<OsString>,
        service_home: &Path,
        service_socket: &Path,
    ) -> Result<Self, CommandError> {
        let named = |name: &str| {
            env(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        if let Some(home) = flag
            .map(Path::to_path_buf)
            .or_else(|| named("LIAISON_HOME"))
        {
            let socket = if home == service_home && service_socket.exists() {
                service_socket.to_path_buf()
            } else {
                home.join(SOCKET)
            };
            return Ok(Self { home, socket });
        }
        for socket in [service_socket.to_path_buf(), service_home.join(SOCKET)] {
            if socket.exists() {
                return Ok(Self {
                    home: service_home.to_path_buf(),
                    socket,
                });
            }
        }
        let data = user_data(named)?;
        Ok(Self {
            socket: data.join(SOCKET),
            home: data,
        })
    }
}

/// The user's own folder: `$XDG_DATA_HOME/liaison` or `~/.local/share/liaison`.
///
/// # Errors
/// Usage, if neither variable is set.
pub fn user_data(named: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, CommandError> {
    if let Some(data) = named("XDG_DATA_HOME") {
        return Ok(data.join("liaison"));
    }
    named("HOME")
        .map(|home| home.join(".local/share/liaison"))
        .ok_or_else(|| {
            CommandError::usage(
                "no home folder is known: HOME is not set",
                "name the folder with --home DIR or in LIAISON_HOME",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| OsString::from(value))
        }
    }

    #[test]
    fn the_order_is_flag_variable_service_user() {
        let folder = tempfile::tempdir().expect("tempdir");
        let service = folder.path().join("service");
        let run = folder.path().join("run.sock");
        let both = env(&[("LIAISON_HOME", "/env"), ("HOME", "/users/o")]);
        let find = |flag: Option<&str>, env: &dyn Fn(&str) -> Option<OsString>| {
            Place::find_in(flag.map(Path::new), env, &service, &run).map(|place| place.home)
        };
        assert_eq!(find(Some("/flag"), &both).ok(), Some("/flag".into()));
        assert_eq!(find(None, &both).ok(), Some("/env".into()));
        let user = env(&[("HOME", "/users/o")]);
        assert_eq!(
            find(None, &user).ok(),
            Some("/users/o/.local/share/liaison".into())
        );
        let xdg = env(&[("HOME", "/users/o"), ("XDG_DATA_HOME", "/data")]);
        assert_eq!(find(None, &xdg).ok(), Some("/data/liaison".into()));
        std::fs::write(&run, "").expect("socket");
        assert_eq!(find(None, &user).ok(), Some(service.clone()));
        assert!(find(None, &env(&[])).is_ok());
        std::fs::remove_file(&run).expect("remove");
        assert!(matches!(
            find(None, &env(&[])),
            Err(CommandError::Usage { .. })
        ));
    }
}
