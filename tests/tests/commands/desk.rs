//! Somebody who types commands: a home, a server, and what came of each command.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;

use tempfile::TempDir;
use vbatch_tests::programs::{DEADLINE, Daemon, PASSWORD, folder, media, program};
use vbatch_tests::terminal::Terminal;

/// A home and the address of a server.
pub struct Desk {
    home: TempDir,
    server: String,
    variables: Vec<(String, String)>,
}

/// How a command ended, and what it wrote.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// What it wrote to stdout, when it did what was asked.
    pub fn done(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// The JSON of its only line.
    pub fn json(self) -> serde_json::Value {
        let out = self.done();
        assert_eq!(out.lines().count(), 1, "{out}");
        serde_json::from_str(&out).unwrap()
    }
}

impl Desk {
    /// One where nobody has signed in.
    pub fn at(daemon: &Daemon) -> Self {
        Self {
            home: folder(),
            server: daemon.address.to_string(),
            variables: Vec::new(),
        }
    }

    /// One where the first admin has signed in, with a password of their own.
    pub fn of_admin(daemon: &Daemon) -> Self {
        let desk = Self::at(daemon);
        desk.sign_in("admin", "admin");
        desk
    }

    /// Signs in with a first password.
    pub fn sign_in(&self, username: &str, first: &str) {
        let line = format!("login {username} --password-stdin --new-password-stdin");
        self.type_in(&line, format!("{first}\n{PASSWORD}\n")).done();
    }

    /// The same with a variable of the environment.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where the sessions are kept.
    pub fn credentials(&self) -> PathBuf {
        self.home.path().join("vbatch/credentials.json")
    }

    /// Runs a command line, split at spaces, with nothing to read.
    pub fn run(&self, line: &str) -> Ran {
        self.type_in(line, "")
    }

    /// Runs a command line, split at spaces, with this on stdin.
    pub fn type_in(&self, line: &str, stdin: impl AsRef<[u8]>) -> Ran {
        let args: Vec<&str> = line.split(' ').collect();
        self.run_args(&args, stdin.as_ref())
    }

    /// Runs a command.
    pub fn run_args(&self, args: &[&str], stdin: &[u8]) -> Ran {
        let mut command = Command::new(program("vbatch"));
        command.args(args).current_dir(self.home.path());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if ["VBATCH_", "XDG_", "LC_", "LANG"]
                .iter()
                .any(|start| name.starts_with(start))
            {
                command.env_remove(name);
            }
        }
        command.envs(self.environment());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let given = stdin.to_owned();
        std::thread::spawn(move || {
            // Who does not read it has no need of it.
            let _ = input.write_all(&given);
        });
        let (sender, ended) = mpsc::channel();
        std::thread::spawn(move || sender.send(child.wait_with_output()));
        let output = ended
            .recv_timeout(DEADLINE)
            .unwrap_or_else(|_| panic!("it goes on: {args:?}"))
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command line, split at spaces, in a terminal.
    pub fn at_terminal(&self, line: &str) -> Terminal {
        let args: Vec<&str> = line.split(' ').collect();
        let environment = self.environment();
        let variables: Vec<(&str, &str)> = environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        Terminal::start(&program("vbatch"), &args, &variables, 100, 30)
    }

    fn environment(&self) -> Vec<(String, String)> {
        let home = self.home.path().display().to_string();
        let own = [
            ("HOME", &home),
            ("XDG_CONFIG_HOME", &home),
            ("VBATCH_SERVER", &self.server),
            ("LANG", &"C.UTF-8".to_owned()),
            ("TZ", &"UTC".to_owned()),
        ];
        own.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).clone()))
            .chain(self.variables.iter().cloned())
            .collect()
    }

    /// The command line that submits two pictures and a voice.
    pub fn submission(&self) -> String {
        let pictures = self.home.path().join("pics");
        if !pictures.exists() {
            std::fs::create_dir(&pictures).unwrap();
            for name in ["portrait_01.png", "王芳.png"] {
                std::fs::copy(media("face.png"), pictures.join(name)).unwrap();
            }
            let voice = self.home.path().join("a.mp3");
            std::fs::copy(media("speech.mp3"), voice).unwrap();
        }
        "submit pics/portrait_01.png pics/王芳.png --audio a.mp3".to_owned()
    }

    /// Submits two pictures and waits; the id.
    pub fn finished_batch(&self) -> String {
        let out = self.run(&format!("{} --wait -q", self.submission())).done();
        out.trim_end().to_owned()
    }

    /// A path in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

/// Whether others may do anything with a file.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
