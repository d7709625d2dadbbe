//! The frames of one direction of an HTTP/2 connection, told from its bytes as they pass; nothing is kept of them.
//!
//! Not here: whether they are allowed, which the HTTP/2 library decides. What is no HTTP/2 at all is misread here, and
//! refused there.

/// What a client sends before its first frame (RFC 9113, 3.4), in bytes.
const PREFACE_BYTES: usize = 24;
/// The head of a frame (RFC 9113, 4.1), in bytes.
const HEAD_BYTES: usize = 9;

/// A frame's type (RFC 9113, 6).
pub(super) mod kind {
    pub(in super::super) const DATA: u8 = 0;
    pub(in super::super) const HEADERS: u8 = 1;
    pub(in super::super) const PING: u8 = 6;
    pub(in super::super) const GOAWAY: u8 = 7;
}

/// The flag of a PING that answers one.
const ACK: u8 = 1;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its type.
    pub(super) kind: u8,
    flags: u8,
    /// Its stream; 0 for the connection itself.
    pub(super) stream: u32,
}

impl Frame {
    /// Whether it is a ping that wants an answer.
    pub(super) fn is_ping(self) -> bool {
        self.kind == kind::PING && self.flags & ACK == 0
    }
}

/// Where in the stream of frames one direction is.
#[derive(Debug, Clone)]
pub(super) struct Frames {
    /// Bytes that belong to no head: the rest of the preface or of a payload.
    skip: usize,
    head: [u8; HEAD_BYTES],
    head_have: usize,
}

impl Frames {
    /// What a client sends.
    pub(super) fn of_client() -> Self {
        Self {
            skip: PREFACE_BYTES,
            head: [0; HEAD_BYTES],
            head_have: 0,
        }
    }

    /// What a server sends.
    pub(super) fn of_server() -> Self {
        Self {
            skip: 0,
            ..Self::of_client()
        }
    }

    /// Goes on over these bytes and names each frame whose head ends in them.
    pub(super) fn pass(&mut self, mut bytes: &[u8], mut each: impl FnMut(Frame)) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let taken = (HEAD_BYTES - self.head_have).min(bytes.len());
            self.head[self.head_have..self.head_have + taken].copy_from_slice(&bytes[..taken]);
            self.head_have += taken;
            bytes = &bytes[taken..];
            if self.head_have == HEAD_BYTES {
                let [a, b, c, kind, flags, stream @ ..] = self.head;
                self.head_have = 0;
                self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
                each(Frame {
                    kind,
                    flags,
                    // The first bit means nothing.
                    stream: u32::from_be_bytes(stream) & (u32::MAX >> 1),
                });
            }
        }
    }

    /// Whether another frame could stand here.
    pub(super) fn is_between(&self) -> bool {
        self.skip == 0 && self.head_have == 0
    }
}

/// The last frame of a connection whose other end asks for too much (ENHANCE_YOUR_CALM), as gRPC words it for pings.
pub(super) fn too_many_pings(last_stream: u32) -> Vec<u8> {
    const ENHANCE_YOUR_CALM: u32 = 0xb;
    const WORDS: &[u8] = b"too_many_pings";
    let length = u32::try_from(8 + WORDS.len()).unwrap_or_default();
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind::GOAWAY, 0]);
    frame.extend(0_u32.to_be_bytes());
    frame.extend(last_stream.to_be_bytes());
    frame.extend(ENHANCE_YOUR_CALM.to_be_bytes());
    frame.extend(WORDS);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: u8, kind: u8, flags: u8, stream: u8) -> Vec<u8> {
        let mut bytes = vec![0, 0, length, kind, flags, 0x80, 0, 0, stream];
        bytes.extend(vec![9; usize::from(length)]);
        bytes
    }

    #[test]
    fn frames_are_told_however_their_bytes_come() {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(6, 4, 0, 0));
        bytes.extend(frame(8, kind::PING, 0, 0));
        bytes.extend(frame(8, kind::PING, ACK, 0));
        bytes.extend(frame(200, kind::HEADERS, 4, 3));
        for step in [1, 2, 7, 9, 50, bytes.len()] {
            let mut frames = Frames::of_client();
            let mut seen = Vec::new();
            for piece in bytes.chunks(step) {
                frames.pass(piece, |frame| seen.push(frame));
            }
            assert!(frames.is_between(), "{step}");
            let kinds: Vec<_> = seen.iter().map(|frame| frame.kind).collect();
            assert_eq!(kinds, [4, kind::PING, kind::PING, kind::HEADERS], "{step}");
            let pings: Vec<_> = seen.iter().map(|frame| frame.is_ping()).collect();
            assert_eq!(pings, [false, true, false, false]);
            assert_eq!(seen[3].stream, 3);
        }
        let mut frames = Frames::of_server();
        frames.pass(&frame(5, 0, 0, 1)[..13], |_| {});
        assert!(!frames.is_between());
    }

    #[test]
    fn the_last_word_is_one_whole_frame() {
        let bytes = too_many_pings(7);
        let mut frames = Frames::of_server();
        let mut seen = Vec::new();
        frames.pass(&bytes, |frame| seen.push(frame));
        assert!(frames.is_between());
        assert_eq!((seen.len(), seen[0].kind, seen[0].stream), (1, 7, 0));
        assert_eq!(bytes[9..13], [0, 0, 0, 7]);
        assert!(bytes.ends_with(b"too_many_pings"));
    }
}
