//! What is said to whoever asks for something that is not here, and how a line becomes the words of a command.

/// For a shell without a terminal.
pub(super) const HOW: &str = "\
This is the console of vbatchd, not a shell. With a terminal it shows the screen:

    ssh -t HOST

A command is given after the host:

    ssh HOST ls --json
    ssh HOST vbatch --help
    ssh HOST download BATCH 3 > clip.mp4
    ssh HOST export BATCH > videos.zip
    tar c pics voice.mp3 | ssh HOST submit --tar -
";

/// For a subsystem such as SFTP.
pub(super) fn no_subsystem(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(32).collect();
    format!(
        "vbatchd: there is no {name} here: no file of the server can be read or written. Videos come by \
         `ssh HOST download BATCH ITEM > FILE`, pictures go by `tar c FILES | ssh HOST submit --tar -`.\n"
    )
}

/// For the agent.
pub(super) const NO_AGENT: &str =
    "vbatchd: the agent is not forwarded: nothing here could use it.\n";
/// For X11.
pub(super) const NO_X11: &str = "vbatchd: X11 is not forwarded: nothing here could use it.\n";
/// For a terminal beyond the one.
pub(super) const TOO_MANY_COMMANDS: &str =
    "vbatchd: too many commands are running over SSH. Try again soon.\n";
/// After a panic.
pub(super) const BROKEN: &str =
    "vbatchd: this session has failed by an error of the server, which is in its log.\n";
/// For a command line that cannot be told into words.
pub(super) const NO_WORDS: &str =
    "vbatchd: a quotation mark in the command line has no other one.\n";

/// The words of a command line, as a shell would tell them apart: by spaces, but for what is quoted or after a backslash.
/// Nothing is expanded. None when a quotation has no end.
pub(super) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => match characters.next()? {
                            c @ ('"' | '\\' | '$' | '`') => word.push(c),
                            c => word.extend(['\\', c]),
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(characters.next()?),
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart_as_a_shell_does() {
        let split = |line: &str| split(line).map(|words| words.join("|"));
        let is =
            |line: &str, words: &str| assert_eq!(split(line).as_deref(), Some(words), "{line}");
        is("ls --json", "ls|--json");
        is(
            "  submit   --name 'a b'c \"d \\\" e\" f\\ g '' ",
            "submit|--name|a bc|d \" e|f g|",
        );
        is("--name 王芳", "--name|王芳");
        is("a;b $(c) *", "a;b|$(c)|*");
        is("", "");
        for broken in ["'a", "\"a", "a\\", "\"a\\"] {
            assert_eq!(split(broken), None, "{broken}");
        }
    }
}
