//! The key that the server shows to SSH clients: made once, kept in the data directory, readable by its owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{HashAlg, PrivateKey};

use crate::clock::Clock;

/// The key's file in the data directory.
pub const FILE: &str = "ssh_host_ed25519_key";

/// Why there is no host key.
#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    /// The file cannot be read or written.
    #[error("the SSH host key {path} cannot be used: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file holds something else. It is left as it is: clients know the key that was in it.
    #[error(
        "the SSH host key {path} is no private key: {message}. Put the right file back, or remove it: a new key is \
             made, which every client has to be told to trust"
    )]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

/// The key, made when there is none.
///
/// # Errors
///
/// When it cannot be read, understood, or made.
pub fn open(data_dir: &Path, clock: &Clock) -> Result<PrivateKey, HostKeyError> {
    let path = data_dir.join(FILE);
    let failed = |error| HostKeyError::File {
        path: path.clone(),
        error,
    };
    let unreadable = |error: russh::keys::ssh_key::Error| HostKeyError::Unreadable {
        path: path.clone(),
        message: error.to_string(),
    };
    match fs::read(&path) {
        Ok(bytes) => {
            owner_only(&path).map_err(failed)?;
            return PrivateKey::from_openssh(bytes).map_err(unreadable);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let mut seed = [0; 32];
    clock.fill(&mut seed);
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
    let key = PrivateKey::new(pair, "vbatchd").map_err(unreadable)?;
    let text = key.to_openssh(LineEnding::LF).map_err(unreadable)?;
    write(&path, text.as_bytes()).map_err(failed)?;
    Ok(key)
}

/// What clients show before they trust it: `SHA256:` and base64.
pub fn fingerprint(key: &PrivateKey) -> String {
    key.public_key().fingerprint(HashAlg::Sha256).to_string()
}

/// Writes it under another name first, so that it is there whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension(format!("new-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&fresh).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&fresh, path));
    if renamed.is_err() {
        drop(fs::remove_file(&fresh));
    }
    renamed?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn owner_only(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o600);
        fs::set_permissions(path, permissions)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn owner_only(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = open(folder.path(), &Clock::system()).unwrap();
        let again = open(folder.path(), &Clock::system()).unwrap();
        assert_eq!(fingerprint(&first), fingerprint(&again));
        assert!(fingerprint(&first).starts_with("SHA256:"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let path = folder.path().join(FILE);
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            open(folder.path(), &Clock::system()).unwrap();
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_no_key_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "nothing").unwrap();
        let refused = open(folder.path(), &Clock::system()).unwrap_err();
        assert!(
            matches!(refused, HostKeyError::Unreadable { .. }),
            "{refused}"
        );
        assert_eq!(fs::read(folder.path().join(FILE)).unwrap(), b"nothing");
    }
}
