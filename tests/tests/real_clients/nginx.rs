//! The packaged configuration of a reverse proxy, with the real nginx between client and server.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use vbatch_tests::programs::{Daemon, folder};

use crate::buf_curl::{Called, everything};
use crate::{buf_curl, found};

/// The name in the packaged configuration.
const NAME: &str = "vbatch.example.org";

/// An nginx that runs; ended when dropped.
struct Proxy(Child);

impl Proxy {
    /// Starts one with the packaged configuration, on a socket instead of a port, in front of the server.
    fn start(folder: &Path, server: &Daemon) -> Self {
        let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/nginx.conf");
        let mut site = std::fs::read_to_string(packaged).unwrap();
        for (there, here) in [
            ("127.0.0.1:50051", server.address.to_string()),
            (
                "listen 443 ssl http2;",
                format!("listen unix:{}/listen.sock ssl http2;", folder.display()),
            ),
            (
                "/etc/ssl/vbatch/fullchain.pem",
                format!("{}/fullchain.pem", folder.display()),
            ),
            (
                "/etc/ssl/vbatch/privkey.pem",
                format!("{}/privkey.pem", folder.display()),
            ),
        ] {
            assert!(site.contains(there), "{there} is not in the packaged file");
            site = site.replace(there, &here);
        }
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
        std::fs::write(folder.join("fullchain.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("privkey.pem"), made.signing_key.serialize_pem()).unwrap();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|name| format!("{name}_temp_path {}/{name};\n", folder.display()))
            .collect();
        let whole = format!(
            "daemon off;\npid {}/pid;\nerror_log stderr notice;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{site}\n}}\n",
            folder.display(),
        );
        let config = folder.join("nginx.conf");
        std::fs::write(&config, whole).unwrap();
        let mut nginx = Command::new("nginx")
            .args(["-e", "stderr", "-c"])
            .arg(&config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(nginx.stderr.take().unwrap()).lines();
        let mut all = Vec::new();
        loop {
            let line = said.next().unwrap_or_else(|| panic!("{all:#?}")).unwrap();
            if line.contains("start worker process ") {
                break;
            }
            all.push(line);
        }
        // What it says later is not needed, but the pipe is to be emptied.
        std::thread::spawn(move || said.for_each(drop));
        Self(nginx)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // SIGTERM: killed, it would leave its workers behind.
        let id = self.0.id().to_string();
        let _ = Command::new("kill").arg(id).status();
        let _ = self.0.wait();
    }
}

fn there() -> bool {
    let mut probe = Command::new("nginx");
    probe.arg("-v");
    found("nginx", probe) && buf_curl::there()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_through_the_packaged_proxy() {
    if !there() {
        return;
    }
    let data = folder();
    let daemon = Daemon::start(&data.path().join("data"), &[], &[]);
    daemon.sign_in().await;
    let all = tokio::task::spawn_blocking(move || {
        let _proxy = Proxy::start(data.path(), &daemon);
        let socket = data.path().join("listen.sock");
        let certificate = data.path().join("fullchain.pem");
        let behind = || Called {
            base: format!("https://{NAME}"),
            flags: vec![
                "--cacert",
                certificate.to_str().unwrap(),
                "--unix-socket",
                socket.to_str().unwrap(),
            ],
            token: None,
        };
        everything(behind());

        // Without the server behind it nginx answers 502, which gRPC reads as: try again.
        daemon.kill();
        let mut nobody = behind();
        nobody.flags.extend(["--schema", buf_curl::CONTRACT]);
        let refused = nobody.refused("AuthService/GetProfile", "{}");
        assert_eq!(refused["code"], "unavailable", "{refused:#}");
    });
    all.await.unwrap();
}
