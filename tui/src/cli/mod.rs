//! Owns the commands: `run(args, io, client) -> Exit`, one file a group of commands.
//!
//! Data goes to stdout, as tables for people or as JSON lines for programs; words go to stderr. How a command ended is
//! its exit code ([`exit::Exit`]). A closed stdout is success. Ctrl-C in a command that waits only detaches: the
//! work goes on in the server, and the way back is said.
//!
//! Not here: the screen ([`crate::app`]), and anything that names the transport ([`crate::net`]).

mod about;
mod account;
mod admin;
pub mod args;
mod change;
pub mod csv;
mod elsewhere;
pub mod exit;
mod help;
mod info;
pub mod io;
pub mod json;
mod keys;
mod list;
mod part;
mod password;
mod progress;
mod resolve;
mod save;
mod ssh_keys;
mod submit;
pub mod table;
mod tar;
mod trust;
mod watch;
pub(crate) mod words;

use std::ffi::OsString;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use clap::FromArgMatches as _;
use clap::parser::ValueSource;
use futures::future::LocalBoxFuture;

use self::args::{Arguments, Command};
use self::exit::{CommandError, Exit};
use self::io::Io;
use self::json::Printable;
use self::table::Table;
use crate::net::address::Address;
use crate::net::{Client, Fingerprint, Trust};
use crate::screen::Options;
use crate::state::{Language, Look};
use crate::text::commands::CommandTexts;
use crate::text::texts;

/// What the command line asks for.
pub enum Task {
    /// The screen, at this server, with this token in place of the kept session.
    Screen {
        /// The server; the default one when not given.
        address: Address,
        /// A token given by hand.
        token: Option<String>,
        /// The certificate that alone is trusted, given by hand.
        fingerprint: Option<Fingerprint>,
        /// How it is to be.
        options: Options,
    },
    /// A command ran, and this is how it ended.
    Ended(Exit),
}

/// Runs what the arguments (the program's name first) ask for. With a `client` handed in, that is used with its
/// session, and no session is read or kept.
///
/// Boxed, so that it is compiled here once, and not in every program that runs commands again.
pub fn run<'io>(
    args: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    io: &'io mut Io,
    client: Option<Client>,
) -> LocalBoxFuture<'io, Task> {
    let args = args.into_iter().map(Into::into).collect();
    Box::pin(carry_out(args, io, client))
}

async fn carry_out(args: Vec<OsString>, io: &mut Io, client: Option<Client>) -> Task {
    let elsewhere = io.elsewhere.as_ref().map(|it| it.language);
    let language = language_of(&args, elsewhere);
    let texts = texts(language).commands;
    let parsed = help::command(texts)
        .try_get_matches_from(args)
        .and_then(|matches| {
            let written = matches.value_source("token") == Some(ValueSource::CommandLine);
            Ok((Arguments::from_arg_matches(&matches)?, written))
        });
    let (mut arguments, token_is_written) = match parsed {
        Ok((arguments, written)) => (arguments.without_empty(), written),
        Err(error) => return Task::Ended(explain(&error, io, texts)),
    };
    if io.elsewhere.is_some()
        && let Some(words) = elsewhere::refusal(&arguments, texts)
    {
        let error = CommandError::Usage(words);
        return Task::Ended(report(io, &error, "", language));
    }
    let address = match arguments.server.as_deref().map(str::parse).transpose() {
        Ok(address) => address.unwrap_or_default(),
        Err(error) => {
            let error = CommandError::Net(error);
            return Task::Ended(report(io, &error, "", language));
        }
    };
    if let Some(written) = about::write(&arguments, io, texts) {
        return Task::Ended(match written {
            Ok(()) => Exit::Done,
            Err(error) => report(io, &error, "", language),
        });
    }
    if let Err(error) = take_token(&mut arguments, token_is_written, io, texts) {
        return Task::Ended(report(io, &error, "", language));
    }
    let fingerprint = match trust::given(&arguments) {
        Ok(fingerprint) => fingerprint,
        Err(error) => return Task::Ended(report(io, &error.into(), "", language)),
    };
    let Some(command) = &arguments.command else {
        return Task::Screen {
            address,
            fingerprint,
            options: arguments.screen.options(arguments.lang),
            token: arguments.token,
        };
    };
    let keeps_session = client.is_none() && arguments.token.is_none();
    let trust = match (command, &client) {
        // It meets no server.
        (Command::Logout, _) | (_, Some(_)) => Ok(Trust::default()),
        _ => trust::settle(io, &address, fingerprint, arguments.no_input, language).await,
    };
    let client = trust
        .and_then(|trust| client_of(&arguments, io, (&address, &trust), client, keeps_session));
    let client = match client {
        Ok(client) => client,
        Err(error) => return Task::Ended(report(io, &error, address.as_str(), language)),
    };
    let mut context = Context {
        io: &mut *io,
        client,
        address: address.clone(),
        keeps_session,
        language,
        texts,
        json: arguments.json,
        quiet: arguments.quiet,
        no_input: arguments.no_input,
        way_back: Arc::default(),
    };
    let way_back = Arc::clone(&context.way_back);
    // `biased`, and the command first: until it waits for the first time, as when it asks for a password, Ctrl-C does
    // what it always does. Dropping a command midway leaves what it did so far, and nothing on disk half done.
    let result = tokio::select! {
        biased;
        result = dispatch(&mut context, command) => result,
        _ = tokio::signal::ctrl_c() => Err(CommandError::Interrupted),
    };
    let exit = match result {
        Ok(exit) => exit,
        Err(CommandError::Interrupted) => {
            let hint = way_back
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            // The terminal may be gone; then nobody misses the words.
            let _ = writeln!(
                io.stderr,
                "\n{}",
                hint.as_deref().unwrap_or(texts.interrupted)
            );
            Exit::Interrupted
        }
        Err(error) => report(io, &error, address.as_str(), language),
    };
    Task::Ended(exit)
}

