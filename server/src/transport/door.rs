//! Takes connections: as many as there are places for, and each through its handshake in time.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::Parts;
use super::connection::Connection;
use super::places::Place;

/// Connections that wait to be served; they are at once.
const WAITING: usize = 16;
/// After the system could not give a connection (too many open files), it is left in peace for this long.
const PAUSE: Duration = Duration::from_millis(100);

type Taken = Result<Connection, std::convert::Infallible>;

struct Door {
    parts: Parts,
    tls: Option<TlsAcceptor>,
    taken: mpsc::Sender<Taken>,
}

/// The connections that are admitted, until `closing`.
pub(super) fn open(parts: Parts, closing: CancellationToken) -> ReceiverStream<Taken> {
    let (taken, connections) = mpsc::channel(WAITING);
    let config = parts.certificate.as_ref().map(|shown| shown.config());
    let door = Door {
        tls: config.map(TlsAcceptor::from),
        parts,
        taken,
    };
    tokio::spawn(async move {
        tokio::select! {
            () = door.take() => {}
            () = closing.cancelled() => {}
        }
    });
    ReceiverStream::new(connections)
}

impl Door {
    async fn take(&self) {
        let listener: &TcpListener = &self.parts.listener;
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let address = peer.ip().to_canonical();
            let counted = (!self.parts.proxies.trust(address)).then_some(address);
            match self.parts.places.take(counted, &self.parts.limits) {
                Ok(place) => self.greet(stream, place).await,
                // Dropping the stream closes it. Of many, the log names the 1st, 2nd, 4th, 8th…
                Err(turned) if turned.is_power_of_two() => {
                    tracing::warn!(%address, turned, "too many connections: it was closed at once");
                }
                Err(_) => {}
            }
        }
    }

    /// Sees a connection through TLS, in a task of its own, so that nobody waits behind it.
    async fn greet(&self, stream: TcpStream, place: Place) {
        // Small messages must not wait for others to go with; a stream where that cannot be set has ended.
        let _ = stream.set_nodelay(true);
        let limits = &self.parts.limits;
        let deadline = Instant::now() + limits.handshake;
        let floor = limits.ping_floor;
        let taken = self.taken.clone();
        let Some(tls) = self.tls.clone() else {
            // Nobody takes it when the server ends.
            let _ = taken
                .send(Ok(Connection::plain(stream, place, deadline, floor)))
                .await;
            return;
        };
        tokio::spawn(async move {
            let shaken = timeout_at(deadline, tls.accept(stream)).await;
            match shaken {
                Ok(Ok(stream)) => {
                    let connection = Connection::encrypted(stream, place, deadline, floor);
                    let _ = taken.send(Ok(connection)).await;
                }
                Ok(Err(error)) => {
                    tracing::debug!(%error, "a connection did not come through its TLS handshake");
                    place.places().note_no_handshake();
                }
                Err(_) => place.places().note_no_handshake(),
            }
        });
    }
}
