//! Owns the question whether the certificate of a server is to be trusted, asked once a server, before anything is sent.

use super::args::Arguments;
use super::exit::CommandError;
use super::io::Io;
use super::password;
use crate::known_servers::KnownServers;
use crate::net::address::Address;
use crate::net::client::CONNECT_DEADLINE;
use crate::net::tls::meet;
use crate::net::{Fingerprint, NetError, Trust};
use crate::state::Language;
use crate::text::texts;

/// The fingerprint that was given by hand.
///
/// # Errors
/// When it is none.
pub(super) fn given(arguments: &Arguments) -> Result<Option<Fingerprint>, NetError> {
    let text = arguments.fingerprint.as_deref();
    text.map(str::parse).transpose()
}

/// What is trusted at this server: the certificate given by hand, else the one that was trusted before; at a server that
/// was never met, what this machine vouches for, or what the user says.
///
/// # Errors
/// When a certificate is not trusted, or the server has to be met and is not reached.
pub(super) async fn settle(
    io: &mut Io,
    address: &Address,
    given: Option<Fingerprint>,
    no_input: bool,
    language: Language,
) -> Result<Trust, CommandError> {
    if !address.is_encrypted() {
        return Ok(Trust::default());
    }
    let known = io.credentials.as_ref().map(KnownServers::beside);
    let kept = match &known {
        Some(known) => known.load(address)?,
        None => None,
    };
    let keep = |fingerprint| match &known {
        Some(known) => known.save(address, fingerprint),
        None => Ok(()),
    };
    match (given, kept) {
        (Some(given), kept) => {
            let trust = Trust::only(given);
            if kept != Some(given) {
                // It is kept once it has proved right.
                meet(address, &trust, CONNECT_DEADLINE).await?;
                keep(given)?;
            }
            Ok(trust)
        }
        (None, Some(kept)) => Ok(Trust::pinned(Some(kept))),
        (None, None) => {
            let trust = Trust::default();
            let Err(refused) = meet(address, &trust, CONNECT_DEADLINE).await else {
                return Ok(trust);
            };
            let askable = io.can_ask && !no_input;
            let Some(shown) = refused.unknown_certificate().filter(|_| askable) else {
                return Err(refused.into());
            };
            let words = texts(language);
            let question = (words.trust_question)(address.as_str(), &shown.to_string());
            if !password::confirm(io, words.commands, no_input, &question)? {
                return Err(refused.into());
            }
            keep(shown)?;
            trust.pin(shown);
            Ok(trust)
        }
    }
}
