//! Owns [`Fingerprint`]: by what people know a certificate.

use std::fmt;
use std::str::FromStr;

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use super::error::NetError;

/// The SHA-256 of a certificate, written as `openssl x509 -fingerprint -sha256` and the server write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let colon = if index == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl FromStr for Fingerprint {
    type Err = NetError;

    /// Takes 64 hexadecimal digits, with or without colons between them, in either case.
    ///
    /// # Errors
    /// When it is anything else.
    fn from_str(text: &str) -> Result<Self, NetError> {
        let wrong = || {
            NetError::address(format!(
                "{text}: not a SHA-256 fingerprint, which is 64 hexadecimal digits as AB:CD:…"
            ))
        };
        let digits: Vec<u8> = text
            .trim()
            .chars()
            .filter(|character| *character != ':')
            .map(|character| {
                character
                    .to_digit(16)
                    .and_then(|digit| u8::try_from(digit).ok())
            })
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        let (pairs, rest) = digits.as_chunks::<2>();
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        match <[u8; 32]>::try_from(bytes) {
            Ok(bytes) if rest.is_empty() => Ok(Self(bytes)),
            _ => Err(wrong()),
        }
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
    fn it_is_read_as_it_is_written_and_as_people_write_it() {
        let it = Fingerprint::of(&CertificateDer::from(vec![1, 2, 3]));
        let text = it.to_string();
        assert!(text.starts_with("03:90:58:C6:"), "{text}");
        for written in [text.clone(), text.to_lowercase(), text.replace(':', "")] {
            assert_eq!(written.parse::<Fingerprint>().unwrap(), it);
        }
        for wrong in [
            "",
            "AB",
            &text[1..],
            &format!("{text}0"),
            &text.replace("03", "0é"),
        ] {
            let error = wrong.parse::<Fingerprint>().unwrap_err();
            assert!(error.message.contains("64 hexadecimal digits"));
        }
    }
}
