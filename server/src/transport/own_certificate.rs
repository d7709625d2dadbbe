//! A certificate of the server's own making: self-signed, made once, for the names and addresses of the machine.
//!
//! Invariant: once it is there it is never replaced: clients know the server by it. Both files are their owner's alone.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

use super::certificate::CertificateError;

/// Its folder in the data directory.
pub(super) const FOLDER: &str = "tls";
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// How long it is good. Whoever trusts it does so by itself, not by a time: its end would only be a surprise.
const YEARS: i16 = 20;

/// The files of the certificate and its key; made when there are none.
pub(super) fn open(
    data_dir: &Path,
    names: &[String],
    listen: SocketAddr,
    now: Timestamp,
) -> Result<(PathBuf, PathBuf), CertificateError> {
    let folder = data_dir.join(FOLDER);
    let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
    if !certificate.exists() {
        let unmade = |error: &dyn std::fmt::Display| CertificateError::Unmade {
            path: folder.clone(),
            message: error.to_string(),
        };
        let (certificate_pem, key_pem) =
            make(names, listen.ip(), now).map_err(|error| unmade(&error))?;
        // The key first: only what has its key is a certificate.
        private_folder(&folder)
            .and_then(|()| write_private(&folder, &key, key_pem.as_bytes()))
            .and_then(|()| write_private(&folder, &certificate, certificate_pem.as_bytes()))
            .map_err(|error| unmade(&error))?;
    }
    Ok((certificate, key))
}

fn make(
    names: &[String],
    listen: IpAddr,
    now: Timestamp,
) -> Result<(String, String), Box<dyn std::error::Error>> {
    let mut wanted: BTreeSet<String> = machine_names().into_iter().collect();
    wanted.extend(names.iter().cloned());
    wanted.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    let listen = listen.to_canonical();
    if listen.is_unspecified() {
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        // A link-local address means nothing without its link.
        wanted.extend(
            interfaces
                .iter()
                .filter(|interface| !interface.is_link_local())
                .map(|interface| interface.ip().to_string()),
        );
    } else {
        wanted.insert(listen.to_string());
    }

    let mut params = CertificateParams::new(wanted.into_iter().collect::<Vec<_>>())?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "AI Vision Batch");
    params.is_ca = IsCa::NoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A day before, for clients whose clocks are behind.
    let today = now.to_zoned(TimeZone::UTC).date();
    let first = today.checked_sub(1.day())?;
    let last = today.checked_add(YEARS.years())?;
    let date = |date: jiff::civil::Date| {
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(date.year().into(), part(date.month()), part(date.day()))
    };
    params.not_before = date(first);
    params.not_after = date(last);

    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// The names of the machine, as far as it says them: none is better than a wrong one.
fn machine_names() -> Vec<String> {
    let said = fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").ok());
    let name = said.map(|name| name.trim().to_ascii_lowercase());
    name.filter(|name| rustls::pki_types::DnsName::try_from(name.as_str()).is_ok())
        .into_iter()
        .collect()
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Writes a file that is whole or not there.
fn write_private(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
