//! Certificates and the clients that take any of them, over real sockets.

use std::{sync::Arc, time::Duration};

use engine::wire::{
    client::{self, ConnectError},
    tls,
};
use rustls::pki_types::ServerName;
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Accepts one TLS connection and hands back what was negotiated.
async fn negotiate(server: Arc<rustls::ServerConfig>, offers: &[&[u8]]) -> std::io::Result<Option<Vec<u8>>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let accepting = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await?;
        let mut encrypted = TlsAcceptor::from(server).accept(tcp).await?;
        encrypted.shutdown().await
    });
    let connector = TlsConnector::from(Arc::new(tls::accept_any_client_config(offers).unwrap()));
    let tcp = tokio::net::TcpStream::connect(address).await?;
    // A name the certificate does not have: nobody looks.
    let name = ServerName::try_from("elsewhere.example").unwrap();
    let encrypted = connector.connect(name, tcp).await?;
    let negotiated = encrypted.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    drop(encrypted);
    accepting.await.unwrap().ok();
    Ok(negotiated)
}

#[tokio::test]
async fn any_certificate_is_taken_and_both_versions_are_offered() {
    let server = || tls::self_signed("127.0.0.1").unwrap().server_config().unwrap();
    let both: &[&[u8]] = &[tls::HTTP2, tls::HTTP1];
    assert_eq!(
        negotiate(server(), both).await.unwrap().as_deref(),
        Some(tls::HTTP2)
    );
    assert_eq!(
        negotiate(server(), &[tls::HTTP1]).await.unwrap().as_deref(),
        Some(tls::HTTP1)
    );
}

/// Signs handshakes with another key than the certificate's.
#[tokio::test]
async fn a_peer_without_the_key_of_its_certificate_is_refused() {
    let shown = tls::self_signed("localhost").unwrap();
    let other = tls::self_signed("localhost").unwrap();
    let key = rustls::crypto::ring::sign::any_ecdsa_type(&other.key).unwrap();
    let certified = rustls::sign::CertifiedKey::new(vec![shown.certificate], key);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
    let error = negotiate(Arc::new(config), &[]).await.unwrap_err();
    assert!(error.to_string().contains("BadSignature"), "{error}");
}

#[test]
fn node_addresses_are_read_as_people_write_them() {
    for (text, url) in [
        ("127.0.0.1", "https://127.0.0.1:8935/"),
        ("127.0.0.1:9000", "https://127.0.0.1:9000/"),
        ("o1.example.org", "https://o1.example.org:8935/"),
        ("https://o1.example.org", "https://o1.example.org:8935/"),
        ("https://o1.example.org:443", "https://o1.example.org/"),
        ("http://127.0.0.1:8935/", "http://127.0.0.1:8935/"),
        ("[::1]", "https://[::1]:8935/"),
        ("[::1]:9000", "https://[::1]:9000/"),
    ] {
        assert_eq!(client::parse_node_address(text).unwrap().as_str(), url, "{text}");
    }
    for bad in ["", "ftp://host", "https://user@host", "https://host?x=1", "a b"] {
        assert!(client::parse_node_address(bad).is_err(), "{bad:?} was read");
    }
}

#[tokio::test]
async fn a_peer_that_is_not_there_or_says_nothing_is_unreachable_in_time() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let url = format!("https://{address}").parse().unwrap();
    let error = client::connect_grpc(&url, Duration::from_secs(3))
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap())
        .parse()
        .unwrap();
    let error = client::connect_grpc(&url, Duration::from_millis(200))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no answer within"), "{error}");
}
