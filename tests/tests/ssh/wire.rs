//! A wire between a client and the server that counts what the server sends.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Takes one connection and hands everything on.
pub struct Wire {
    /// Where to connect to.
    pub address: SocketAddr,
    bytes: Arc<AtomicU64>,
}

impl Wire {
    /// A wire to that address.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let bytes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&bytes);
        std::thread::spawn(move || {
            let (client, _) = listener.accept().unwrap();
            let server = TcpStream::connect(server).unwrap();
            let (from_client, to_server) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || pass(from_client, to_server, &AtomicU64::new(0)));
            pass(server, client, &counted);
        });
        Self { address, bytes }
    }

    /// Bytes from the server so far, everything that SSH adds among them.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64) {
    let mut buffer = [0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        count.fetch_add(read as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
    // The end is handed on as well; who has gone needs none.
    let _ = to.shutdown(std::net::Shutdown::Write);
}
