//! Owns the file in which sessions are kept between runs: one session a server, readable by the user alone.
//!
//! Invariants: the file has mode 0600 from its first byte on and its directory 0700 when made here; it is replaced as
//! a whole, never written in place; a token is in no message. Not here: getting and renewing tokens ([`crate::net`]).

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::net::Session;
use crate::net::address::Address;

/// The file of sessions.
#[derive(Clone, Debug)]
pub struct Credentials {
    path: PathBuf,
}

/// Why sessions could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// The system refused.
    #[error("{doing} {}: {source}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not one of ours.
    #[error("{}: not a file of sessions ({source}); remove it and sign in again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

#[derive(Default, Serialize, Deserialize)]
struct Stored {
    #[serde(default)]
    sessions: BTreeMap<String, StoredSession>,
}

#[derive(Serialize, Deserialize)]
struct StoredSession {
    username: String,
    access_token: String,
    /// Times as RFC 3339 text. One that cannot be read counts as not known: the token is used, but not renewed.
    obtain_time: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expire_time: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renewable_until_time: Option<String>,
}

impl StoredSession {
    fn of(session: &Session) -> Self {
        Self {
            username: session.username.clone(),
            access_token: session.access_token.clone(),
            obtain_time: session.obtain_time.to_string(),
            expire_time: session.expire_time.map(|time| time.to_string()),
            renewable_until_time: session.renewable_until_time.map(|time| time.to_string()),
        }
    }

    fn session(self) -> Session {
        let time = |text: Option<String>| text.and_then(|text| text.parse::<Timestamp>().ok());
        let obtain_time = time(Some(self.obtain_time));
        Session {
            expire_time: obtain_time.and_then(|_| time(self.expire_time)),
            obtain_time: obtain_time.unwrap_or_default(),
            renewable_until_time: time(self.renewable_until_time),
            access_token: self.access_token,
            username: self.username,
        }
    }
}

