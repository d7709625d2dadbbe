//! Plays files with the system's own player.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

/// Whether whoever sits at the terminal would see a player that is started here: not over SSH, and with a display.
#[must_use]
pub fn is_within_reach(variable: impl Fn(&str) -> Option<String>) -> bool {
    let has = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    if has("SSH_CONNECTION") || has("SSH_TTY") {
        return false;
    }
    cfg!(any(target_os = "macos", windows)) || has("DISPLAY") || has("WAYLAND_DISPLAY")
}

/// Starts the player and does not wait for it.
///
/// # Errors
/// When there is none.
pub fn play(path: &Path) -> std::io::Result<()> {
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        Command::new("explorer")
    } else {
        Command::new("xdg-open")
    };
    let mut child = command
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // Waited for, so that it leaves no zombie; it outlives us all the same.
    tokio::spawn(async move {
        let _ = child.wait().await;
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_within_reach;

    #[test]
    #[cfg(not(any(target_os = "macos", windows)))]
    fn a_player_needs_a_display_of_whoever_looks() {
        let reach = |variables: &[(&str, &str)]| {
            is_within_reach(|name| {
                variables
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(reach(&[("DISPLAY", ":0")]));
        assert!(reach(&[("WAYLAND_DISPLAY", "wayland-0")]));
        assert!(!reach(&[]));
        assert!(!reach(&[("DISPLAY", "")]));
        assert!(!reach(&[("DISPLAY", ":10"), ("SSH_CONNECTION", "1 2 3 4")]));
    }
}
