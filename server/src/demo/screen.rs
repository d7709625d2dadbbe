//! The screen over the demo's batch, while it is made.

use vbatch_tui::net::Client;
use vbatch_tui::screen::{self, Options, ScreenError, Server};

/// Shows the screen until the user leaves it.
pub(super) async fn run(client: Client) -> Result<(), ScreenError> {
    screen::run(Server::Over(client), Options::default()).await
}
