//! Where the socket is, and that there is one at most.
//!
//! The path of a Unix socket has about 100 bytes of room. Where a data directory's is longer, Linux reaches it through
//! the open folder (`/proc/self/fd/N/…`); elsewhere it is refused in words.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// The socket's folder below the data directory.
const FOLDER: &str = "run";
/// The socket in it.
const NAME: &str = "owner.sock";

/// Longest path that every Unix takes: 104 bytes on some, of which the last is a zero.
const PATH_BYTES: usize = 103;

/// A socket that listens; its file goes when this is dropped.
pub struct OwnerSocket {
    /// What listens.
    pub listener: UnixListener,
    /// Whose commands are taken: whoever runs the server.
    pub owner: u32,
    path: PathBuf,
}

impl Drop for OwnerSocket {
    fn drop(&mut self) {
        // A file that stays is taken for what it is by the next start.
        drop(fs::remove_file(&self.path));
    }
}

/// The path to bind or connect to, and what has to stay open for it.
struct Reach {
    path: PathBuf,
    _folder: Option<File>,
}

fn reach(data_dir: &Path) -> io::Result<Reach> {
    let folder = data_dir.join(FOLDER);
    let path = folder.join(NAME);
    if path.as_os_str().len() <= PATH_BYTES {
        return Ok(Reach {
            path,
            _folder: None,
        });
    }
    through_folder(&folder)
}

#[cfg(target_os = "linux")]
fn through_folder(folder: &Path) -> io::Result<Reach> {
    use std::os::fd::AsRawFd as _;

    let open = File::open(folder)?;
    let path = format!("/proc/self/fd/{}/{NAME}", open.as_raw_fd());
    Ok(Reach {
        path: path.into(),
        _folder: Some(open),
    })
}

#[cfg(not(target_os = "linux"))]
fn through_folder(folder: &Path) -> io::Result<Reach> {
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!(
            "the path of the socket in {} is longer than {PATH_BYTES} bytes: use a data directory with a shorter path",
            folder.display()
        ),
    ))
}

/// Listens in a data directory that this process alone has open: a socket that is there and answers nobody is of a dead
/// server, and is replaced.
///
/// # Errors
/// When something else is in its place, somebody answers there, or the system refuses.
pub async fn listen(data_dir: &Path) -> io::Result<OwnerSocket> {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};

    let folder = data_dir.join(FOLDER);
    make_private(&folder)?;
    let path = folder.join(NAME);
    match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!("{} is there and is no socket", path.display()),
            ));
        }
        Ok(_) => match connect(data_dir).await {
            Ok(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::AddrInUse,
                    format!("somebody listens on {}", path.display()),
                ));
            }
            Err(_) => fs::remove_file(&path)?,
        },
    }
    let reach = reach(data_dir)?;
    let listener = UnixListener::bind(&reach.path)?;
    // Until here the folder's own mode keeps others out.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    let owner = fs::symlink_metadata(&path)?.uid();
    Ok(OwnerSocket {
        listener,
        owner,
        path,
    })
}

/// Makes the folder, or sees to it that nobody else gets in.
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};

    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    let found = fs::symlink_metadata(folder)?;
    if !found.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{} is there and is no folder", folder.display()),
        ));
    }
    if found.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Connects to the server of a data directory. `NotFound` or `ConnectionRefused` when none runs.
///
/// # Errors
/// Those of the system.
pub async fn connect(data_dir: &Path) -> io::Result<UnixStream> {
    let reach = reach(data_dir)?;
    UnixStream::connect(&reach.path).await
}
