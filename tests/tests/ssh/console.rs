//! A server with a console, and a client of it: keys, known hosts, a terminal.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use vbatch_tests::programs::{Daemon, PASSWORD, Session, folder};
use vbatch_tests::terminal::Terminal;
use vision_batch::v1;
use vision_batch::v1::admin_service_client::AdminServiceClient;
use vision_batch::v1::auth_service_client::AuthServiceClient;

/// A server with its console, and a home for clients.
pub struct Console {
    pub daemon: Daemon,
    /// Where SSH clients are taken.
    pub address: SocketAddr,
    /// The host key's fingerprint, as the start has printed it.
    pub fingerprint: String,
    pub data: TempDir,
    pub home: TempDir,
}

/// How a client signs in.
#[derive(Clone, Copy)]
pub enum By {
    Password,
    /// A key in the home.
    Key(&'static str),
}

/// Whether there is a client; says so when there is none.
pub fn is_installed() -> bool {
    let there = Command::new("ssh").arg("-V").output().is_ok();
    if !there {
        let required = std::env::var("VBATCH_REAL_CLIENTS").is_ok_and(|value| value == "required");
        assert!(!required, "ssh is not installed");
        eprintln!("skipped: ssh is not installed");
    }
    there
}

impl Console {
    /// Starts a server whose admin has [`PASSWORD`]; none without a client.
    pub fn start(variables: &[(&str, &str)]) -> Option<Self> {
        is_installed().then(|| Self::on(folder(), folder(), variables, "127.0.0.1:0"))
    }

    fn on(data: TempDir, home: TempDir, variables: &[(&str, &str)], listen: &str) -> Self {
        let mut all = vec![("VBATCH_ADMIN_PASSWORD", PASSWORD)];
        all.extend(variables);
        let daemon = Daemon::start(data.path(), &all, &["--ssh-listen", listen]);
        let address = daemon.line("SSH clients on ").parse().unwrap();
        let fingerprint = daemon.line("its host key ");
        Self {
            daemon,
            address,
            fingerprint,
            data,
            home,
        }
    }

    /// Kills the server and starts another on the same data, in the same place.
    pub fn restart(self) -> Self {
        let listen = self.address.to_string();
        self.daemon.kill();
        Self::on(self.data, self.home, &[], &listen)
    }

    /// The same with a key of admin's, which is called `key`.
    pub async fn with_key(variables: &[(&str, &str)]) -> Option<Self> {
        let console = Self::start(variables)?;
        let session = console.daemon.sign_in().await;
        let public_key = console.make_key("key");
        console.add_key(&session, &public_key, "").await;
        Some(console)
    }

    /// Makes a key in the home; answers with its public half.
    pub fn make_key(&self, name: &str) -> String {
        let path = self.home.path().join(name);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "desk", "-f"])
            .arg(&path)
            .stdin(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        std::fs::read_to_string(path.with_extension("pub")).unwrap()
    }

    /// Lets a key sign a user in; an empty id is whoever's the session is.
    pub async fn add_key(&self, session: &Session, public_key: &str, user_id: &str) {
        let request = v1::AddSshKeyRequest {
            public_key: public_key.to_owned(),
            name: String::new(),
            user_id: user_id.to_owned(),
        };
        let mut auth = AuthServiceClient::new(session.channel.clone());
        auth.add_ssh_key(session.request(request)).await.unwrap();
    }

    /// A user whose password is [`PASSWORD`] and need not be changed.
    pub async fn make_user(&self, session: &Session, username: &str) -> v1::User {
        let request = v1::CreateUserRequest {
            username: username.to_owned(),
            ..v1::CreateUserRequest::default()
        };
        let mut admin = AdminServiceClient::new(session.channel.clone());
        let made = admin.create_user(session.request(request)).await.unwrap();
        let made = made.into_inner();
        let mut auth = AuthServiceClient::new(session.channel.clone());
        let login = v1::LoginRequest {
            username: username.to_owned(),
            password: made.one_time_password.clone(),
        };
        let signed_in = auth.login(login).await.unwrap().into_inner();
        let own = Session {
            channel: session.channel.clone(),
            token: signed_in.access_token,
        };
        let change = v1::ChangePasswordRequest {
            current_password: made.one_time_password,
            new_password: PASSWORD.to_owned(),
        };
        auth.change_password(own.request(change)).await.unwrap();
        made.user.unwrap()
    }

    /// What `ssh` is told before the words of a command.
    pub fn arguments(&self, user: &str, by: By) -> Vec<String> {
        self.arguments_to(self.address, user, by)
    }

    /// The same, going another way.
    pub fn arguments_to(&self, address: SocketAddr, user: &str, by: By) -> Vec<String> {
        let mut all: Vec<String> = ["-F", "none", "-p"].map(str::to_owned).to_vec();
        all.push(address.port().to_string());
        let known = format!("UserKnownHostsFile={}", self.path("known_hosts").display());
        let mut options = vec![
            known.as_str(),
            "GlobalKnownHostsFile=none",
            "HostKeyAlias=console",
            "StrictHostKeyChecking=accept-new",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "LogLevel=ERROR",
            "SendEnv=LANG",
            "SendEnv=COLORTERM",
        ];
        match by {
            By::Password => {
                options.extend(["PubkeyAuthentication=no", "NumberOfPasswordPrompts=1"])
            }
            By::Key(_) => options.extend(["PasswordAuthentication=no", "BatchMode=yes"]),
        }
        for option in options {
            all.extend(["-o".to_owned(), option.to_owned()]);
        }
        if let By::Key(name) = by {
            all.extend(["-i".to_owned(), self.path(name).display().to_string()]);
        }
        all.push(format!("{user}@{}", address.ip()));
        all
    }

    /// A path in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs a command as admin with the key, without a terminal; `input` is its stdin.
    pub fn run(&self, words: &[&str], input: Option<&Path>) -> Output {
        self.run_as("admin", By::Key("key"), &[], words, input)
    }

    /// Runs a command, or whatever these options ask for.
    pub fn run_as(
        &self,
        user: &str,
        by: By,
        options: &[&str],
        words: &[&str],
        input: Option<&Path>,
    ) -> Output {
        let stdin = match input {
            Some(path) => Stdio::from(std::fs::File::open(path).unwrap()),
            None => Stdio::null(),
        };
        Command::new("ssh")
            .args(options)
            .args(self.arguments(user, by))
            .args(words)
            .env("LANG", "en_US.UTF-8")
            .env_remove("LC_ALL")
            .stdin(stdin)
            .output()
            .unwrap()
    }

    /// A terminal with `ssh` in it.
    pub fn open(
        &self,
        user: &str,
        by: By,
        variables: &[(&str, &str)],
        (columns, rows): (u16, u16),
    ) -> Terminal {
        self.open_to(self.address, user, by, variables, (columns, rows))
    }

    /// The same, going another way.
    pub fn open_to(
        &self,
        address: SocketAddr,
        user: &str,
        by: By,
        variables: &[(&str, &str)],
        (columns, rows): (u16, u16),
    ) -> Terminal {
        let arguments = self.arguments_to(address, user, by);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Terminal::start(Path::new("ssh"), &arguments, variables, columns, rows)
    }

    /// A terminal in which admin sees the empty list.
    pub fn open_screen(&self, size: (u16, u16)) -> Terminal {
        let terminal = self.open("admin", By::Key("key"), &[], size);
        terminal.until_text("No batches yet");
        terminal
    }
}

/// What a program has said, on both of its streams.
pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
