//! Walks Ogg pages with their checksums, and counts what Vorbis or Opus packets play.

use std::io::{Read, Seek};

use super::Counted;
use crate::error::ProbeError;
use crate::kind::MediaKind;
use crate::source::Source;

const CONTINUED: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;
const NO_GRANULE: u64 = u64::MAX;
/// Opus positions and durations are in samples of this rate, whatever the sound was made from (RFC 7845).
const OPUS_RATE_HZ: u32 = 48_000;
/// How far the position of the last page may stay behind what its packets hold: trimming ends inside a page,
/// and a page rarely holds a second.
const MAX_TRIM_SAMPLES: u64 = 2 * 48_000;

struct Page {
    flags: u8,
    granule: u64,
    serial: u32,
    sequence: u32,
    lacing: Vec<u8>,
    body: Vec<u8>,
}

impl Page {
    /// Reads a page and checks its checksum. It is at most 65,307 bytes long by its format.
    fn read<R: Read + Seek>(source: &mut Source<R>) -> Result<Self, ProbeError> {
        let mut header: [u8; 27] = source.array()?;
        let [
            b'O',
            b'g',
            b'g',
            b'S',
            0,
            flags,
            granule @ ..,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            segments,
        ] = header
        else {
            return Err(source.corrupt("a page has no valid header"));
        };
        let [
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            q0,
            q1,
            q2,
            q3,
            c0,
            c1,
            c2,
            c3,
            _,
        ] = header;
        header[22..26].fill(0);
        let mut lacing = vec![0; usize::from(segments)];
        source.fill(&mut lacing)?;
        let mut body = vec![0; lacing.iter().map(|&length| usize::from(length)).sum()];
        source.fill(&mut body)?;
        let sum = [&header[..], &lacing, &body]
            .into_iter()
            .flatten()
            .fold(0_u32, |sum, &byte| {
                let [high, ..] = sum.to_be_bytes();
                sum << 8 ^ CRC32[usize::from(high ^ byte)]
            });
        if sum != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(source.corrupt("the checksum of a page does not match: it is damaged"));
        }
        Ok(Self {
            flags,
            granule: u64::from_le_bytes(granule),
            serial: u32::from_le_bytes([s0, s1, s2, s3]),
            sequence: u32::from_le_bytes([q0, q1, q2, q3]),
            lacing,
            body,
        })
    }
}

/// What a packet says about itself, as far as its first bytes tell; longer ones are cut to this.
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

/// The codec by its first packet.
enum Codec {
    Opus {
        channels: u16,
        pre_skip: u64,
    },
    Vorbis {
        channels: u16,
        sample_rate_hz: u32,
        short_block: u64,
        long_block: u64,
    },
}

impl Codec {
    fn parse<R: Read + Seek>(
        source: &Source<R>,
        kind: MediaKind,
        head: &[u8],
    ) -> Result<Self, ProbeError> {
        if kind == MediaKind::OggOpus {
            let &[
                b'O',
                b'p',
                b'u',
                b's',
                b'H',
                b'e',
                b'a',
                b'd',
                version,
                channels,
                p0,
                p1,
                _,
                _,
                _,
                _,
                _,
                _,
                _,
                ..,
            ] = head
            else {
                return Err(source.corrupt("its stream header is too short"));
            };
            if version >> 4 != 0 || channels == 0 {
                return Err(source.unsupported("a version of Opus in Ogg that is not known here"));
            }
            return Ok(Self::Opus {
                channels: u16::from(channels),
                pre_skip: u64::from(u16::from_le_bytes([p0, p1])),
            });
        }
        let &[
            1,
            b'v',
            b'o',
            b'r',
            b'b',
            b'i',
            b's',
            0,
            0,
            0,
            0,
            channels,
            r0,
            r1,
            r2,
            r3,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            blocks,
            _,
            ..,
        ] = head
        else {
            return Err(source.corrupt("its stream header is too short or of another version"));
        };
        let (short, long) = (blocks & 0xf, blocks >> 4);
        if !(6..=13).contains(&short) || !(short..=13).contains(&long) {
            return Err(source.corrupt("its stream header is damaged"));
        }
        Ok(Self::Vorbis {
            channels: u16::from(channels),
            sample_rate_hz: u32::from_le_bytes([r0, r1, r2, r3]),
            short_block: 1 << short,
            long_block: 1 << long,
        })
    }

    /// What a packet plays: exactly for Opus, at most for Vorbis (half of a long block).
    fn most_samples(&self, packet: &[u8]) -> Option<u64> {
        match self {
            Self::Opus { .. } => opus_samples(packet),
            Self::Vorbis { long_block, .. } => Some(long_block / 2),
        }
    }

    /// Compares the positions on the pages with the packets, and makes a duration of them.
    fn count<R: Read + Seek>(
        &self,
        source: &Source<R>,
        position: &Position,
    ) -> Result<Counted, ProbeError> {
        let (Some(start), Some(end)) = (position.start, position.end) else {
            return Err(source.corrupt("it has no sound data"));
        };
        let contradiction =
            || source.corrupt("its pages and its packets disagree about how long it is");
        match *self {
            Self::Opus { channels, pre_skip } => {
                let length = end.checked_sub(start).ok_or_else(contradiction)?;
                if length > position.played || position.played - length > MAX_TRIM_SAMPLES {
                    return Err(contradiction());
                }
                Ok(Counted::of_samples(
                    length.saturating_sub(pre_skip),
                    OPUS_RATE_HZ,
                    channels,
                ))
            }
            Self::Vorbis {
                channels,
                sample_rate_hz,
                short_block,
                long_block: _,
            } => {
                // The bounds of what packets can play: the first plays nothing, and the last page may be trimmed.
                let least = position.packets_before_last.saturating_sub(1) * (short_block / 2);
                if end > start + position.played || end - start.min(end) < least {
                    return Err(contradiction());
                }
                Ok(Counted::of_samples(
                    end - start.min(end),
                    sample_rate_hz,
                    channels,
                ))
            }
        }
    }
}

/// Samples at 48 kHz of an Opus packet by its first two bytes (RFC 6716, section 3.1).
fn opus_samples(packet: &[u8]) -> Option<u64> {
    let (&toc, rest) = packet.split_first()?;
    let frame = match toc >> 3 {
        // SILK: 10, 20, 40, 60 ms.
        configuration @ 0..=11 => [480, 960, 1920, 2880][usize::from(configuration & 3)],
        // Hybrid: 10, 20 ms.
        configuration @ 12..=15 => [480, 960][usize::from(configuration & 1)],
        // CELT: 2.5, 5, 10, 20 ms.
        configuration => [120, 240, 480, 960][usize::from(configuration & 3)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(rest.first()? & 0x3f),
    };
    // A packet lasts at most 120 ms.
    (1..=5760)
        .contains(&(frame * frames))
        .then_some(frame * frames)
}

/// The polynomial 04c11db7, not reflected, as Ogg wants it.
const CRC32: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut sum = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 0x8000_0000 == 0 {
                sum << 1
            } else {
                sum << 1 ^ 0x04c1_1db7
            };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
    }
    table
};
