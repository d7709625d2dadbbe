//! The data directory that every round starts from. Passwords are slow on purpose, so users are made once; their
//! tokens outlive every life of every round.

use std::io;
use std::path::Path;

use tempfile::TempDir;
use vision_batch::v1;
use vision_batch::v1::admin_service_client::AdminServiceClient;
use vision_batch::v1::auth_service_client::AuthServiceClient;

use crate::programs::{Daemon, Session, folder};

/// What each user has at first: some cannot pay for all that they ask for.
const CREDITS: [i32; 3] = [100, 24, 7];

/// A data directory with users, and their tokens.
pub struct Ground {
    folder: TempDir,
    /// The admin's token.
    pub admin: String,
    /// The users.
    pub users: Vec<Person>,
}

/// A user.
#[derive(Debug, Clone)]
pub struct Person {
    /// UUIDv7.
    pub id: String,
    /// A token that is good for the whole run.
    pub token: String,
    /// The balance at first.
    pub credits: i32,
}

impl Ground {
    /// Makes it, by a server that ends again.
    ///
    /// # Panics
    /// When that server does not do as it should.
    pub async fn lay() -> Self {
        let folder = folder();
        let daemon = Daemon::start(folder.path(), &[], &[]);
        let admin = daemon.sign_in().await;
        let mut users = Vec::new();
        for (number, credits) in CREDITS.into_iter().enumerate() {
            users.push(make(&admin, &format!("user{number}"), credits).await);
        }
        assert_eq!(daemon.terminate(), Some(0));
        Self {
            folder,
            admin: admin.token,
            users,
        }
    }

    /// A copy for a round.
    ///
    /// # Errors
    /// The system's.
    pub fn copy_to(&self, target: &Path) -> io::Result<()> {
        copy(self.folder.path(), target)
    }
}

async fn make(admin: &Session, username: &str, credits: i32) -> Person {
    let mut client = AdminServiceClient::new(admin.channel.clone());
    let wanted = v1::CreateUserRequest {
        username: username.to_owned(),
        credits: Some(credits),
        ..v1::CreateUserRequest::default()
    };
    let made = client.create_user(admin.request(wanted)).await;
    let made = made.expect("a new user").into_inner();
    let mut auth = AuthServiceClient::new(admin.channel.clone());
    let login = v1::LoginRequest {
        username: username.to_owned(),
        password: made.one_time_password.clone(),
    };
    let first = auth.login(login).await.expect("a password").into_inner();
    let session = Session {
        channel: admin.channel.clone(),
        token: first.access_token,
    };
    let change = v1::ChangePasswordRequest {
        current_password: made.one_time_password,
        new_password: format!("quiet-Lantern-{username}"),
    };
    let changed = auth.change_password(session.request(change)).await;
    Person {
        id: made.user.expect("a user").id,
        token: changed.expect("a good password").into_inner().access_token,
        credits,
    }
}

fn copy(source: &Path, target: &Path) -> io::Result<()> {
    std::fs::create_dir_all(target)?;
    for entry in std::fs::read_dir(source)? {
        let entry = entry?;
        let to = target.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &to)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
