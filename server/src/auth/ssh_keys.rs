//! Public keys of people as text: which are taken, and what is kept of one.
//!
//! Not here: proving that somebody has the private half (the SSH face does, before it asks).

use russh::keys::ssh_key::Algorithm;
use russh::keys::{HashAlg, PublicKey};

/// Longest text that is read for a key; the longest that is taken has under 1 KiB.
const LONGEST: usize = 16 << 10;

/// What is kept of a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Its kind, as OpenSSH names it.
    pub algorithm: String,
    /// Its fingerprint, as OpenSSH shows it: `SHA256:` and base64 without padding.
    pub fingerprint: String,
    /// What its owner wrote behind it; may be empty.
    pub comment: String,
}

/// Why a text is no key that is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It is not one public key.
    #[error("This is not one line of an OpenSSH .pub file: `ssh-ed25519 AAAA… name`.")]
    NotAKey,
    /// It is of a kind that is not taken.
    #[error("Keys of the kind {0} are not taken. Make one with: ssh-keygen -t ed25519")]
    Kind(String),
}

/// Reads one line of a `.pub` file.
///
/// # Errors
///
/// When it is none, or of a kind that is not taken.
pub fn read(text: &str) -> Result<Read, NotTaken> {
    let text = text.trim();
    if text.len() > LONGEST || text.lines().count() != 1 {
        return Err(NotTaken::NotAKey);
    }
    // Of a kind that is not known at all, the line still begins with its name.
    let named = text.split_whitespace().next().unwrap_or_default();
    if ["ssh-rsa", "ssh-dss"].contains(&named) {
        return Err(NotTaken::Kind(named.to_owned()));
    }
    let key = PublicKey::from_openssh(text).map_err(|_| NotTaken::NotAKey)?;
    let algorithm = key.algorithm();
    match algorithm {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::SkEd25519 => {}
        other => return Err(NotTaken::Kind(other.as_str().to_owned())),
    }
    Ok(Read {
        algorithm: algorithm.as_str().to_owned(),
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        comment: String::from_utf8_lossy(key.comment().as_bytes()).into_owned(),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti wang@laptop";

    #[test]
    fn a_line_of_a_pub_file_is_read() {
        let key = read(&format!("  {KEY}\n")).unwrap();
        assert_eq!(key.algorithm, "ssh-ed25519");
        assert_eq!(key.comment, "wang@laptop");
        // As `ssh-keygen -lf` prints it.
        assert_eq!(
            key.fingerprint,
            "SHA256:UCUiLr7Pjs9wFFJMDByLgc3NrtdU344OgUM45wZPcIQ"
        );
    }

    #[test]
    fn what_is_no_key_or_not_taken_is_said() {
        for text in [
            "",
            "wang",
            "ssh-ed25519 AAAA",
            &format!("{KEY}\n{KEY}"),
            &format!("restrict {KEY}"),
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            &"x".repeat(1 << 20),
        ] {
            assert_eq!(read(text), Err(NotTaken::NotAKey), "{text:.60}");
        }
        let rsa = read("ssh-rsa AAAAB3NzaC1yc2E= old");
        assert_eq!(rsa, Err(NotTaken::Kind("ssh-rsa".to_owned())));
    }
}
