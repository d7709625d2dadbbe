//! Owns [`Decoder`]: what a terminal sends, byte by byte, as messages.
//!
//! Invariants: no input makes it panic, and what it holds is bounded: an escape sequence by [`SEQUENCE_BYTES`], a paste
//! by [`PASTE_BYTES`]. A sequence that means nothing here is swallowed whole, never typed as letters.

use crate::keymap::Key;
use crate::state::{Message, Mouse};

/// Longest escape sequence that is waited for; longer ones are no keys.
const SEQUENCE_BYTES: usize = 64;
/// Most bytes of one paste; what is beyond is dropped.
const PASTE_BYTES: usize = 64 << 10;
/// How a paste ends.
const PASTE_END: &[u8] = b"\x1b[201~";
const ESCAPE: u8 = 0x1b;

/// Turns bytes into messages.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
}

/// What a whole sequence means.
enum Meaning {
    Key(Key),
    Mouse(Mouse),
}

impl From<Meaning> for Message {
    fn from(meaning: Meaning) -> Self {
        match meaning {
            Meaning::Key(key) => Self::Key(key),
            Meaning::Mouse(mouse) => Self::Mouse(mouse),
        }
    }
}

/// What the bytes at hand begin with.
enum Found {
    /// So many bytes that mean this, or nothing.
    Whole(usize, Option<Meaning>),
    /// A paste begins after so many bytes.
    Paste(usize),
    /// Something that is not complete yet.
    More,
}

impl Decoder {
    /// Takes what came; tells what it means, in order.
    pub fn feed(&mut self, bytes: &[u8], told: &mut impl Extend<Message>) {
        self.pending.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            if self.paste.is_some() {
                match self.paste_ends(at) {
                    Some((next, text)) => {
                        at = next;
                        told.extend([Message::Paste(text)]);
                        continue;
                    }
                    None => {
                        at = self.keep_paste(at);
                        break;
                    }
                }
            }
            let rest = self.pending.get(at..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            match first(rest) {
                Found::Whole(length, meaning) => {
                    at += length;
                    told.extend(meaning.map(Message::from));
                }
                Found::Paste(length) => {
                    at += length;
                    self.paste = Some(Vec::new());
                }
                Found::More if rest.len() >= SEQUENCE_BYTES => at += rest.len(),
                Found::More => break,
            }
        }
        self.pending.drain(..at.min(self.pending.len()));
    }

    /// Whether what came last may be a key by itself or the beginning of a sequence: if nothing follows soon, call
    /// [`Decoder::settle`].
    #[must_use]
    pub fn is_unsure(&self) -> bool {
        self.paste.is_none() && self.pending.first() == Some(&ESCAPE)
    }

    /// Nothing followed: an escape was the key of that name.
    pub fn settle(&mut self, told: &mut impl Extend<Message>) {
        if !self.is_unsure() {
            return;
        }
        let rest = std::mem::take(&mut self.pending);
        told.extend([Message::Key(Key::Esc)]);
        // The beginning of a sequence that never came to its end means nothing more than its first byte.
        if let [_, only] = rest.as_slice() {
            let only = [*only];
            self.feed(&only, told);
        }
    }

    /// The place after the end of the paste, and the paste.
    fn paste_ends(&mut self, at: usize) -> Option<(usize, String)> {
        let rest = self.pending.get(at..)?;
        let end = rest
            .windows(PASTE_END.len())
            .position(|window| window == PASTE_END)?;
        let mut paste = self.paste.take()?;
        let room = PASTE_BYTES.saturating_sub(paste.len()).min(end);
        paste.extend_from_slice(rest.get(..room)?);
        // Terminals send the end of a line as Enter does.
        let text = String::from_utf8_lossy(&paste)
            .replace("\r\n", "\n")
            .replace('\r', "\n");
        Some((at + end + PASTE_END.len(), text))
    }

    /// Puts what belongs to the paste for sure aside, and gives the place after it.
    fn keep_paste(&mut self, at: usize) -> usize {
        let rest = self.pending.get(at..).unwrap_or_default();
        let sure = rest.len().saturating_sub(PASTE_END.len() - 1);
        if let (Some(paste), Some(sure)) = (&mut self.paste, rest.get(..sure)) {
            let room = PASTE_BYTES.saturating_sub(paste.len()).min(sure.len());
            paste.extend(sure.iter().take(room));
        }
        at + sure
    }
}

fn first(bytes: &[u8]) -> Found {
    let Some((&byte, rest)) = bytes.split_first() else {
        return Found::More;
    };
    match byte {
        ESCAPE => escape(rest),
        b'\r' | b'\n' => whole(1, Key::Enter),
        b'\t' => whole(1, Key::Tab),
        0x7f | 0x08 => whole(1, Key::Backspace),
        0 => whole(1, Key::Ctrl(' ')),
        0x01..=0x1a => whole(1, Key::Ctrl(char::from(byte - 1 + b'a'))),
        0x1c..=0x1f => whole(1, Key::Ctrl(char::from(byte - 0x1c + b'4'))),
        _ => match character(bytes) {
            Some((length, Some(c))) => whole(length, Key::Char(c)),
            Some((length, None)) => Found::Whole(length, None),
            None => Found::More,
        },
    }
}

