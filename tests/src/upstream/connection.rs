//! Connections that can be broken from inside, as a crash or a lost network breaks them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Breaks one connection.
#[derive(Clone)]
pub struct Breaker(Arc<Break>);

struct Break {
    number: u64,
    broken: AtomicBool,
    waker: AtomicWaker,
    count: watch::Sender<usize>,
}

impl Drop for Break {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count -= 1);
    }
}

impl Breaker {
    /// Which connection: counted from 1 over both hosts.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// Breaks it. What was not flushed is lost.
    pub fn break_off(&self) {
        self.0.broken.store(true, Ordering::SeqCst);
        self.0.waker.wake();
    }
}

/// All connections of an upstream, so that a stop ends them.
#[derive(Clone, Default)]
pub struct Connections {
    count: Arc<AtomicU64>,
    open_count: watch::Sender<usize>,
    open: Arc<Mutex<Vec<Weak<Break>>>>,
}

impl Connections {
    /// Breaks all of them.
    pub fn break_all(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in open.iter().filter_map(Weak::upgrade) {
            Breaker(connection).break_off();
        }
    }

    /// Waits until none is open, and no request of one is being answered.
    pub async fn until_none(&self) {
        // It ends with an error only where the sender is gone, and this is one.
        let _ = self
            .open_count
            .subscribe()
            .wait_for(|count| *count == 0)
            .await;
    }

    fn add(&self) -> Breaker {
        self.open_count.send_modify(|count| *count += 1);
        let breaker = Breaker(Arc::new(Break {
            number: self.count.fetch_add(1, Ordering::SeqCst) + 1,
            broken: AtomicBool::default(),
            waker: AtomicWaker::default(),
            count: self.open_count.clone(),
        }));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|connection| connection.strong_count() > 0);
        open.push(Arc::downgrade(&breaker.0));
        breaker
    }
}

/// A listener whose connections can be broken.
pub struct BreakableListener {
    /// Where it listens.
    pub listener: TcpListener,
    /// Where its connections are kept.
    pub connections: Connections,
}

impl Listener for BreakableListener {
    type Io = BreakableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // A fault should be seen at once, not after the other side's acknowledgement.
        let _ = stream.set_nodelay(true);
        let breaker = self.connections.add();
        (BreakableStream { stream, breaker }, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, BreakableListener>> for Breaker {
    fn connect_info(stream: IncomingStream<'_, BreakableListener>) -> Self {
        stream.io().breaker.clone()
    }
}

/// A connection that can be broken.
pub struct BreakableStream {
    stream: TcpStream,
    breaker: Breaker,
}

impl BreakableStream {
    /// The error of a broken connection; else the current task is woken when it breaks.
    fn check(&self, cx: &Context<'_>) -> io::Result<()> {
        self.breaker.0.waker.register(cx.waker());
        if self.breaker.0.broken.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl AsyncRead for BreakableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for BreakableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
