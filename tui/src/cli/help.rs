//! Owns how the help and wrong usage are said in the language of the user: the parser's own words exchanged for ours.
//!
//! Not here: the words ([`crate::text`]), and what the commands take ([`super::args`]).

use clap::builder::{PossibleValuesParser, Resettable, TypedValueParser as _, ValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, ValueEnum};

use super::args::Arguments;
use super::args::values::ValueFlaw;
use crate::text::command_help::{HelpTexts, UsageProblem};
use crate::text::commands::CommandTexts;

/// The command line with its help in that language.
pub(super) fn command(texts: &CommandTexts) -> clap::Command {
    let command = Arguments::command();
    let Some(help) = texts.help else {
        return command;
    };
    let command = translated(command, &[], help);
    match texts.after_help {
        Some(words) => command.after_help(words),
        None => command,
    }
}

fn translated(command: clap::Command, path: &[&str], help: &'static HelpTexts) -> clap::Command {
    let mut command = command.mut_args(|arg| {
        let arg = with_values(arg, help);
        match (help.argument)(path, arg.get_id().as_str()) {
            Some(words) => arg.help(words).long_help(Resettable::Reset),
            None => arg,
        }
    });
    if let Some(words) = (help.about)(path) {
        command = command.about(words).long_about(Resettable::Reset);
    }
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    for name in names {
        command = command.mut_subcommand(&name, |sub| {
            let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
            translated(sub, &path, help)
        });
    }
    command
}

/// The help of the values that an argument is chosen from.
fn with_values(arg: clap::Arg, help: &'static HelpTexts) -> clap::Arg {
    match arg.get_id().as_str() {
        "lang" => arg.value_parser(chosen(help.language)),
        "color" => arg.value_parser(chosen(help.color)),
        "theme" => arg.value_parser(chosen(help.theme)),
        "ambiguous_width" => arg.value_parser(chosen(help.width)),
        "states" => arg.value_parser(chosen(help.state)),
        "kind" => arg.value_parser(chosen(help.kind)),
        "role" => arg.value_parser(chosen(help.role)),
        "outcome" => arg.value_parser(chosen(help.outcome)),
        "scopes" => arg.value_parser(chosen(help.scope)),
        _ => arg,
    }
}

fn chosen<E>(words: fn(&E) -> &'static str) -> ValueParser
where
    E: ValueEnum + Clone + Send + Sync + 'static,
{
    let values = E::value_variants()
        .iter()
        .filter_map(|one| one.to_possible_value().map(|value| value.help(words(one))));
    PossibleValuesParser::new(values)
        .try_map(|name| E::from_str(&name, false))
        .into()
}

/// What the parser has to say, help included.
pub(super) fn explain(error: &clap::Error, texts: &CommandTexts) -> String {
    let rendered = error.render().to_string();
    let Some(usage_problem) = texts.usage else {
        return rendered;
    };
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return exchanged(&rendered, texts);
    }
    let mut text = format!("vbatch: {}\n", usage_problem(&problem(error)));
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        text += &format!("\n{}\n", exchanged(&usage.to_string(), texts));
    }
    text + "\n" + texts.see_help + "\n"
}

fn exchanged(rendered: &str, texts: &CommandTexts) -> String {
    texts
        .help_headings
        .iter()
        .fold(rendered.to_owned(), |text, (theirs, ours)| {
            text.replace(theirs, ours)
        })
}

fn problem(error: &clap::Error) -> UsageProblem {
    let one = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(" ")),
        _ => None,
    };
    let many = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    };
    let argument = || one(ContextKind::InvalidArg).unwrap_or_default();
    let value = || one(ContextKind::InvalidValue).unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument => {
            UsageProblem::UnknownArgument(argument(), one(ContextKind::SuggestedArg))
        }
        ErrorKind::InvalidSubcommand => UsageProblem::UnknownCommand(
            one(ContextKind::InvalidSubcommand).unwrap_or_default(),
            many(ContextKind::SuggestedSubcommand),
        ),
        ErrorKind::MissingRequiredArgument => UsageProblem::Missing(many(ContextKind::InvalidArg)),
        ErrorKind::MissingSubcommand => UsageProblem::NoCommand(many(ContextKind::ValidSubcommand)),
        ErrorKind::InvalidValue if value().is_empty() => {
            UsageProblem::NoValue(argument(), many(ContextKind::ValidValue))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let source = std::error::Error::source(error);
            UsageProblem::Value {
                option: argument(),
                value: value(),
                valid: many(ContextKind::ValidValue),
                flaw: source.and_then(|source| source.downcast_ref::<ValueFlaw>().copied()),
                words: source.map(ToString::to_string).unwrap_or_default(),
            }
        }
        ErrorKind::ArgumentConflict => match many(ContextKind::PriorArg) {
            others if others == [argument()] => UsageProblem::Repeated(argument()),
            others => UsageProblem::Conflict(argument(), others),
        },
        ErrorKind::TooManyValues => UsageProblem::NoSuchValue(argument(), value()),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues | ErrorKind::NoEquals => {
            UsageProblem::NoValue(argument(), Vec::new())
        }
        ErrorKind::InvalidUtf8 => UsageProblem::NotText,
        _ => UsageProblem::Other(error.render().to_string()),
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
mod tests {
    use super::*;
    use crate::state::Language;
    use crate::text::texts;

