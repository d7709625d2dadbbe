//! What a person has and does: pictures and a voice, a terminal with the screen in it, the keys to sign in and submit.

use std::path::Path;

use tempfile::TempDir;
use vbatch_tests::programs::{Daemon, PASSWORD, folder, media, program};
use vbatch_tests::terminal::Terminal;
use vbatch_tests::upstream::config::UpstreamConfig;
use vbatch_tests::upstream::fake::FakeUpstream;

pub const ENTER: &str = "\r";
pub const TAB: &str = "\t";
pub const ESC: &str = "\x1b";
pub const CTRL_S: &str = "\x13";

/// A folder with a voice and two pictures, one of them with a Chinese name.
pub fn material() -> TempDir {
    let material = folder();
    std::fs::copy(media("speech.mp3"), material.path().join("speech.mp3")).unwrap();
    let pictures = material.path().join("pics");
    std::fs::create_dir(&pictures).unwrap();
    std::fs::copy(media("face.png"), pictures.join("portrait_01.png")).unwrap();
    std::fs::copy(media("face.png"), pictures.join("王芳-正面照.png")).unwrap();
    material
}

/// `vbatch` with these arguments in a terminal, with a home of its own.
pub fn run(
    arguments: &[&str],
    home: &Path,
    variables: &[(&str, &str)],
    columns: u16,
    rows: u16,
) -> Terminal {
    let home = home.to_str().unwrap();
    let mut all = vec![
        ("HOME", home),
        ("XDG_CONFIG_HOME", home),
        ("XDG_DATA_HOME", home),
        ("XDG_STATE_HOME", home),
    ];
    all.extend(variables);
    Terminal::start(&program("vbatch"), arguments, &all, columns, rows)
}

/// The screen.
pub fn open(
    daemon: &Daemon,
    home: &Path,
    variables: &[(&str, &str)],
    columns: u16,
    rows: u16,
) -> Terminal {
    let server = format!("http://{}", daemon.address);
    run(&["--server", &server], home, variables, columns, rows)
}

/// Signs in where the screen asks for it.
pub fn sign_in(terminal: &mut Terminal, username: &str, password: &str) {
    terminal.until_text("Sign in");
    for text in [username, ENTER, password, ENTER] {
        terminal.type_keys(text);
    }
}

/// Types the change of a first password and arrives at the empty list.
pub fn first_sign_in_of(terminal: &mut Terminal, username: &str, password: &str) {
    sign_in(terminal, username, password);
    terminal.until_text("Choose a new password");
    for text in [PASSWORD, ENTER, PASSWORD, ENTER] {
        terminal.type_keys(text);
    }
    terminal.until_text("No batches yet");
}

/// The same of the first admin.
pub fn first_sign_in(terminal: &mut Terminal) {
    first_sign_in_of(terminal, "admin", "admin");
}

/// Fills in a new batch of the material's pictures, sees the balance it leaves, and submits it.
pub fn submit(terminal: &mut Terminal, name: &str, material: &Path, balance: &str) {
    terminal.type_keys("n");
    terminal.until_text("New batch");
    terminal.type_keys(name);
    terminal.type_keys(TAB);
    terminal.type_keys(TAB);
    terminal.type_keys(material.join("speech.mp3").to_str().unwrap());
    terminal.until_text("MP3 0:0");
    terminal.type_keys(TAB);
    terminal.type_keys(TAB);
    terminal.until_text("pics/");
    terminal.type_keys("j");
    terminal.type_keys(ENTER);
    terminal.until_text("portrait_01.png");
    terminal.type_keys("*");
    let form = terminal.until("the price of both pictures", |screen| {
        screen.contains("2 images marked") && screen.contains(balance)
    });
    assert!(form.contains("王芳-正面照.png"), "{form}");
    terminal.type_keys(CTRL_S);
}

/// An upstream whose videos are real ones.
pub async fn upstream(config: UpstreamConfig) -> FakeUpstream {
    let video = std::fs::read(media("film.mp4")).unwrap().into();
    FakeUpstream::start(UpstreamConfig { video, ..config })
        .await
        .unwrap()
}

/// The variables by which a server finds it.
pub fn variables_of(upstream: &FakeUpstream) -> [(&'static str, String); 2] {
    [
        ("LIGHTX2V_BASE_URL", upstream.base_url()),
        ("LIGHTX2V_ACCESS_TOKEN", upstream.token()),
    ]
}
