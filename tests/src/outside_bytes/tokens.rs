//! Tokens: ours, from whoever calls, and the upstream's, which are read without being checked.

use jsonwebtoken::{Algorithm, EncodingKey};
use secrecy::SecretString;
use vbatch_server::auth::keys;
use vbatch_server::auth::tokens::Tokens;
use vbatch_server::engine::lightx2v::account::{account_of, token_expiry};

const SECRET: [u8; 32] = [7; 32];

/// A token as it is, and the same bytes as the claims of one that is rightly signed.
///
/// # Panics
/// When a token is taken that was not signed.
pub fn tokens(bytes: &[u8]) {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    let ours = Tokens::new(&SECRET);
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(ours.read(text).is_err(), "nobody signed {text:?}");
        let secret = SecretString::from(text.to_owned());
        let _ = keys::is_key(text);
        let _ = keys::digest(&secret);
        let _ = account_of(&secret);
        let _ = token_expiry(&secret);
    }
    let claims = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    for header in [r#"{"alg":"HS256","typ":"JWT"}"#, r#"{"alg":"none"}"#] {
        let message = format!("{}.{claims}", BASE64_URL_SAFE_NO_PAD.encode(header));
        let key = EncodingKey::from_secret(&SECRET);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
        let signed = format!("{message}.{}", signature.expect("HMAC works"));
        let read = ours.read(&signed);
        assert!(read.is_err() || header.contains("HS256"), "{signed}");
        let signed = SecretString::from(signed);
        let _ = account_of(&signed);
        let _ = token_expiry(&signed);
    }
}
