//! The node's certificate: made anew at every start, shown to gateways, and left in the data directory like
//! go-livepeer does (`go-livepeer server/cert.go`).

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio_rustls::TlsAcceptor;

use super::NodeError;
use crate::{private_file, wire::tls::self_signed};

/// Makes a certificate for the host, writes it and its key, and makes what accepts TLS connections with it.
pub(crate) fn acceptor(host: &str, data_dir: &Path) -> Result<TlsAcceptor, NodeError> {
    let made = self_signed(host)?;
    let write = |name: &str, label: &str, der: &[u8]| {
        let path = data_dir.join(name);
        private_file::replace(&path, pem(label, der)).map_err(|source| NodeError::DataDir { path, source })
    };
    write("cert.pem", "CERTIFICATE", &made.certificate)?;
    write("key.pem", "PRIVATE KEY", made.key.secret_der())?;
    Ok(TlsAcceptor::from(made.server_config()?))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use std::{io, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn certificate_and_key_are_left_for_nobody_else_to_read() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        // An older, readable file does not make the new one readable.
        std::fs::write(directory.path().join("key.pem"), "old")?;
        acceptor("127.0.0.1", directory.path()).unwrap();
        for (name, label) in [("cert.pem", "CERTIFICATE"), ("key.pem", "PRIVATE KEY")] {
            let path = directory.path().join(name);
            assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
            let text = std::fs::read_to_string(&path)?;
            assert!(text.starts_with(&format!("-----BEGIN {label}-----\n")), "{text}");
            assert!(text.lines().all(|line| line.len() <= 64));
        }
        Ok(())
    }
}
