//! Completions, asked for as a shell asks. A shell that is not installed is left out with a word.

use std::process::{Command, Stdio};

use vbatch_tests::programs::program;

fn is_installed(shell: &str) -> bool {
    let found = Command::new(shell)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !found {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "{shell} is not installed: left out");
    }
    found
}

/// What a shell writes for a script, with `vbatch` on its path.
fn shell(name: &str, arguments: &[&str]) -> String {
    let folder = program("vbatch").parent().unwrap().to_owned();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = Command::new(name)
        .args(arguments)
        .env("PATH", path)
        .env("LANG", "C.UTF-8")
        .env_remove("LC_ALL")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bash_completes_commands_options_and_values() {
    if !is_installed("bash") {
        return;
    }
    let complete = |words: &[&str]| -> Vec<String> {
        // As bash calls it: the words, which of them is at the cursor, then command, word and the one before it.
        let script = format!(
            "source <(vbatch completions bash)
             complete -p vbatch > /dev/null || exit 1
             COMP_WORDS=({}) COMP_CWORD={}
             _vbatch vbatch \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            words
                .iter()
                .map(|word| format!("'{word}'"))
                .collect::<Vec<_>>()
                .join(" "),
            words.len() - 1
        );
        shell("bash", &["--norc", "--noprofile", "-c", &script])
            .lines()
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(complete(&["vbatch", "sub"]), ["submit"]);
    assert_eq!(complete(&["vbatch", "de"]), ["delete"]);
    let admin = complete(&["vbatch", "admin", ""]);
    for command in ["create-users", "role", "reset-password", "audit", "system"] {
        assert!(
            admin.iter().any(|word| word == command),
            "{command}: {admin:?}"
        );
    }
    assert_eq!(complete(&["vbatch", "submit", "--aud"]), ["--audio"]);
    assert_eq!(
        complete(&["vbatch", "admin", "system", "--wa"]),
        ["--watch"]
    );
    assert_eq!(complete(&["vbatch", "keys", "re"]), ["revoke"]);
    let states = complete(&["vbatch", "ls", "--state", ""]);
    assert!(states.iter().any(|word| word == "cancelled"), "{states:?}");
    assert_eq!(complete(&["vbatch", "--lang", "z"]), ["zh"]);
}

#[test]
fn zsh_takes_the_script() {
    if !is_installed("zsh") {
        return;
    }
    let script = "autoload -Uz compinit && compinit -u -d /dev/null
                  source <(vbatch completions zsh)
                  whence -w _vbatch";
    assert!(shell("zsh", &["-f", "-c", script]).contains("function"));
}

#[test]
fn fish_completes_commands() {
    if !is_installed("fish") {
        return;
    }
    let script = "vbatch completions fish | source; complete -C 'vbatch adm'";
    assert!(shell("fish", &["--no-config", "-c", script]).starts_with("admin"));
}
