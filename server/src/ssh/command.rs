//! A command on a channel: the commands of `vbatch`, with their exit codes, and bytes streamed through.
//!
//! Invariants: a command reads what the client sends and nothing else, and writes what the client takes and nothing else;
//! its streams hold a few chunks, never a file. Commands block, so each has a thread of its own, and there are only so many.

use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use russh::ChannelMsg;
use tokio::sync::{mpsc, oneshot};
use tokio::task::unconstrained;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use vbatch_tui::cli::exit::Exit;
use vbatch_tui::cli::io::{Elsewhere, Io, Output};
use vbatch_tui::cli::{self, Task};

use super::channel::{STDERR, Visit};
use super::{ending, words};

/// Chunks on their way in.
const WAITING_IN: usize = 8;
/// Chunks on their way out.
const WAITING_OUT: usize = 4;
/// Largest of those, in bytes.
const CHUNK_BYTES: usize = 32 << 10;
/// A command that does not take what it is sent for this long does not want it.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);
/// Ctrl-C and Ctrl-D at a terminal.
const INTERRUPT: u8 = 3;
const END_OF_INPUT: u8 = 4;

/// Where a chunk goes.
#[derive(Clone, Copy)]
enum Stream {
    Out,
    Err,
}

/// Runs the command of this line and ends the channel with its exit code.
pub(super) async fn run(mut visit: Visit, line: &[u8]) {
    let words = words::split(&String::from_utf8_lossy(line));
    let Some(words) = words else {
        visit.say(words::NO_WORDS).await;
        return visit.end(Exit::Usage.code()).await;
    };
    let Ok(_place) = Arc::clone(&visit.shared.commands).try_acquire_owned() else {
        visit.say(words::TOO_MANY_COMMANDS).await;
        return visit.end(Exit::Refused.code()).await;
    };
    let words: Vec<String> = match words.split_first() {
        Some((first, rest)) if first == "vbatch" => rest.to_vec(),
        _ => words,
    };
    let (input, from_client) = mpsc::channel(WAITING_IN);
    let (to_client, mut output) = mpsc::channel(WAITING_OUT);
    let lost = Arc::new(AtomicBool::new(false));
    let cancel = CancellationToken::new();
    let io = streams(&visit, from_client, to_client, Arc::clone(&lost));
    let mut done = start(&visit, words, io, cancel.clone());

    let at_terminal = visit.terminal.is_some();
    let Visit {
        read,
        write,
        shared,
        guest,
        ..
    } = &mut visit;
    let mut input = Some(input);
    let listen = async {
        loop {
            match read.wait().await {
                Some(ChannelMsg::Data { data }) => {
                    let (data, ends) = match at_terminal {
                        true if data.contains(&INTERRUPT) => return,
                        true => typed(&data),
                        false => (data, false),
                    };
                    if let Some(sender) = &input {
                        match timeout(TAKEN_WITHIN, sender.send(data)).await {
                            Ok(Ok(())) => {}
                            // It has ended, or reads no more: what it would read later is not whole.
                            Ok(Err(_)) => input = None,
                            Err(_) => {
                                lost.store(true, Ordering::Relaxed);
                                input = None;
                            }
                        }
                    }
                    if ends {
                        input = None;
                    }
                }
                Some(ChannelMsg::Eof) => input = None,
                None | Some(ChannelMsg::Close | ChannelMsg::Signal { .. }) => return,
                Some(_) => {}
            }
        }
    };
    let tell = async {
        while let Some((stream, chunk)) = output.recv().await {
            let written = match stream {
                Stream::Out => write.data_bytes(chunk).await,
                Stream::Err => write.extended_data_bytes(STDERR, chunk).await,
            };
            if written.is_err() {
                return Some(Exit::Interrupted);
            }
        }
        // Everything was said; only a panic says nothing after that.
        (&mut done).await.ok()
    };
    let session = ending::ended(
        &shared.accounts,
        &guest.client,
        guest.address,
        &shared.shutdown,
    );
    let (code, ended) = tokio::select! {
        exit = tell => (exit, None),
        () = listen => (Some(Exit::Interrupted), None),
        ended = session => (Some(ended.exit()), Some(ended)),
    };
    // What is not taken any more fails, so that the command ends wherever it is.
    cancel.cancel();
    drop(output);
    match (code, ended) {
        (_, Some(ended)) => visit.end_session(ended).await,
        (Some(exit), None) => visit.end(exit.code()).await,
        (None, None) => {
            visit.say(words::BROKEN).await;
            visit.end(Exit::Failed.code()).await;
        }
    }
}

