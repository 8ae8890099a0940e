//! Which home folder a command works on: `--home DIR`, else `LIAISON_HOME`, else that of a service
//! that runs, else the user's own, else that of a service that is stopped.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::CommandError;

/// Homes of the services, as `deploy/` sets them up: of a node, of a hub that does nothing else.
const SERVICE_HOMES: [&str; 2] = ["/var/lib/liaison", "/var/lib/liaison-hub"];
/// Name of the socket inside a home folder.
const SOCKET: &str = "liaison.sock";
/// What is in a home folder that was made.
const CARD: &str = "card.liaison";

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
        Self::find_in(flag, env, SERVICE_HOMES.map(Path::new))
    }

    fn find_in(
        flag: Option<&Path>,
        env: impl Fn(&str) -> Option<OsString>,
        services: [&Path; 2],
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
            return Ok(Self::at(home));
        }
        // A service that is stopped has no socket; whoever may pass through its home sees its card.
        // Nor does another agency's then answer in its place.
        let runs = |home: &Path| home.join(SOCKET).exists();
        let is_made = |home: &&Path| runs(home) || home.join(CARD).exists();
        let service = services.into_iter().find(is_made);
        let user = user_data(named);
        let has_own = user.as_ref().is_ok_and(|home| home.join(CARD).exists());
        match service.filter(|home| runs(home) || !has_own) {
            Some(home) => Ok(Self::at(home.to_path_buf())),
            None => user.map(Self::at),
        }
    }

    fn at(home: PathBuf) -> Self {
        Self {
            socket: home.join(SOCKET),
            home,
        }
    }
}

/// The unit of a home that is a service's, as `deploy/` names it and its user and group.
pub fn unit_of(home: &Path) -> Option<&'static str> {
    let service = SERVICE_HOMES
        .into_iter()
        .find(|service| home == Path::new(service));
    service.and_then(|service| service.rsplit('/').next())
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
        let (service, hub) = (folder.path().join("service"), folder.path().join("hub"));
        for home in [&service, &hub] {
            std::fs::create_dir(home).expect("folder");
        }
        let users = folder.path().to_string_lossy().into_owned();
        let both = env(&[("LIAISON_HOME", "/env"), ("HOME", "/users/o")]);
        let find = |flag: Option<&str>, env: &dyn Fn(&str) -> Option<OsString>| {
            Place::find_in(flag.map(Path::new), env, [&service, &hub]).map(|place| place.home)
        };
        assert_eq!(find(Some("/flag"), &both).ok(), Some("/flag".into()));
        assert_eq!(find(None, &both).ok(), Some("/env".into()));
        let user = env(&[("HOME", "/users/o")]);
        let own = Some(PathBuf::from("/users/o/.local/share/liaison"));
        assert_eq!(find(None, &user).ok(), own);
        let xdg = env(&[("HOME", "/users/o"), ("XDG_DATA_HOME", "/data")]);
        assert_eq!(find(None, &xdg).ok(), Some("/data/liaison".into()));
        assert!(matches!(
            find(None, &env(&[])),
            Err(CommandError::Usage { .. })
        ));

        // A service that is stopped, unless the user has a node; one that runs in any case.
        std::fs::write(hub.join(CARD), "").expect("card");
        assert_eq!(find(None, &user).ok(), Some(hub.clone()));
        std::fs::write(service.join(CARD), "").expect("card");
        assert_eq!(find(None, &user).ok(), Some(service.clone()));
        assert_eq!(find(None, &env(&[])).ok(), Some(service.clone()));
        let has_own = move |name: &str| (name == "XDG_DATA_HOME").then(|| users.clone().into());
        let own = folder.path().join("liaison");
        std::fs::create_dir(&own).expect("folder");
        std::fs::write(own.join(CARD), "").expect("card");
        assert_eq!(find(None, &has_own).ok(), Some(own.clone()));
        // A hub that runs beside it is another agency's.
        std::fs::write(hub.join(SOCKET), "").expect("socket");
        assert_eq!(find(None, &has_own).ok(), Some(own));
        assert_eq!(find(None, &user).ok(), Some(service.clone()));
        std::fs::remove_file(service.join(CARD)).expect("no node here");
        assert_eq!(find(None, &has_own).ok(), Some(hub.clone()));
        std::fs::write(service.join(SOCKET), "").expect("socket");
        assert_eq!(find(None, &has_own).ok(), Some(service.clone()));
    }
}