/// Takes the token from stdin where that was asked for. One that is written out in the arguments is taken, too, with a word:
/// whoever lists the machine's processes sees it.
fn take_token(
    arguments: &mut Arguments,
    is_written: bool,
    io: &mut Io,
    texts: &CommandTexts,
) -> Result<(), CommandError> {
    match arguments.token.as_deref() {
        Some("-") if io.can_ask && !arguments.no_input => {
            let typed = password::ask_secret(io, texts, arguments.no_input, texts.token)?;
            arguments.token = Some(typed.trim().to_owned());
        }
        Some("-") => arguments.token = Some(password::from_stdin(io, texts, texts.token)?),
        Some(_) if is_written => writeln!(io.stderr, "vbatch: {}", texts.token_is_seen)?,
        _ => {}
    }
    Ok(())
}

/// The client that was handed in, or one of the server; with the token given by hand, or the session that was kept.
fn client_of(
    arguments: &Arguments,
    io: &Io,
    (address, trust): (&Address, &Trust),
    client: Option<Client>,
    keeps_session: bool,
) -> Result<Client, CommandError> {
    if let Some(client) = client {
        return Ok(client);
    }
    let client = Client::connect_trusting(address, trust)?;
    if let Some(token) = &arguments.token {
        return Ok(client.with_token(token));
    }
    let stored = match (&io.credentials, keeps_session) {
        (Some(credentials), true) => credentials.load(address)?,
        _ => None,
    };
    Ok(match stored {
        Some(session) => client.with_session(session),
        None => client,
    })
}

/// The language of words about a command line that may not be understood yet.
fn language_of(args: &[OsString], elsewhere: Option<Language>) -> Language {
    let mut given = None;
    let mut args = args.iter().filter_map(|arg| arg.to_str());
    while let Some(arg) = args.next() {
        match arg.strip_prefix("--lang") {
            Some("") => given = args.next(),
            Some(value) => given = value.strip_prefix('=').or(given),
            None if arg == "--" => break,
            None => {}
        }
    }
    match given {
        Some("zh") => Language::Chinese,
        Some("en") => Language::English,
        _ => elsewhere
            .unwrap_or_else(|| Look::from_environment(|name| std::env::var(name).ok()).language),
    }
}

/// Help and version go to stdout and are success; everything else is wrong usage.
fn explain(error: &clap::Error, io: &mut Io, texts: &CommandTexts) -> Exit {
    let (output, exit) = if error.use_stderr() {
        (&mut io.stderr, Exit::Usage)
    } else {
        (&mut io.stdout, Exit::Done)
    };
    let text = help::explain(error, texts);
    match write!(output, "{text}").and_then(|()| output.flush()) {
        Ok(()) => exit,
        Err(error) => CommandError::Io(error).exit(),
    }
}

