//! Owns what commands may not do for a user whose disk is elsewhere: paths on the command line would be of this machine.
//!
//! Invariant: every argument that is a path is looked at here; a test walks the command line for them.

use std::path::Path;

use super::args::admin::Admin;
use super::args::ssh_keys::SshKeys;
use super::args::{Arguments, Command, Follow};
use crate::text::commands::CommandTexts;

/// Where downloads go when nothing is said.
pub(super) const HERE: &str = ".";

/// Why a command cannot be run for somebody whose disk is elsewhere; none when it can.
pub(super) fn refusal(arguments: &Arguments, texts: &CommandTexts) -> Option<String> {
    let texts = &texts.elsewhere;
    let only_streamed = |path: &Path| (path != Path::new("-")).then(|| texts.no_file.to_owned());
    let not_saved = |follow: &Follow| {
        let saved = follow.download.as_ref();
        saved.map(|_| texts.no_directory.to_owned())
    };
    match arguments.command.as_ref()? {
        Command::Login(_) | Command::Logout => Some(texts.signed_in.to_owned()),
        Command::Submit(args) => match &args.tar {
            None => Some(texts.no_pictures.to_owned()),
            Some(path) => only_streamed(path).or_else(|| not_saved(&args.follow)),
        },
        Command::Quote(args) => args.audio.as_ref().map(|_| texts.no_audio.to_owned()),
        Command::Rerun(args) => not_saved(&args.follow),
        Command::Download(args) if args.out == Path::new(HERE) => None,
        Command::Download(args) => only_streamed(&args.out).map(|_| texts.no_directory.to_owned()),
        Command::Export(args) => {
            let out = args.out.as_deref();
            out.and_then(|out| only_streamed(out).map(|_| texts.no_directory.to_owned()))
        }
        Command::Admin(Admin::CreateUsers(args)) => only_streamed(&args.file),
        Command::SshKeys(SshKeys::Add { file, .. }) => only_streamed(file),
        Command::Man { out } => out.as_ref().map(|_| texts.no_directory.to_owned()),
        Command::Whoami
        | Command::Passwd(_)
        | Command::Ls(_)
        | Command::Show(_)
        | Command::Watch(_)
        | Command::Wait(_)
        | Command::Cancel(_)
        | Command::Retry(_)
        | Command::Delete(_)
        | Command::Info
        | Command::Keys(_)
        | Command::SshKeys(_)
        | Command::Admin(_)
        | Command::Completions { .. } => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::any::TypeId;
    use std::path::PathBuf;

    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::state::Language;
    use crate::text::texts;

    /// Every path that a command line can have, and one that names it: refused, but for those that are never opened.
    const PATHS: [(&str, &str, bool); 12] = [
        ("submit images", "submit /etc/passwd --audio -", true),
        ("submit audio", "submit - --audio /etc/passwd", true),
        ("submit tar", "submit --tar /etc/passwd", true),
        ("submit download", "submit --tar - --download /tmp", true),
        ("quote images", "quote /etc/passwd --duration 3s", false),
        ("quote audio", "quote --count 1 --audio /etc/passwd", true),
        ("rerun download", "rerun 1234 --download /tmp", true),
        ("download out", "download 1234 --out /tmp", true),
        ("export out", "export 1234 --out /tmp/x.zip", true),
        (
            "admin create-users file",
            "admin create-users /etc/passwd",
            true,
        ),
        ("ssh-keys add file", "ssh-keys add /etc/passwd", true),
        ("man out", "man --out /tmp", true),
    ];

    fn refused(line: &str) -> bool {
        let words = std::iter::once("vbatch").chain(line.split(' '));
        let arguments = Arguments::try_parse_from(words).unwrap();
        refusal(&arguments, texts(Language::English).commands).is_some()
    }

    #[test]
    fn every_path_of_the_command_line_is_refused() {
        fn walk(command: &clap::Command, name: &str, found: &mut Vec<String>) {
            for argument in command.get_arguments() {
                if argument.get_value_parser().type_id() == TypeId::of::<PathBuf>() {
                    found.push(format!("{name}{}", argument.get_id()));
                }
            }
            for inner in command.get_subcommands() {
                walk(inner, &format!("{name}{} ", inner.get_name()), found);
            }
        }
        let mut found = Vec::new();
        walk(&Arguments::command(), "", &mut found);
        found.sort();
        let mut known: Vec<_> = PATHS.iter().map(|(name, ..)| (*name).to_owned()).collect();
        known.sort();
        assert_eq!(found, known);
        for (_, line, is_refused) in PATHS {
            assert_eq!(refused(line), is_refused, "{line}");
        }
    }

    #[test]
    fn what_streams_is_not_refused() {
        for line in [
            "submit --tar -",
            "download 1234 3",
            "download 1234 3 --out -",
            "export 1234",
            "export 1234 --out -",
            "admin create-users -",
            "ssh-keys add -",
            "ls --json",
            "completions bash",
            "man",
        ] {
            assert!(!refused(line), "{line}");
        }
        assert!(refused("login wang") && refused("logout"));
    }
}