/// What was typed at a terminal that is taken as it is: lines end with a return, and one key is their end.
fn typed(data: &Bytes) -> (Bytes, bool) {
    let end = data.iter().position(|byte| *byte == END_OF_INPUT);
    let kept = data.get(..end.unwrap_or(data.len())).unwrap_or_default();
    let kept = kept.iter().map(|byte| match byte {
        b'\r' => b'\n',
        byte => *byte,
    });
    (kept.collect(), end.is_some())
}

fn streams(
    visit: &Visit,
    from_client: mpsc::Receiver<Bytes>,
    to_client: mpsc::Sender<(Stream, Bytes)>,
    lost: Arc<AtomicBool>,
) -> Io {
    let at_terminal = visit.terminal.is_some();
    let writer = |stream| Writer {
        stream,
        at_terminal,
        to_client: to_client.clone(),
    };
    let data_dir = visit.shared.data_dir.clone();
    Io {
        stdin: Box::new(BufReader::new(Reader {
            from_client,
            chunk: Bytes::new(),
            lost,
        })),
        stdout: Output::new(writer(Stream::Out)),
        stderr: Output::new(writer(Stream::Err)),
        can_ask: false,
        stdout_is_terminal: at_terminal,
        stderr_is_terminal: false,
        width: visit.terminal.map(|(columns, _)| usize::from(columns)),
        credentials: None,
        elsewhere: Some(Elsewhere {
            language: visit.language(),
            spool: Arc::new(move || tempfile::tempfile_in(&data_dir)),
        }),
    }
}

/// Starts the command in a thread of its own; tells how it ended.
fn start(
    visit: &Visit,
    words: Vec<String>,
    mut io: Io,
    cancel: CancellationToken,
) -> oneshot::Receiver<Exit> {
    let (done, told) = oneshot::channel();
    let client = visit.guest.client.clone();
    let runtime = tokio::runtime::Handle::current();
    let run = move || {
        let words = std::iter::once("vbatch".to_owned()).chain(words);
        let exit = runtime.block_on(async {
            tokio::select! {
                task = cli::run(words, &mut io, Some(client)) => match task {
                    Task::Ended(exit) => exit,
                    Task::Screen { .. } => {
                        let _ = io.stderr.write_all(words::HOW.as_bytes());
                        Exit::Usage
                    }
                },
                () = cancel.cancelled() => Exit::Interrupted,
            }
        });
        // Its ends of the streams are let go of first: all that was said is known by then.
        drop(io);
        let _ = done.send(exit);
    };
    let thread = std::thread::Builder::new().name("ssh-command".to_owned());
    if let Err(error) = thread.spawn(run) {
        tracing::error!(%error, "there is no thread for a command");
    }
    told
}

/// Waits on the thread of a command, which nothing else needs.
fn wait<T>(future: impl Future<Output = T>) -> T {
    // Without a budget: it is not the runtime that polls here, and would not give it back.
    futures::executor::block_on(unconstrained(future))
}

/// What the client sends, as a command reads it.
struct Reader {
    from_client: mpsc::Receiver<Bytes>,
    chunk: Bytes,
    lost: Arc<AtomicBool>,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match wait(self.from_client.recv()) {
                Some(chunk) => self.chunk = chunk,
                None if self.lost.load(Ordering::Relaxed) => {
                    return Err(io::Error::other("more was sent than was taken in time"));
                }
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.chunk.len());
        self.chunk
            .copy_to_slice(buffer.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}

/// What a command writes, on its way to the client.
struct Writer {
    stream: Stream,
    at_terminal: bool,
    to_client: mpsc::Sender<(Stream, Bytes)>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes
            .get(..bytes.len().min(CHUNK_BYTES))
            .unwrap_or_default();
        let chunk = if self.at_terminal {
            let mut lines = Vec::with_capacity(taken.len());
            for byte in taken {
                if *byte == b'\n' {
                    lines.push(b'\r');
                }
                lines.push(*byte);
            }
            Bytes::from(lines)
        } else {
            Bytes::copy_from_slice(taken)
        };
        if !chunk.is_empty() {
            let sent = wait(self.to_client.send((self.stream, chunk)));
            sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