    fn all(command: &clap::Command, visit: &mut impl FnMut(&str, &str)) {
        visit(
            command.get_name(),
            &command.get_about().unwrap().to_string(),
        );
        for arg in command.get_arguments() {
            // Its own two flags, and what the help does not show.
            if arg.is_hide_set() || ["help", "version"].contains(&arg.get_id().as_str()) {
                continue;
            }
            let name = format!("{} {}", command.get_name(), arg.get_id());
            visit(&name, &arg.get_help().unwrap().to_string());
            for value in arg.get_possible_values() {
                // Those of a switch, and the names of shells.
                let Some(help) = value.get_help() else {
                    continue;
                };
                visit(&format!("{name} {}", value.get_name()), &help.to_string());
            }
        }
        for sub in command.get_subcommands() {
            all(sub, visit);
        }
    }

    #[test]
    fn every_command_argument_and_value_has_its_chinese_words() {
        let command = command(texts(Language::Chinese).commands);
        let mut seen = 0;
        all(&command, &mut |name, words| {
            seen += 1;
            let chinese = words
                .chars()
                .any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            assert!(chinese, "{name}: {words}");
        });
        assert!(seen > 120, "{seen}");
        command.debug_assert();
    }

    #[test]
    fn the_english_help_has_no_chinese_and_the_chinese_no_english_headings() {
        let pages = |language: Language| {
            let mut pages = Vec::new();
            for line in [
                "vbatch --help",
                "vbatch -h",
                "vbatch submit --help",
                "vbatch admin -h",
                "vbatch admin audit --help",
                "vbatch admin",
                "vbatch keys create -h",
            ] {
                let texts = texts(language).commands;
                let error = command(texts)
                    .try_get_matches_from(line.split(' '))
                    .unwrap_err();
                pages.push(explain(&error, texts));
            }
            pages
        };
        for page in pages(Language::English) {
            assert!(!page.chars().any(|c| c > '\u{2e80}'), "{page}");
        }
        for page in pages(Language::Chinese) {
            for word in ["Usage", "Commands:", "Arguments:", "Options:", "Screen:"] {
                assert!(!page.contains(word), "{word}: {page}");
            }
            for word in ["Print ", "[default", "[possible", "[env", "Possible values"] {
                assert!(!page.contains(word), "{word}: {page}");
            }
            assert!(page.contains("用法："), "{page}");
        }
    }

    #[test]
    fn wrong_usage_is_said_in_chinese() {
        let texts = texts(Language::Chinese).commands;
        for (line, said) in [
            ("vbatch fly", "未知的命令 fly"),
            ("vbatch show", "缺少 <BATCH>"),
            ("vbatch ls --stat done", "未知的参数 --stat；是 --state 吗"),
            (
                "vbatch ls --state done",
                "--state <STATE> 的值 done 无效（可取：created、",
            ),
            ("vbatch ls --limit", "--limit <N> 缺少值"),
            ("vbatch ls --limit 0", "0 不在 1.."),
            ("vbatch wait 1234 --timeout soon", "时间写作 90s"),
            ("vbatch ls --all --limit 3", "不能与"),
            ("vbatch ls --limit 3 --limit 4", "只能给一次"),
            ("vbatch admin credits wang 5", "+N 为增加"),
        ] {
            let error = command(texts)
                .try_get_matches_from(line.split(' '))
                .unwrap_err();
            let text = explain(&error, texts);
            assert!(text.contains(said), "{line}: {text}");
            assert!(
                text.contains("用法：vbatch") || !text.contains("用法"),
                "{text}"
            );
            assert!(!text.contains("Usage"), "{text}");
        }
    }
}
