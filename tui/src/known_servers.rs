//! Owns the file of certificates that the user chose to trust: one fingerprint a server, beside the sessions.
//!
//! Not here: what is accepted ([`crate::net::trust`]).

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::credentials::{Credentials, CredentialsError, replace};
use crate::net::address::Address;
use crate::net::fingerprint::Fingerprint;

/// The file's name.
const NAME: &str = "known_servers.json";

/// The file of certificates that are trusted.
#[derive(Clone, Debug)]
pub struct KnownServers {
    path: PathBuf,
}

type Stored = BTreeMap<String, String>;

impl KnownServers {
    /// The file beside that of the sessions; it need not exist.
    #[must_use]
    pub fn beside(credentials: &Credentials) -> Self {
        Self {
            path: credentials.path().with_file_name(NAME),
        }
    }

    /// The certificate that is trusted at a server, if any.
    ///
    /// # Errors
    /// When there is a file and it cannot be read, or is none of ours.
    pub fn load(&self, server: &Address) -> Result<Option<Fingerprint>, CredentialsError> {
        let stored = self.read()?;
        let Some(text) = stored.get(server.as_str()) else {
            return Ok(None);
        };
        let fingerprint = text.parse().map_err(|_| CredentialsError::NotOurs {
            path: self.path.clone(),
            what: text.clone(),
        })?;
        Ok(Some(fingerprint))
    }

    /// Keeps a certificate in place of what was trusted at the server.
    ///
    /// # Errors
    /// When the file cannot be read or replaced.
    pub fn save(&self, server: &Address, fingerprint: Fingerprint) -> Result<(), CredentialsError> {
        let mut stored = self.read()?;
        stored.insert(server.as_str().to_owned(), fingerprint.to_string());
        replace(&self.path, &stored)
    }

    fn read(&self) -> Result<Stored, CredentialsError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stored::new()),
            Err(source) => {
                return Err(CredentialsError::File {
                    doing: "read",
                    path: self.path.clone(),
                    source,
                });
            }
        };
        serde_json::from_slice(&bytes).map_err(|source| CredentialsError::NotOurs {
            path: self.path.clone(),
            what: source.to_string(),
        })
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_kept_for_each_server_and_a_damaged_file_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let credentials = Credentials::at(directory.path().join("vbatch/credentials.json"));
        let file = KnownServers::beside(&credentials);
        let (here, there): (Address, Address) = (
            "https://127.0.0.1:50051".parse().unwrap(),
            "https://example.org".parse().unwrap(),
        );
        let [one, two] = ["1", "2"].map(|digit| digit.repeat(64).parse::<Fingerprint>().unwrap());
        assert_eq!(file.load(&here).unwrap(), None);
        file.save(&here, one).unwrap();
        file.save(&there, two).unwrap();
        assert_eq!(file.load(&here).unwrap(), Some(one));
        file.save(&here, two).unwrap();
        assert_eq!(file.load(&here).unwrap(), Some(two));
        assert_eq!(file.load(&there).unwrap(), Some(two));
        for text in ["my diary", "{\"https://127.0.0.1:50051\": \"zz\"}"] {
            fs::write(&file.path, text).unwrap();
            let error = file.load(&here).unwrap_err().to_string();
            assert!(error.contains("known_servers.json"), "{error}");
        }
        fs::write(&file.path, "my diary").unwrap();
        assert!(file.save(&here, one).is_err());
        assert_eq!(fs::read_to_string(&file.path).unwrap(), "my diary");
    }
}
