//! A stretch of network between transcoder and orchestrator that can go silent without closing anything.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::node::harness::PATIENCE;

/// It ends with the test.
pub struct Proxy {
    pub address: SocketAddr,
    flowing: watch::Sender<bool>,
    /// Connections made in the silence that said something.
    held: watch::Sender<u32>,
    stop: CancellationToken,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Proxy {
    /// Passes everything on to `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (flowing, stop) = (watch::Sender::new(true), CancellationToken::new());
        let held = watch::Sender::new(0);
        let (flow, count) = (flowing.clone(), held.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (flow, count) = (flow.clone(), count.clone());
                let is_held = !*flow.borrow();
                connections.spawn(async move {
                    if is_held && stream.readable().await.is_ok() {
                        count.send_modify(|held| *held += 1);
                    }
                    let Ok(onward) = TcpStream::connect(target).await else {
                        return;
                    };
                    let (near, far) = (stream.into_split(), onward.into_split());
                    let mut there = flow.subscribe();
                    let mut back = flow.subscribe();
                    tokio::join!(pass(near.0, far.1, &mut there), pass(far.0, near.1, &mut back));
                });
            }
        }));
        Self {
            address,
            flowing,
            held,
            stop,
        }
    }

    /// Waits for somebody who speaks into the silence over a connection of its own.
    pub async fn holds(&self) {
        let mut held = self.held.subscribe();
        let spoken = held.wait_for(|held| *held > 0);
        tokio::time::timeout(PATIENCE, spoken)
            .await
            .expect("somebody speaks")
            .unwrap();
    }

    /// From now on nothing is passed on, and nothing is closed.
    pub fn freeze(&self) {
        self.flowing.send_replace(false);
    }

    /// Everything is passed on again.
    pub fn thaw(&self) {
        self.flowing.send_replace(true);
    }
}

async fn pass(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    flowing: &mut watch::Receiver<bool>,
) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let Ok(read) = from.read(&mut bytes).await else {
            return;
        };
        if flowing.wait_for(|flowing| *flowing).await.is_err() || read == 0 {
            return;
        }
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}