impl Credentials {
    /// The file at this path; it need not exist.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file at its place under the user's configuration (`$XDG_CONFIG_HOME/vbatch/credentials.json` on Linux); absent for
    /// a user without a home.
    #[must_use]
    pub fn of_user() -> Option<Self> {
        let directories = directories::ProjectDirs::from("", "", "vbatch")?;
        Some(Self::at(directories.config_dir().join("credentials.json")))
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The session kept for a server, if any.
    ///
    /// # Errors
    /// When there is a file and it cannot be read, or is none of ours.
    pub fn load(&self, server: &Address) -> Result<Option<Session>, CredentialsError> {
        let mut stored = self.read()?;
        Ok(stored
            .sessions
            .remove(server.as_str())
            .map(StoredSession::session))
    }

    /// Keeps a session in place of what was kept for the server.
    ///
    /// # Errors
    /// When the file cannot be read or replaced.
    pub fn save(&self, server: &Address, session: &Session) -> Result<(), CredentialsError> {
        let mut stored = self.read()?;
        stored
            .sessions
            .insert(server.as_str().to_owned(), StoredSession::of(session));
        self.write(&stored)
    }

    /// Keeps a session in place of the one it follows; tells whether it did. Another program may have signed in meanwhile, and
    /// what it keeps stays.
    ///
    /// # Errors
    /// When the file cannot be read or replaced.
    pub fn save_after(
        &self,
        server: &Address,
        before: &Session,
        session: &Session,
    ) -> Result<bool, CredentialsError> {
        if !self.is_kept(server, before)? {
            return Ok(false);
        }
        self.save(server, session).map(|()| true)
    }

    /// Forgets this session of a server, and no other; tells whether it was kept.
    ///
    /// # Errors
    /// When the file cannot be read or replaced.
    pub fn forget_only(
        &self,
        server: &Address,
        session: &Session,
    ) -> Result<bool, CredentialsError> {
        if !self.is_kept(server, session)? {
            return Ok(false);
        }
        self.forget(server)
    }

    fn is_kept(&self, server: &Address, session: &Session) -> Result<bool, CredentialsError> {
        let kept = self.load(server)?;
        Ok(kept.is_some_and(|kept| kept.access_token == session.access_token))
    }

    /// Forgets the session of a server; tells whether there was one.
    ///
    /// # Errors
    /// When the file cannot be read or replaced.
    pub fn forget(&self, server: &Address) -> Result<bool, CredentialsError> {
        let mut stored = self.read()?;
        if stored.sessions.remove(server.as_str()).is_none() {
            return Ok(false);
        }
        self.write(&stored)?;
        Ok(true)
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(io::Error) -> CredentialsError {
        let path = self.path.clone();
        move |source| CredentialsError::File {
            doing,
            path,
            source,
        }
    }

    fn read(&self) -> Result<Stored, CredentialsError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stored::default()),
            Err(error) => return Err(self.failed("read")(error)),
        };
        serde_json::from_slice(&bytes).map_err(|source| CredentialsError::Malformed {
            path: self.path.clone(),
            source,
        })
    }

    fn write(&self, stored: &Stored) -> Result<(), CredentialsError> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        private_directory(directory).map_err(self.failed("make the directory of"))?;
        let mut text =
            serde_json::to_vec_pretty(stored).map_err(|source| CredentialsError::Malformed {
                path: self.path.clone(),
                source,
            })?;
        text.push(b'\n');
        let temporary = directory.join(format!(".credentials.{}.tmp", uuid::Uuid::new_v4()));
        let written = write_private(&temporary, &text)
            .and_then(|()| fs::rename(&temporary, &self.path))
            .map_err(self.failed("write"));
        if written.is_err() {
            // What could not be written or renamed may not even be there.
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

fn private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use super::*;

    fn session(token: &str) -> Session {
        Session {
            username: "王芳".into(),
            expire_time: Some(Timestamp::from_second(2_000_000_000).unwrap()),
            ..Session::of_token(token)
        }
    }

    #[test]
    fn sessions_are_kept_a_server_each() {
        let directory = tempfile::tempdir().unwrap();
        let file = Credentials::at(directory.path().join("deep/er/credentials.json"));
        let (here, there) = (Address::default(), "example.org:1".parse().unwrap());
        assert_eq!(file.load(&here).unwrap(), None);
        assert!(!file.forget(&here).unwrap());
        file.save(&here, &session("one")).unwrap();
        file.save(&there, &session("two")).unwrap();
        assert_eq!(file.load(&here).unwrap(), Some(session("one")));
        assert!(file.forget(&here).unwrap());
        assert_eq!(file.load(&here).unwrap(), None);
        assert_eq!(file.load(&there).unwrap(), Some(session("two")));
    }

    #[test]
    fn what_another_program_has_kept_meanwhile_stays() {
        let directory = tempfile::tempdir().unwrap();
        let file = Credentials::at(directory.path().join("credentials.json"));
        let here = Address::default();
        file.save(&here, &session("theirs")).unwrap();
        let (ours, fresh) = (session("ours"), session("fresh"));
        assert!(!file.forget_only(&here, &ours).unwrap());
        assert!(!file.save_after(&here, &ours, &fresh).unwrap());
        assert_eq!(file.load(&here).unwrap(), Some(session("theirs")));
        file.save(&here, &ours).unwrap();
        assert!(file.save_after(&here, &ours, &fresh).unwrap());
        assert!(file.forget_only(&here, &fresh).unwrap());
        assert_eq!(file.load(&here).unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_them_and_no_temporary_is_left() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().unwrap();
        let parent = directory.path().join("vbatch");
        let file = Credentials::at(parent.join("credentials.json"));
        let here = Address::default();
        file.save(&here, &session("one")).unwrap();
        // A file somebody opened up is closed again by the next write.
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        file.save(&here, &session("two")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(file.path()), 0o600);
        assert_eq!(mode(&parent), 0o700);
        assert_eq!(fs::read_dir(&parent).unwrap().count(), 1);
    }

    #[test]
    fn a_foreign_file_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("credentials.json");
        fs::write(&path, "my diary").unwrap();
        let file = Credentials::at(path.clone());
        let error = file.save(&Address::default(), &session("one")).unwrap_err();
        assert!(error.to_string().contains("credentials.json"), "{error}");
        assert_eq!(fs::read_to_string(path).unwrap(), "my diary");
    }
}
