//! Fetching a segment from where the gateway says it is (`go-livepeer core/os.go` `DownloadData`).
//!
//! Whoever sends a URL makes this machine send a request. Unless it is allowed, no such request goes to an address
//! that only this machine or its neighbours can reach.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{net::lookup_host, time::timeout};
use url::{Host, Url};

use super::upload::{Collector, UploadError};
use crate::wire::{client::HTTP_CONNECT_TIMEOUT, tls};

/// How long fetching a source may take, look-up and body included (`go-livepeer common/util.go`).
const FETCH_TIME: Duration = Duration::from_secs(4);
/// Longest URL a gateway may send in place of the segment.
pub(super) const MAX_URL: usize = 64 << 10;

/// Fetches the source the text names into the collector: `http` or `https`, bounded in bytes and in time. `may_be_private`
/// tells of which URLs the address need not be public.
pub(super) async fn fetch(
    text: &[u8],
    collector: &mut Collector,
    may_be_private: impl FnOnce(&Url) -> bool,
) -> Result<(), UploadError> {
    let url = (text.len() <= MAX_URL)
        .then(|| std::str::from_utf8(text).ok()?.trim().parse::<Url>().ok())
        .flatten()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or(UploadError::NotAUrl)?;
    let may_be_private = may_be_private(&url);
    let fetching = Box::pin(fetch_url(url, collector, may_be_private));
    timeout(FETCH_TIME, fetching)
        .await
        .unwrap_or(Err(UploadError::TooSlow(FETCH_TIME)))
        .map_err(|error| match error {
            UploadError::TooSlow(_) | UploadError::TooLarge => UploadError::Source(error.to_string()),
            other => other,
        })
}

async fn fetch_url(url: Url, collector: &mut Collector, may_be_private: bool) -> Result<(), UploadError> {
    let failed = |error: reqwest::Error| UploadError::Source(error.without_url().to_string());
    let Reachable { name, addresses } = reachable(&url, may_be_private).await?;
    let config = tls::accept_any_client_config(&[tls::HTTP1])
        .map_err(|error| UploadError::Source(error.to_string()))?;
    // The addresses just judged are the ones connected to, whatever the name resolves to next.
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .http1_only()
        .connect_timeout(HTTP_CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .resolve_to_addrs(&name, &addresses)
        .build()
        .map_err(failed)?;
    let mut response = client.get(url).send().await.map_err(failed)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(UploadError::Source(format!("status {}", response.status())));
    }
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        collector.add(&chunk)?;
    }
    Ok(())
}

/// Where a URL leads, judged.
pub(super) struct Reachable {
    /// The host.
    pub name: String,
    /// Where to connect, whatever the name resolves to next.
    pub addresses: Vec<SocketAddr>,
}

/// Finds out where a URL leads; refuses addresses that are not public, unless they may be private.
pub(super) async fn reachable(url: &Url, may_be_private: bool) -> Result<Reachable, UploadError> {
    let addresses = addresses(url).await?;
    if !may_be_private && !addresses.iter().all(|address| is_public(address.ip())) {
        return Err(UploadError::Source("its address is not a public one".to_string()));
    }
    Ok(Reachable {
        name: url.host_str().unwrap_or_default().to_string(),
        addresses,
    })
}

async fn addresses(url: &Url) -> Result<Vec<SocketAddr>, UploadError> {
    let port = url.port_or_known_default().ok_or(UploadError::NotAUrl)?;
    match url.host().ok_or(UploadError::NotAUrl)? {
        Host::Ipv4(ip) => Ok(vec![SocketAddr::from((ip, port))]),
        Host::Ipv6(ip) => Ok(vec![SocketAddr::from((ip, port))]),
        Host::Domain(name) => {
            let found = lookup_host((name, port))
                .await
                .map_err(|error| UploadError::Source(error.to_string()))?;
            Ok(found.collect())
        }
    }
}

/// Whether anybody on the internet could reach the address too.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    // This network, shared address space, protocol assignments, benchmarks, and the reserved rest.
    let is_special = a == 0
        || a == 100 && (64..128).contains(&b)
        || (a, b, c) == (192, 0, 0)
        || a == 198 && (b == 18 || b == 19)
        || a >= 240;
    !(is_special
        || ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_documentation())
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(mapped) = ip.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let segments = ip.segments();
    match segments[0] {
        // Translated to IPv4 at the network's edge.
        0x64 if segments[1] == 0xff9b => false,
        // Tunnels to an IPv4 address, and documentation.
        0x2002 => false,
        0x2001 => segments[1] >= 0x200 && segments[1] != 0xdb8,
        // Global unicast is 2000::/3; everything else is local, special or not given out.
        first => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for ip in [
            "1.1.1.1",
            "100.63.0.1",
            "172.32.0.1",
            "2606:4700::1111",
            "2001:4860::8888",
            "::ffff:8.8.8.8",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "0.0.0.0",
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[tokio::test]
    async fn names_are_judged_by_where_they_lead() {
        let (mut collector, _) = super::super::upload::Room::new(1 << 20).collector(None);
        for url in [
            "http://127.0.0.1:9/x",
            "http://localhost:9/x",
            "http://[::1]:9/x",
            "http://2130706433:9/x",
        ] {
            let error = fetch(url.as_bytes(), &mut collector, |_| false)
                .await
                .unwrap_err();
            assert_eq!(
                error.to_string(),
                "the source cannot be fetched: its address is not a public one",
                "{url}"
            );
        }
    }
}