fn whole(length: usize, key: Key) -> Found {
    Found::Whole(length, Some(Meaning::Key(key)))
}

/// The character that the bytes begin with: its length, and it, if it is one. Nothing when more bytes are needed.
fn character(bytes: &[u8]) -> Option<(usize, Option<char>)> {
    let length = match bytes.first()? {
        0x00..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Some((1, None)),
    };
    for end in 2..=length {
        // A byte that cannot follow ends it early; it is looked at anew.
        if bytes.get(end - 1)? & 0xc0 != 0x80 {
            return Some((end - 1, None));
        }
    }
    let text = std::str::from_utf8(bytes.get(..length)?).ok();
    Some((length, text.and_then(|text| text.chars().next())))
}

/// What follows an escape; lengths count it.
fn escape(rest: &[u8]) -> Found {
    match rest.first() {
        None => Found::More,
        Some(&ESCAPE) => whole(1, Key::Esc),
        Some(b'[') => control_sequence(rest.get(1..).unwrap_or_default()),
        Some(b'O') => match rest.get(1) {
            None => Found::More,
            Some(&last) => Found::Whole(3, letter(last).map(Meaning::Key)),
        },
        Some(b'\r') => Found::Whole(2, None),
        Some(byte) if *byte < 0x20 || *byte == 0x7f => Found::Whole(2, None),
        Some(_) => match character(rest) {
            Some((length, Some(c))) => whole(length + 1, Key::Alt(c)),
            Some((length, None)) => Found::Whole(length + 1, None),
            None => Found::More,
        },
    }
}

/// What follows `ESC [`.
fn control_sequence(rest: &[u8]) -> Found {
    // The function keys of the Linux console: a second bracket and a letter.
    if rest.first() == Some(&b'[') {
        return match rest.get(1) {
            None => Found::More,
            Some(last @ b'A'..=b'E') => whole(4, Key::F(last - b'A' + 1)),
            Some(_) => Found::Whole(4, None),
        };
    }
    let Some(end) = rest.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
        return match rest.iter().position(|byte| !(0x20..=0x3f).contains(byte)) {
            // No sequence has such a byte in it.
            Some(strange) => Found::Whole(2 + strange, None),
            None => Found::More,
        };
    };
    let (Some(parameters), Some(&last)) = (rest.get(..end), rest.get(end)) else {
        return Found::More;
    };
    if let Some(strange) = parameters.iter().position(|it| !(0x20..=0x3f).contains(it)) {
        return Found::Whole(2 + strange, None);
    }
    let length = 2 + end + 1;
    if let Some(parameters) = parameters.strip_prefix(b"<") {
        return Found::Whole(length, mouse(&numbers(parameters), last));
    }
    let numbers = numbers(parameters);
    let key = match (last, numbers.first().copied().unwrap_or_default()) {
        (b'~', 200) => return Found::Paste(length),
        // The mouse as old terminals tell it: three bytes follow.
        (b'M', _) if parameters.is_empty() && rest.len() < end + 4 => return Found::More,
        (b'M', _) if parameters.is_empty() => return Found::Whole(length + 3, None),
        (b'~', number) => numbered(number),
        (b'Z', _) => Some(Key::BackTab),
        (last, _) => letter(last),
    };
    Found::Whole(length, key.map(Meaning::Key))
}

fn numbers(parameters: &[u8]) -> Vec<u16> {
    parameters
        .split(|byte| *byte == b';')
        .map(|digits| {
            let digits = std::str::from_utf8(digits).unwrap_or_default();
            digits.parse().unwrap_or_default()
        })
        .collect()
}

fn letter(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        b'M' => Key::Enter,
        b'P'..=b'S' => Key::F(last - b'P' + 1),
        _ => return None,
    })
}

fn numbered(number: u16) -> Option<Key> {
    Some(match number {
        1 | 7 => Key::Home,
        3 => Key::Delete,
        4 | 8 => Key::End,
        5 => Key::PageUp,
        6 => Key::PageDown,
        11..=15 => function(number - 10)?,
        17..=21 => function(number - 11)?,
        23 | 24 => function(number - 12)?,
        _ => return None,
    })
}

fn function(number: u16) -> Option<Key> {
    u8::try_from(number).ok().map(Key::F)
}

