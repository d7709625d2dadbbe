//! Walks Ogg pages up to the one marked as the last, and counts what Vorbis or Opus packets play.

mod codec;
mod page;

use std::io::{Read, Seek};

use self::codec::Codec;
use self::page::{CONTINUED, FIRST, LAST, NO_GRANULE, Page};
use super::Counted;
use crate::error::ProbeError;
use crate::kind::MediaKind;
use crate::source::Source;

/// How much of each packet is kept: what it says about itself is in its first bytes.
const PACKET_HEAD_BYTES: usize = 64;

pub(super) fn walk<R: Read + Seek>(
    source: &mut Source<R>,
    kind: MediaKind,
) -> Result<Counted, ProbeError> {
    let header_packets = if kind == MediaKind::OggOpus { 2 } else { 3 };
    let mut codec: Option<Codec> = None;
    let mut serial = None;
    let mut sequence = None;
    let mut packets: u64 = 0;
    let mut head = Vec::with_capacity(PACKET_HEAD_BYTES);
    let mut in_packet = false;
    let mut position = Position::default();
    loop {
        if source.remaining() == 0 {
            return Err(source.corrupt("its last page is missing: it was cut off"));
        }
        let page = Page::read(source)?;
        if *serial.get_or_insert(page.serial) != page.serial {
            return Err(source.unsupported("an Ogg file must hold one stream of sound alone"));
        }
        if (page.flags & FIRST != 0) != sequence.is_none() {
            return Err(source.corrupt("its first page is missing or comes twice"));
        }
        if sequence.is_some_and(|before: u32| page.sequence != before.wrapping_add(1)) {
            return Err(source.corrupt("a page is missing"));
        }
        sequence = Some(page.sequence);
        if (page.flags & CONTINUED != 0) != in_packet {
            return Err(source.corrupt("a packet is torn between two pages"));
        }
        let mut played = 0;
        let mut audio_packets = 0;
        let mut at = 0;
        for &length in &page.lacing {
            let end = at + usize::from(length);
            let piece = page.body.get(at..end).unwrap_or_default();
            head.extend_from_slice(&piece[..piece.len().min(PACKET_HEAD_BYTES - head.len())]);
            at = end;
            in_packet = length == 255;
            if in_packet {
                continue;
            }
            match &codec {
                None => codec = Some(Codec::parse(source, kind, &head)?),
                Some(codec) if packets >= header_packets => {
                    let Some(samples) = codec.most_samples(&head) else {
                        return Err(source.corrupt("a packet is damaged"));
                    };
                    played += samples;
                    audio_packets += 1;
                }
                Some(_) => {}
            }
            packets += 1;
            head.clear();
        }
        if audio_packets > 0 || packets > header_packets {
            position.follow(&page, played, audio_packets);
        }
        if page.flags & LAST != 0 {
            break;
        }
    }
    if in_packet {
        return Err(source.corrupt("its last packet is cut off"));
    }
    if source.remaining() >= 4 && source.peek(4)? == b"OggS" {
        return Err(source.unsupported("an Ogg file must hold one stream, not several in a chain"));
    }
    match codec {
        Some(codec) => codec.count(source, &position),
        None => Err(source.corrupt("it has no stream header")),
    }
}

/// Where the stream stands after the pages so far.
#[derive(Default)]
struct Position {
    /// What all packets play at most.
    played: u64,
    audio_packets: u64,
    /// Packets before the page that was followed last.
    packets_before_last: u64,
    /// The position of the first page with sound less what it plays: where a recording joined a live stream.
    start: Option<u64>,
    /// The latest position.
    end: Option<u64>,
}

impl Position {
    fn follow(&mut self, page: &Page, played: u64, packets: u64) {
        self.packets_before_last = self.audio_packets;
        self.played += played;
        self.audio_packets += packets;
        if page.granule != NO_GRANULE {
            // The very first page may be trimmed at its end when it is also the last: it starts at zero then.
            self.start
                .get_or_insert(page.granule.saturating_sub(self.played));
            self.end = Some(page.granule);
        }
    }
}
