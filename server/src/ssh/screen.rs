//! The screen on a channel.
//!
//! Invariants: the terminal is given back whatever happens, as far as the client still reads; a client that does not read
//! misses pictures, and the next one it takes is the newest.

use std::io;

use bytes::Bytes;
use russh::ChannelMsg;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use vbatch_tui::remote::{ENTER, Input, LEAVE, Line};

use super::channel::{Visit, cells};
use super::ending::{self, Ended};
use super::words;

/// What was typed that waits for the screen.
const WAITING: usize = 16;

/// How the screen came to its end.
enum End {
    /// The user left, or the line did.
    Left,
    /// It panicked.
    Broken,
    /// Its session ended.
    Session(Ended),
}

/// Shows the screen on a terminal of that size until it ends.
pub(super) async fn show(mut visit: Visit, size: (u16, u16)) {
    let (typed, input) = mpsc::channel(WAITING);
    let (output, mut pictures) = mpsc::channel::<Vec<u8>>(1);
    let line = Line {
        input,
        output,
        size,
        variables: visit.variables(),
        way_here: visit.guest.way_here.clone(),
    };
    if write(&visit, ENTER).await.is_err() {
        return;
    }
    let client = visit.guest.client.clone();
    let screen = tokio::spawn((visit.shared.screen)(client, line));
    let mut screen = AbortOnDropHandle::new(screen);

    let Visit {
        read,
        write: written,
        shared,
        guest,
        ..
    } = &mut visit;
    let draw = async {
        while let Some(picture) = pictures.recv().await {
            if written.data_bytes(Bytes::from(picture)).await.is_err() {
                return;
            }
        }
        // The screen has ended and says so itself.
        std::future::pending().await
    };
    let listen = async {
        loop {
            let input = match read.wait().await {
                Some(ChannelMsg::Data { data }) => Input::Bytes(data.to_vec()),
                Some(ChannelMsg::WindowChange {
                    col_width,
                    row_height,
                    ..
                }) => Input::Resized(cells(col_width, 80), cells(row_height, 24)),
                None | Some(ChannelMsg::Close | ChannelMsg::Eof | ChannelMsg::Signal { .. }) => {
                    return;
                }
                Some(_) => continue,
            };
            if typed.send(input).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let end = tokio::select! {
        shown = &mut screen => match shown {
            Err(error) if error.is_panic() => End::Broken,
            _ => End::Left,
        },
        () = draw => End::Left,
        () = listen => End::Left,
        ended = ending::ended(&shared.accounts, &guest.client, guest.address, &shared.shutdown) => {
            End::Session(ended)
        }
    };
    drop(screen);
    let _ = write(&visit, LEAVE).await;
    match end {
        End::Left => visit.end(0).await,
        End::Broken => {
            tracing::error!(address = %visit.guest.address, "the screen of an SSH session has panicked");
            visit.say(words::BROKEN).await;
            visit.end(vbatch_tui::cli::exit::Exit::Failed.code()).await;
        }
        End::Session(ended) => visit.end_session(ended).await,
    }
}

/// Writes a sequence to the terminal, if the client takes it soon.
async fn write(visit: &Visit, sequence: &'static str) -> io::Result<()> {
    let written = visit
        .write
        .data_bytes(Bytes::from_static(sequence.as_bytes()));
    match tokio::time::timeout(std::time::Duration::from_secs(2), written).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(io::ErrorKind::BrokenPipe.into()),
    }
}
