//! Calls from within this process: the same services behind the same gate, over a pipe in memory in place of a socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::config::network::NetworkLimits;
use crate::rpc;
use crate::rpc::calls::Calls;

/// Bytes of a pipe that wait to be read, each way: a frame of HTTP/2. They are taken at once, for every session.
const PIPE_BYTES: usize = 16 << 10;
/// Pipes that wait to be served; they are at once.
const WAITING: usize = 16;

/// Opens pipes. Clones open them to the same services.
#[derive(Clone)]
pub struct Within(mpsc::Sender<Pipe>);

/// The server's end of a pipe.
struct Pipe {
    stream: DuplexStream,
    info: TcpConnectInfo,
}

/// Serves calls until `closing`, in a task of its own.
pub fn serve(
    routes: Routes,
    limits: NetworkLimits,
    calls: Calls,
    closing: CancellationToken,
) -> (Within, JoinHandle<Result<(), tonic::transport::Error>>) {
    let (sender, pipes) = mpsc::channel(WAITING);
    let pipes = ReceiverStream::new(pipes).map(Ok::<_, std::convert::Infallible>);
    let task = tokio::spawn(
        tonic::transport::Server::builder()
            .max_concurrent_streams(limits.streams_per_connection)
            .layer(calls)
            .layer(rpc::deadlines(limits.call_deadline))
            .add_routes(routes)
            .serve_with_incoming_shutdown(pipes, closing.cancelled_owned()),
    );
    (Within(sender), task)
}

impl Within {
    /// The caller's end of a new pipe; its calls count as coming from this address.
    ///
    /// # Errors
    ///
    /// When nothing is served any more.
    pub async fn open(&self, address: IpAddr) -> io::Result<DuplexStream> {
        let (ours, stream) = tokio::io::duplex(PIPE_BYTES);
        let info = TcpConnectInfo {
            local_addr: None,
            remote_addr: Some(SocketAddr::new(address, 0)),
        };
        let pipe = Pipe { stream, info };
        let sent = self.0.send(pipe).await;
        sent.map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(ours)
    }
}

impl Connected for Pipe {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.info.clone()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
