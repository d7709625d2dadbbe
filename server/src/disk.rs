//! How much room the data directory's disk has.

use std::path::Path;

/// Room on a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// What this process may still write.
    pub free_bytes: u64,
    /// The whole disk.
    pub total_bytes: u64,
}

/// The disk that holds `path`; absent where the system does not say.
#[cfg(unix)]
pub fn space(path: &Path) -> Option<DiskSpace> {
    let disk = rustix::fs::statvfs(path).ok()?;
    Some(DiskSpace {
        // Free to us; the rest is kept for the system's own user.
        free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
        total_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
    })
}

/// The disk that holds `path`; absent where the system does not say.
#[cfg(not(unix))]
pub fn space(_path: &Path) -> Option<DiskSpace> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    #[test]
    fn a_disk_has_a_size_and_no_more_free_than_that() {
        let space = super::space(std::path::Path::new(".")).expect("the system says");
        assert!(space.total_bytes > 0);
        assert!(space.free_bytes <= space.total_bytes);
        assert_eq!(super::space(std::path::Path::new("/no/such/folder")), None);
    }
}
