//! One connection, encrypted or not, as the HTTP/2 library reads and writes it.
//!
//! Its bytes are looked at as they pass: until the first frame of the client has come, a time runs; a client that pings
//! too often is told so in a last frame, between two others, and the connection ends.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::{Connected, TcpConnectInfo};

use super::frames::{self, Frames, kind};
use super::pings::Pings;
use super::places::Place;

/// A connection that was admitted.
pub(super) struct Connection {
    io: Io,
    info: TcpConnectInfo,
    /// Ends the wait for the client's first frame; absent once it has come.
    patience: Option<Pin<Box<Sleep>>>,
    received: Frames,
    sent: Frames,
    pings: Pings,
    last_stream: u32,
    ending: Ending,
    place: Place,
}

enum Io {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

/// How far the end of a client is that pings too often.
enum Ending {
    No,
    /// What is left of the last frame.
    Saying(Vec<u8>),
    /// Nothing is read or written any more.
    Said,
}

impl Connection {
    /// Bytes as they come.
    pub(super) fn plain(
        stream: TcpStream,
        place: Place,
        deadline: Instant,
        floor: Duration,
    ) -> Self {
        let remote = stream.peer_addr().ok();
        let local = stream.local_addr().ok();
        Self::over(Io::Plain(stream), (local, remote), place, deadline, floor)
    }

    /// What TLS makes of them.
    pub(super) fn encrypted(
        stream: TlsStream<TcpStream>,
        place: Place,
        deadline: Instant,
        floor: Duration,
    ) -> Self {
        let tcp = stream.get_ref().0;
        let addresses = (tcp.local_addr().ok(), tcp.peer_addr().ok());
        let io = Io::Encrypted(Box::new(stream));
        Self::over(io, addresses, place, deadline, floor)
    }

    fn over(
        io: Io,
        (local_addr, remote_addr): (Option<SocketAddr>, Option<SocketAddr>),
        place: Place,
        deadline: Instant,
        floor: Duration,
    ) -> Self {
        Self {
            io,
            info: TcpConnectInfo {
                local_addr,
                remote_addr,
            },
            patience: Some(Box::pin(sleep_until(deadline))),
            received: Frames::of_client(),
            sent: Frames::of_server(),
            pings: Pings::new(floor),
            last_stream: 0,
            ending: Ending::No,
            place,
        }
    }

    /// Looks at what came.
    fn came(&mut self, bytes: &[u8]) {
        let mut first = false;
        let mut pings = 0_u32;
        let mut last_stream = self.last_stream;
        self.received.pass(bytes, |frame| {
            first = true;
            pings += u32::from(frame.is_ping());
            if frame.kind == kind::HEADERS {
                last_stream = last_stream.max(frame.stream);
            }
        });
        self.last_stream = last_stream;
        if first {
            self.patience = None;
        }
        if pings > 0 {
            let now = Instant::now();
            if (0..pings).any(|_| self.pings.came(now)) {
                tracing::info!(client = ?self.info.remote_addr, "a client pings too often and is turned away");
                self.place.places().note_too_many_pings();
                self.ending = Ending::Saying(frames::too_many_pings(self.last_stream));
            }
        }
    }

    /// Looks at what goes.
    fn goes(&mut self, bytes: &[u8]) {
        let pings = &mut self.pings;
        self.sent.pass(bytes, |frame| {
            if matches!(frame.kind, kind::DATA | kind::HEADERS) {
                pings.sent();
            }
        });
    }

    /// Says the last word, if there is one and it can be said: in the middle of another frame it cannot.
    fn poll_last_word(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.sent.is_between() {
            self.ending = Ending::Said;
        }
        while let Ending::Saying(rest) = &mut self.ending {
            match ready!(self.io.pin().poll_write(context, rest)) {
                Ok(written) if written > 0 && written < rest.len() => {
                    rest.drain(..written);
                }
                _ => self.ending = Ending::Said,
            }
        }
        // Whether it arrives is the client's affair.
        let _ = ready!(self.io.pin().poll_flush(context));
        Poll::Ready(())
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.info.clone()
    }
}

impl Io {
    fn pin(&mut self) -> Pin<&mut dyn Both> {
        match self {
            Self::Plain(stream) => Pin::new(stream),
            Self::Encrypted(stream) => Pin::new(stream.as_mut()),
        }
    }
}

trait Both: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Both for S {}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !matches!(this.ending, Ending::No) {
            ready!(this.poll_last_word(context));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let Poll::Ready(read) = this.io.pin().poll_read(context, buffer) else {
            // Only now: a server that is late to look does not blame the client.
            let patience = this.patience.as_mut();
            if patience.is_some_and(|it| it.as_mut().poll(context).is_ready()) {
                this.place.places().note_no_handshake();
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            return Poll::Pending;
        };
        read?;
        this.came(&buffer.filled()[before..]);
        if matches!(this.ending, Ending::No) {
            return Poll::Ready(Ok(()));
        }
        // What came with the ping that was one too many is not answered any more.
        buffer.set_filled(before);
        ready!(this.poll_last_word(context));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !matches!(self.ending, Ending::No) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = ready!(self.io.pin().poll_write(context, bytes))?;
        self.goes(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if !matches!(self.ending, Ending::No) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = ready!(self.io.pin().poll_write_vectored(context, slices))?;
        let mut left = written;
        for slice in slices {
            let part = left.min(slice.len());
            self.goes(&slice[..part]);
            left -= part;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(stream) => stream.is_write_vectored(),
            Io::Encrypted(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.pin().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io.pin().poll_shutdown(context)
    }
}
