//! The service as commands show and steer it.

use vbatch_tests::programs::{Daemon, folder};

use super::desk::Desk;

#[test]
fn the_service_is_followed_while_it_changes() {
    let data = folder();
    let daemon = Daemon::start(data.path(), &[], &[]);
    let desk = Desk::of_admin(&daemon);
    let mut terminal = desk.at_terminal("admin system --watch");
    terminal.until_text("RUNNING");
    desk.run("admin pause").done();
    terminal.until_text("PAUSED");
    terminal.type_keys("\x03");
    assert_eq!(terminal.ended().0, 130);

    let mut terminal = desk.at_terminal("admin system --watch --json");
    terminal.until_text("STATE_PAUSED");
    desk.run("admin resume").done();
    terminal.until_text("STATE_RUNNING");
    terminal.type_keys("\x03");
    assert_eq!(terminal.ended().0, 130);

    let status = desk.run("admin system --json").json();
    assert_eq!(
        status["status"]["dispatch"]["state"], "STATE_RUNNING",
        "{status}"
    );
    let words = desk.run("admin system").done();
    assert!(words.contains("dispatch RUNNING"), "{words}");
}
