//! Where a node listens, what gateways are told, and where segments are worked on.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use url::Url;

use crate::failure::{Failure, Kind};

/// The port gateways expect.
const SERVICE_PORT: u16 = 8935;
/// Less free memory than this is no place for segments.
const LEAST_MEMORY: u64 = 1 << 30;

/// The address to bind, and the service URI if it is not simply the bound address.
///
/// # Errors
/// A usage failure for addresses gateways could not use.
pub fn addresses(
    service_addr: Option<&str>,
    bind: Option<SocketAddr>,
    plain: bool,
) -> Result<(SocketAddr, Option<String>), Failure> {
    let Some(text) = service_addr else {
        let bind = bind.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, SERVICE_PORT)));
        if bind.ip().is_unspecified() {
            return Err(Failure::new(
                Kind::Usage,
                "service_addr_needed",
                format!("{bind} is every address of this machine, but gateways need one of them"),
            )
            .hint("name the one they can reach with `--service-addr HOST:PORT`"));
        }
        return Ok((bind, None));
    };
    let (host, port, uri) = service_uri(text, plain)?;
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
    let is_here_only = ip.is_some_and(|ip| ip.is_loopback()) || host == "localhost";
    let bind = bind.unwrap_or_else(|| match ip {
        Some(ip) if ip.is_loopback() => SocketAddr::new(ip, port),
        _ if is_here_only => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        _ => SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
    });
    // A port the system chooses is known only once it is bound.
    let is_bound_address = ip == Some(bind.ip()) && port == bind.port();
    Ok((bind, (!is_bound_address).then_some(uri)))
}

fn service_uri(text: &str, plain: bool) -> Result<(String, u16, String), Failure> {
    let wrong = || {
        Failure::new(
            Kind::Usage,
            "bad_service_addr",
            format!("`{text}` is no address gateways could use"),
        )
        .hint("write it like `orchestrator.example:8935`")
    };
    let scheme = if plain { "http" } else { "https" };
    let full = match text.contains("://") {
        true => text.to_string(),
        false => format!("{scheme}://{text}"),
    };
    let url: Url = full.parse().map_err(|_| wrong())?;
    if matches!(url.scheme(), "http" | "https") && url.scheme() != scheme {
        let hint = match plain {
            true => "leave `--plain` out, or write `http://`",
            false => "add `--plain`, or write `https://`",
        };
        let message = format!("`{text}` and the port do not agree on whether there is TLS");
        return Err(Failure::new(Kind::Usage, "bad_service_addr", message).hint(hint));
    }
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())
        .ok_or_else(wrong)?
        .to_string();
    let is_bare = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    if url.scheme() != scheme || !is_bare {
        return Err(wrong());
    }
    // `Url` drops the scheme's own port; without any, it is the one gateways expect.
    let writes_port = full
        .trim_end_matches('/')
        .ends_with(|last: char| last.is_ascii_digit())
        && full
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.trim_end_matches('/').parse::<u16>().is_ok());
    let port = match url.port() {
        Some(port) => port,
        None if writes_port => url.port_or_known_default().unwrap_or(SERVICE_PORT),
        None => SERVICE_PORT,
    };
    let uri = format!("{scheme}://{host}:{port}");
    Ok((host, port, uri))
}

/// A private folder in memory if there is one with room, else one beside the node's files.
pub fn work_dir(data_dir: &Path) -> PathBuf {
    let uid = rustix::process::geteuid().as_raw();
    let in_memory = PathBuf::from(format!("/dev/shm/lpctl-{uid}"));
    match is_roomy(Path::new("/dev/shm")) && is_ours(&in_memory, uid) {
        true => in_memory,
        false => data_dir.join("work"),
    }
}

fn is_roomy(directory: &Path) -> bool {
    rustix::fs::statvfs(directory)
        .is_ok_and(|system| system.f_bavail.saturating_mul(system.f_frsize) >= LEAST_MEMORY)
}

/// Makes the folder, or checks that the one there is nobody else's: everybody may write beside it.
fn is_ours(directory: &Path, uid: u32) -> bool {
    if fs::DirBuilder::new().mode(0o700).create(directory).is_ok() {
        return true;
    }
    fs::symlink_metadata(directory).is_ok_and(|metadata| {
        metadata.is_dir() && metadata.uid() == uid && metadata.permissions().mode() & 0o077 == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(
        service: Option<&str>,
        bind: Option<&str>,
        plain: bool,
    ) -> Result<(String, Option<String>), &'static str> {
        addresses(service, bind.map(|bind| bind.parse().unwrap()), plain)
            .map(|(bind, uri)| (bind.to_string(), uri))
            .map_err(|failure| failure.code)
    }

    #[test]
    fn a_node_is_for_this_machine_unless_told_otherwise() {
        assert_eq!(resolve(None, None, false), Ok(("127.0.0.1:8935".into(), None)));
        assert_eq!(
            resolve(Some("127.0.0.1:9000"), None, false),
            Ok(("127.0.0.1:9000".into(), None))
        );
        assert_eq!(
            resolve(Some("127.0.0.1:0"), None, true),
            Ok(("127.0.0.1:0".into(), None))
        );
        assert_eq!(
            resolve(Some("[::1]:9000"), None, false),
            Ok(("[::1]:9000".into(), None))
        );
        assert_eq!(
            resolve(Some("localhost"), None, false),
            Ok(("127.0.0.1:8935".into(), Some("https://localhost:8935".into())))
        );
    }

    #[test]
    fn a_public_address_is_told_and_every_address_bound() {
        let public = |uri: &str| Ok(("0.0.0.0:8935".into(), Some(uri.into())));
        assert_eq!(
            resolve(Some("orchestrator.example"), None, false),
            public("https://orchestrator.example:8935")
        );
        assert_eq!(
            resolve(Some("https://orchestrator.example:8935/"), None, false),
            public("https://orchestrator.example:8935")
        );
        assert_eq!(
            resolve(Some("orchestrator.example:8935"), None, true),
            public("http://orchestrator.example:8935")
        );
        assert_eq!(
            resolve(Some("orchestrator.example:443"), Some("10.0.0.1:9000"), false),
            Ok((
                "10.0.0.1:9000".into(),
                Some("https://orchestrator.example:443".into())
            ))
        );
    }

    #[test]
    fn what_gateways_could_not_use_is_refused() {
        for text in ["", "a b", "https://x:1/path", "ftp://x:1", "user@x:1", "x:99999"] {
            assert_eq!(
                resolve(Some(text), None, false),
                Err("bad_service_addr"),
                "{text:?}"
            );
        }
        assert_eq!(resolve(Some("http://x:1"), None, false), Err("bad_service_addr"));
        assert_eq!(resolve(Some("https://x:1"), None, true), Err("bad_service_addr"));
        assert_eq!(
            resolve(None, Some("0.0.0.0:8935"), false),
            Err("service_addr_needed")
        );
    }

    #[test]
    fn a_folder_others_can_write_is_not_ours() {
        let place = tempfile::tempdir().unwrap();
        let uid = rustix::process::geteuid().as_raw();
        let directory = place.path().join("work");
        assert!(is_ours(&directory, uid) && is_ours(&directory, uid));
        assert!(!is_ours(&directory, uid + 1));
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(!is_ours(&directory, uid));
        let link = place.path().join("link");
        std::os::unix::fs::symlink(place.path(), &link).unwrap();
        assert!(!is_ours(&link, uid));
    }
}
