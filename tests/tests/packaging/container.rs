//! The file a container is built from. Building one wants images of others; what it says of our own programs is held here.

use std::collections::BTreeMap;
use std::process::Command;

use vbatch_tests::programs::{Daemon, PASSWORD, folder, program};

use crate::packaged;

/// Its instructions, each on one line.
fn instructions() -> Vec<String> {
    let text = std::fs::read_to_string(packaged("Containerfile")).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let whole = lines.join("\n").replace("\\\n", " ");
    whole.lines().map(str::to_owned).collect()
}

fn argument(instruction: &str) -> String {
    let found = instructions();
    let mut found = found
        .iter()
        .filter_map(|line| line.strip_prefix(instruction));
    let argument = found
        .next_back()
        .unwrap_or_else(|| panic!("no {instruction}"));
    argument.trim().to_owned()
}

fn environment() -> BTreeMap<String, String> {
    let line = argument("ENV ");
    let pairs = line
        .split_whitespace()
        .map(|pair| pair.split_once('=').unwrap());
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn the_server_takes_every_variable_that_is_set_there() {
    let variables = environment();
    let output = Command::new(program("vbatchd"))
        .arg("check-config")
        .env_clear()
        .envs(&variables)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let of_environment = said.lines().filter(|line| line.ends_with("environment"));
    assert_eq!(of_environment.count(), variables.len(), "{said}");
    // Encrypted, and nothing stored outside its volume.
    assert!(said.contains(&variables["VBATCH_LISTEN"]), "{said}");
    assert_eq!(variables["VBATCH_DATA_DIR"], argument("VOLUME "));
    assert_eq!(variables["VBATCH_TLS"], "true");
    let port = variables["VBATCH_LISTEN"].rsplit_once(':').unwrap().1;
    assert_eq!(port, argument("EXPOSE "));
}

#[test]
fn nobody_in_it_is_root_and_its_health_is_looked_at() {
    let user = argument("USER ");
    let (user, group) = user.split_once(':').unwrap();
    assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0);
    let entry: Vec<String> = serde_json::from_str(&argument("ENTRYPOINT ")).unwrap();
    assert_eq!(entry, ["vbatchd"]);

    let check = argument("HEALTHCHECK ");
    let check = check.split_once("CMD ").unwrap().1;
    let check: Vec<String> = serde_json::from_str(check).unwrap();
    let data = folder();
    let healthy = || {
        let mut command = Command::new(program(&check[0]));
        command
            .args(&check[1..])
            .env("VBATCH_DATA_DIR", data.path());
        command.output().unwrap().status.code()
    };
    assert_eq!(healthy(), Some(1));
    let admin = [("VBATCH_ADMIN_PASSWORD", PASSWORD)];
    let daemon = Daemon::start(data.path(), &admin, &["--tls"]);
    assert_eq!(healthy(), Some(0));
    assert_eq!(daemon.terminate(), Some(0));
    assert_eq!(healthy(), Some(1));
}