fn report(io: &mut Io, error: &CommandError, server: &str, language: Language) -> Exit {
    let exit = error.exit();
    if exit != Exit::Done {
        // Without stderr there is still the exit code.
        let _ = writeln!(
            io.stderr,
            "vbatch: {}",
            words::error(error, server, language)
        );
    }
    exit
}

/// What every command works with.
struct Context<'a> {
    io: &'a mut Io,
    client: Client,
    address: Address,
    /// Whether the session is of the file, and new ones go there.
    keeps_session: bool,
    language: Language,
    texts: &'static CommandTexts,
    json: bool,
    quiet: bool,
    no_input: bool,
    way_back: Arc<Mutex<Option<String>>>,
}

impl Context<'_> {
    /// Says something that is not data.
    fn say(&mut self, words: impl AsRef<str>) -> Result<(), CommandError> {
        if !self.quiet {
            writeln!(self.io.stderr, "{}", words.as_ref())?;
        }
        Ok(())
    }

    /// Prints a line of data.
    fn print(&mut self, line: impl AsRef<str>) -> Result<(), CommandError> {
        writeln!(self.io.stdout, "{}", line.as_ref())?;
        Ok(())
    }

    /// Prints a message as JSON.
    fn print_json<M: Printable>(&mut self, message: &M) -> Result<(), CommandError> {
        Ok(json::write_line(&mut self.io.stdout, message)?)
    }

    /// Prints a table.
    fn print_table(&mut self, table: &Table) -> Result<(), CommandError> {
        let text = table.render(self.io.width);
        self.io.stdout.write_all(text.as_bytes())?;
        self.io.stdout.flush()?;
        Ok(())
    }

    /// What to say when the command is interrupted from now on.
    fn set_way_back(&self, words: Option<String>) {
        *self.way_back.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }

    /// Keeps the session the client has now.
    fn keep_session(&self) -> Result<(), CommandError> {
        if let (Some(credentials), Some(session), true) = (
            &self.io.credentials,
            self.client.session(),
            self.keeps_session,
        ) {
            credentials.save(&self.address, &session)?;
        }
        Ok(())
    }

    /// Renews the session when half of its life is over. That it could not be renewed is no reason to stop: if it has
    /// ended, the command itself will say so.
    async fn renew_session(&self) -> Result<(), CommandError> {
        let due = self
            .client
            .session()
            .and_then(|session| session.renewal_in(jiff::Timestamp::now()))
            .is_some_and(|wait| wait.is_zero());
        if self.keeps_session && due && self.client.renew().await.is_ok() {
            self.keep_session()?;
        }
        Ok(())
    }
}

async fn dispatch(context: &mut Context<'_>, command: &Command) -> Result<Exit, CommandError> {
    if !matches!(command, Command::Login(_) | Command::Logout) {
        context.renew_session().await?;
    }
    match command {
        Command::Login(args) => account::login(context, args).await,
        Command::Logout => account::logout(context),
        Command::Whoami => account::whoami(context).await,
        Command::Passwd(args) => account::passwd(context, args).await,
        Command::Submit(args) => submit::submit(context, args).await,
        Command::Quote(args) => submit::quote(context, args).await,
        Command::Rerun(args) => submit::rerun(context, args).await,
        Command::Ls(args) => list::ls(context, args).await,
        Command::Show(args) => list::show(context, args).await,
        Command::Info => info::info(context).await,
        Command::Watch(args) => watch::watch(context, args).await,
        Command::Wait(args) => watch::wait(context, args).await,
        Command::Cancel(args) => change::cancel(context, args).await,
        Command::Retry(args) => change::retry(context, args).await,
        Command::Download(args) => save::download(context, args).await,
        Command::Export(args) => save::export(context, args).await,
        Command::Delete(args) => change::delete(context, args).await,
        Command::Keys(args) => keys::run(context, args).await,
        Command::SshKeys(args) => ssh_keys::run(context, args).await,
        Command::Admin(args) => admin::run(context, args).await,
        Command::Completions { .. } | Command::Man { .. } => {
            unreachable!("these were written before a server was needed")
        }
    }
}
