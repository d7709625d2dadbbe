//! One connection: who it is, and which channels it may open.
//!
//! Invariants: nothing but signing in is answered before it; a channel is a session or it is refused; everything that is
//! asked for is answered.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use russh::keys::HashAlg;
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;
use tonic::transport::Endpoint;
use vbatch_tui::net::Client;

use super::Shared;
use super::channel::{self, Guest};
use crate::service::accounts::SignIn;
use crate::transport::within::Within;

/// Most channels of a connection at a time: one is usual, more come with a client's own multiplexing.
const CHANNELS: usize = 8;

/// One connection.
pub(super) struct Connection {
    shared: Arc<Shared>,
    address: IpAddr,
    local: SocketAddr,
    guest: Option<Arc<Guest>>,
    channels: Arc<AtomicUsize>,
    signed_in: watch::Sender<bool>,
    /// An unknown key was tried already: clients offer all they have, which counts as one try.
    tried_key: bool,
}

impl Connection {
    /// A connection of this address, to this one of ours; `signed_in` is told when it is known who it is.
    pub(super) fn new(
        shared: Arc<Shared>,
        address: IpAddr,
        local: SocketAddr,
        signed_in: watch::Sender<bool>,
    ) -> Self {
        Self {
            shared,
            address,
            local,
            guest: None,
            channels: Arc::default(),
            signed_in,
            tried_key: false,
        }
    }

    fn welcome(&mut self, sign_in: &SignIn) {
        let client = client(self.shared.within.clone(), self.address).with_session(
            vbatch_tui::net::Session {
                access_token: sign_in.issued.token.expose_secret().to_owned(),
                username: sign_in.user.username.clone(),
                obtain_time: Timestamp::now(),
                expire_time: Some(sign_in.issued.claims.expire_time),
                renewable_until_time: Some(sign_in.issued.claims.renewable_until()),
            },
        );
        let username = &sign_in.user.username;
        let (host, port) = (self.local.ip().to_canonical(), self.local.port());
        self.guest = Some(Arc::new(Guest {
            client,
            language: sign_in.user.language.clone(),
            address: self.address,
            way_here: match port {
                22 => format!("ssh {username}@{host}"),
                port => format!("ssh -p {port} {username}@{host}"),
            },
            connection: self.signed_in.subscribe(),
        }));
        self.signed_in.send_replace(true);
    }
}

/// A client of this process's own services, whose calls count as coming from this address.
fn client(within: Within, address: IpAddr) -> Client {
    let channel = Endpoint::from_static("http://within").connect_with_connector_lazy(
        tower::service_fn(move |_| {
            let within = within.clone();
            async move { within.open(address).await.map(hyper_util::rt::TokioIo::new) }
        }),
    );
    Client::from_channel(channel)
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let password = SecretString::from(password);
        let accounts = &self.shared.accounts;
        Ok(
            match accounts.login_by_ssh(user, password, self.address).await {
                Ok(sign_in) => {
                    self.welcome(&sign_in);
                    Auth::Accept
                }
                // The same method may be tried again; how often is counted by the library, and by the throttle.
                Err(_) => again(),
            },
        )
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        let fingerprint = offer.public_key.fingerprint(HashAlg::Sha256).to_string();
        let accounts = &self.shared.accounts;
        let known = accounts.knows_ssh_key(user, &fingerprint).await;
        if known.unwrap_or(false) {
            return Ok(Auth::Accept);
        }
        if !std::mem::replace(&mut self.tried_key, true) {
            accounts.note_unknown_ssh_key(user, self.address).await;
        }
        Ok(again())
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        let fingerprint = key.public_key.fingerprint(HashAlg::Sha256).to_string();
        let accounts = &self.shared.accounts;
        let signed_in = accounts.login_by_ssh_key(user, &fingerprint, self.address);
        Ok(match signed_in.await {
            Ok(sign_in) => {
                self.welcome(&sign_in);
                Auth::Accept
            }
            Err(_) => again(),
        })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let place = Place::take(&self.channels);
        let (Some(guest), Some(place)) = (&self.guest, place) else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        reply.accept().await;
        let (shared, guest) = (Arc::clone(&self.shared), Arc::clone(guest));
        let handle = session.handle();
        self.shared.tasks.spawn(async move {
            channel::serve(shared, guest, handle, channel).await;
            drop(place);
        });
        Ok(())
    }

    // What a channel asks for is answered here, at once: the library knows whether an answer is wanted only of the
    // latest request, so that a later answer would be taken for that of another. What it means, `channel` sees to.

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        _value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if channel::is_known(name) {
            session.channel_success(channel)
        } else {
            session.channel_failure(channel)
        }
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    /// Accepted, so that words are shown before it ends: there is none.
    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(channel)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single: bool,
        _protocol: &str,
        _cookie: &str,
        _screen: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }

    // Everything else that may be asked for (forwarding of ports and sockets, the agent) is refused by the library
    // unless it is allowed here: clients say so in their own words.
}

/// Refused, but the same way may be tried again.
fn again() -> Auth {
    Auth::Reject {
        proceed_with_methods: Some(super::methods()),
        partial_success: false,
    }
}

/// One channel in the count of its connection.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(count: &Arc<AtomicUsize>) -> Option<Self> {
        let taken = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            (count < CHANNELS).then_some(count + 1)
        });
        taken.is_ok().then(|| Self(Arc::clone(count)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