/// Presses of the left button and the wheel; places count from 1.
fn mouse(numbers: &[u16], last: u8) -> Option<Meaning> {
    let [button, x, y] = numbers else { return None };
    let mouse = match (button, last) {
        (0, b'M') => Mouse::Press {
            x: x.checked_sub(1)?,
            y: y.checked_sub(1)?,
        },
        (64, b'M') => Mouse::WheelUp,
        (65, b'M') => Mouse::WheelDown,
        _ => return None,
    };
    Some(Meaning::Mouse(mouse))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What bytes mean, told as text; fed whole, and byte by byte.
    fn told(bytes: &[u8]) -> Vec<String> {
        let show = |messages: Vec<Message>| -> Vec<String> {
            messages
                .into_iter()
                .map(|message| format!("{message:?}"))
                .collect()
        };
        let mut at_once = Vec::new();
        let mut decoder = Decoder::default();
        decoder.feed(bytes, &mut at_once);
        decoder.settle(&mut at_once);
        let mut one_by_one = Vec::new();
        let mut decoder = Decoder::default();
        for byte in bytes {
            decoder.feed(&[*byte], &mut one_by_one);
        }
        decoder.settle(&mut one_by_one);
        let at_once = show(at_once);
        assert_eq!(at_once, show(one_by_one), "{bytes:?}");
        at_once
    }

    fn keys(bytes: &[u8], expected: &[Key]) {
        let expected: Vec<String> = expected
            .iter()
            .map(|key| format!("{:?}", Message::Key(*key)))
            .collect();
        assert_eq!(told(bytes), expected, "{bytes:?}");
    }

    #[test]
    fn letters_controls_and_characters_of_every_length() {
        keys(
            b"a\r\t\x7f\x08\x03",
            &[
                Key::Char('a'),
                Key::Enter,
                Key::Tab,
                Key::Backspace,
                Key::Backspace,
                Key::Ctrl('c'),
            ],
        );
        let typed = "é王🎬".as_bytes();
        keys(typed, &[Key::Char('é'), Key::Char('王'), Key::Char('🎬')]);
        // Bytes that are no text are skipped, and what follows is read.
        keys(b"\xff\xe7x\xc3", &[Key::Char('x')]);
        keys(b"\xed\xa0\x80y", &[Key::Char('y')]);
    }

    #[test]
    fn arrows_and_function_keys_in_every_dialect() {
        keys(
            b"\x1b[A\x1bOB\x1b[1;5C\x1bOH\x1b[4~\x1b[3~",
            &[
                Key::Up,
                Key::Down,
                Key::Right,
                Key::Home,
                Key::End,
                Key::Delete,
            ],
        );
        keys(
            b"\x1bOP\x1b[15~\x1b[[E\x1b[24~\x1b[1;2S",
            &[Key::F(1), Key::F(5), Key::F(5), Key::F(12), Key::F(4)],
        );
        keys(
            b"\x1b[5~\x1b[6~\x1b[Z",
            &[Key::PageUp, Key::PageDown, Key::BackTab],
        );
    }

    #[test]
    fn an_escape_alone_is_a_key_and_with_a_letter_another() {
        keys(b"\x1b", &[Key::Esc]);
        keys(b"\x1b\x1b", &[Key::Esc, Key::Esc]);
        keys(b"\x1bx", &[Key::Alt('x')]);
        keys("\x1b王".as_bytes(), &[Key::Alt('王')]);
        let mut decoder = Decoder::default();
        let mut none: Vec<Message> = Vec::new();
        decoder.feed(b"\x1b", &mut none);
        assert!(decoder.is_unsure() && none.is_empty());
        decoder.feed(b"[A", &mut none);
        assert!(!decoder.is_unsure());
        assert_eq!(none.len(), 1);
    }

    #[test]
    fn what_means_nothing_is_swallowed_whole() {
        keys(
            b"\x1b[?1;2c\x1b[I\x1b[O\x1b[12;34Rz",
            &[Key::F(3), Key::Char('z')],
        );
        keys(b"\x1b[M !!q", &[Key::Char('q')]);
        let long = [b"\x1b[".as_slice(), &[b'1'; 4096], b"~q"].concat();
        let mut decoder = Decoder::default();
        let mut messages: Vec<Message> = Vec::new();
        for byte in &long {
            decoder.feed(&[*byte], &mut messages);
            assert!(decoder.pending.len() <= SEQUENCE_BYTES);
        }
    }

    #[test]
    fn the_mouse_is_told_by_place() {
        let press = format!("{:?}", Message::Mouse(Mouse::Press { x: 9, y: 4 }));
        let wheel = format!("{:?}", Message::Mouse(Mouse::WheelDown));
        assert_eq!(
            told(b"\x1b[<0;10;5M\x1b[<0;10;5m\x1b[<65;1;1M"),
            [press, wheel]
        );
        assert!(told(b"\x1b[<0;0;0M").is_empty());
    }

    #[test]
    fn a_paste_is_one_message_whatever_is_in_it() {
        let paste = |text: &str| format!("{:?}", Message::Paste(text.to_owned()));
        assert_eq!(
            told("\x1b[200~王芳\rq\x1b[A\x1b[201~".as_bytes()),
            [paste("王芳\nq\x1b[A")]
        );
        let long = [
            b"\x1b[200~".as_slice(),
            &vec![b'x'; PASTE_BYTES * 2],
            PASTE_END,
        ]
        .concat();
        let mut decoder = Decoder::default();
        let mut messages: Vec<Message> = Vec::new();
        decoder.feed(&long, &mut messages);
        let [Message::Paste(text)] = messages.as_slice() else {
            panic!("{messages:?}")
        };
        assert_eq!(text.len(), PASTE_BYTES);
    }
}
