//! The real programs, as processes.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use tempfile::TempDir;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use vision_batch::v1;
use vision_batch::v1::auth_service_client::AuthServiceClient;

/// What no step of a test should take longer than.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The password that [`Daemon::sign_in`] gives to `admin`.
pub const PASSWORD: &str = "quiet-Lantern-42";

/// One of our programs, built beside this test.
///
/// # Panics
/// When it was not built.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: run cargo build first",
        path.display()
    );
    path
}

/// A `vbatchd` that runs; killed when dropped.
pub struct Daemon {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    said: Mutex<mpsc::Receiver<String>>,
}

impl Daemon {
    /// Starts one on a free port and waits until it listens.
    ///
    /// # Panics
    /// When it does not start; what it said is on the test's standard error.
    pub fn start(data_dir: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::launch(free, data_dir, variables, arguments, Stdio::inherit())
    }

    /// Starts one where another was a moment ago, and waits until it listens.
    ///
    /// # Panics
    /// As [`Daemon::start`].
    pub fn start_at(
        address: SocketAddr,
        data_dir: &Path,
        variables: &[(&str, &str)],
        arguments: &[&str],
    ) -> Self {
        Self::launch(address, data_dir, variables, arguments, Stdio::inherit())
    }

    /// Starts one on a free port; what it says on standard error goes to `log`.
    ///
    /// # Panics
    /// As [`Daemon::start`].
    pub fn start_logging(
        data_dir: &Path,
        variables: &[(&str, &str)],
        arguments: &[&str],
        log: Stdio,
    ) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::launch(free, data_dir, variables, arguments, log)
    }

    fn launch(
        address: SocketAddr,
        data_dir: &Path,
        variables: &[(&str, &str)],
        arguments: &[&str],
        log: Stdio,
    ) -> Self {
        let mut command = Command::new(program("vbatchd"));
        command
            .args(["--listen", &address.to_string(), "--data-dir"])
            .arg(data_dir)
            .args(arguments)
            .env("VBATCH_LOG", "warn,symphonia=error,symphonia_core=error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        for name in [
            "LIGHTX2V_BASE_URL",
            "LIGHTX2V_ACCESS_TOKEN",
            "VBATCH_CONFIG",
        ] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        let mut child = command.spawn().expect("vbatchd starts");
        let stdout = child.stdout.take().expect("piped");
        let (lines, said) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody listens any more once the address is known; the pipe is still to be emptied.
                let _ = lines.send(line);
            }
        });
        let address = loop {
            let line = said
                .recv_timeout(DEADLINE)
                .expect("vbatchd says where it listens");
            if let Some(address) = line.strip_prefix("vbatchd listens on ") {
                break address.parse().expect("an address");
            }
        };
        Self {
            address,
            child,
            said: Mutex::new(said),
        }
    }

    /// Waits for a line on standard output that begins so, and gives the rest of it. Lines before it are forgotten.
    ///
    /// # Panics
    /// When it does not come.
    pub fn line(&self, beginning: &str) -> String {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let line = said.recv_timeout(DEADLINE).expect(beginning);
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.to_owned();
            }
        }
    }

    /// SIGKILL: no word, no flush.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// SIGTERM, and the exit code.
    pub fn terminate(self) -> Option<i32> {
        self.signal("TERM");
        self.ended()
    }

    /// Sends a signal, by its name without SIG.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status()
            .expect("kill is there");
    }

    /// Waits for its end, and gives the exit code.
    pub fn ended(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }

    /// Resident memory now, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .expect("VmRSS");
        let kib: u64 = line
            .split_whitespace()
            .nth(1)
            .expect("a number")
            .parse()
            .expect("a number");
        kib * 1024
    }

    /// A channel to it.
    pub async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address))
            .expect("an address")
            .connect()
            .await
            .expect("it listens")
    }

    /// Signs in as `admin`, changing the first password when it still stands.
    pub async fn sign_in(&self) -> Session {
        let channel = self.channel().await;
        let mut auth = AuthServiceClient::new(channel.clone());
        let login = |password: &str| v1::LoginRequest {
            username: "admin".to_owned(),
            password: password.to_owned(),
        };
        let token = match auth.login(login(PASSWORD)).await {
            Ok(response) => response.into_inner().access_token,
            Err(_) => {
                let first = auth
                    .login(login("admin"))
                    .await
                    .expect("the first password")
                    .into_inner();
                let session = Session {
                    channel: channel.clone(),
                    token: first.access_token,
                };
                let change = v1::ChangePasswordRequest {
                    current_password: "admin".to_owned(),
                    new_password: PASSWORD.to_owned(),
                };
                let changed = auth
                    .change_password(session.request(change))
                    .await
                    .expect("a good password");
                changed.into_inner().access_token
            }
        };
        Session { channel, token }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A channel and a token.
#[derive(Clone)]
pub struct Session {
    /// The channel.
    pub channel: Channel,
    /// The token.
    pub token: String,
}

impl Session {
    /// A request with the token.
    pub fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        let bearer: MetadataValue<_> = format!("Bearer {}", self.token)
            .parse()
            .expect("a token is ASCII");
        request.metadata_mut().insert("authorization", bearer);
        request
    }
}

/// A folder of its own for a test.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A file of `tests/media`.
pub fn media(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("media")
        .join(name)
}
