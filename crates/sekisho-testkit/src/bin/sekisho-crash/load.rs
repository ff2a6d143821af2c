//! Senders, half of them under TLS: they send as fast as they are answered, come back whenever a connection breaks, and
//! write down what left them whole and what a 250 came for.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sekisho_testkit::{
    client::{Client, stuffed},
    source::message,
};
use tokio::{runtime::Runtime, task::JoinHandle, time};

use crate::ledger::{Ledger, Plan, SENDER};

/// Half of them under TLS.
const CONNECTIONS: usize = 8;
/// Before another look whether the server is there, or has caught up.
const PAUSE: Duration = Duration::from_millis(2);
/// So much may be on its way before nothing more is sent: what is drained in the end is bounded by it.
const MAX_OUTSTANDING: usize = 3000;

/// Running senders; they end with this value.
#[derive(Debug)]
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    senders: Vec<JoinHandle<()>>,
    runtime: Runtime,
}

impl Load {
    /// Starts them.
    ///
    /// # Errors
    /// When no runtime can be made.
    pub(crate) fn start(server: SocketAddr, ledger: &Arc<Ledger>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let stop = Arc::new(AtomicBool::new(false));
        let start = |worker| {
            let sender = Sender {
                server,
                tls: worker % 2 == 1,
                ledger: Arc::clone(ledger),
                stop: Arc::clone(&stop),
            };
            runtime.spawn(async move {
                while !sender.is_over() {
                    // A connection that breaks is the point of it all.
                    if sender.send_until_broken().await.is_err() {
                        time::sleep(PAUSE).await;
                    }
                }
            })
        };
        let senders = (0..CONNECTIONS).map(start).collect();
        Ok(Self { stop, senders, runtime })
    }

    /// Begins no further message, and waits until those that were begun have their answer or none will come.
    pub(crate) fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.runtime.block_on(async {
            for sender in self.senders {
                // One that panicked sends nothing more either.
                let _ = sender.await;
            }
        });
    }
}

struct Sender {
    server: SocketAddr,
    tls: bool,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
}

impl Sender {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    async fn send_until_broken(&self) -> io::Result<()> {
        let mut client = Client::open(self.server, self.tls).await?;
        while !self.is_over() {
            while self.ledger.outstanding() > MAX_OUTSTANDING && !self.is_over() {
                time::sleep(PAUSE).await;
            }
            let (number, plan) = self.ledger.next();
            self.send(&mut client, number, &plan).await?;
            if plan.broken_off {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn send(&self, client: &mut Client, number: u64, plan: &Plan) -> io::Result<()> {
        let mut commands = format!("MAIL FROM:<{SENDER}>\r\n");
        for recipient in &plan.recipients {
            commands += &format!("RCPT TO:<{recipient}>\r\n");
        }
        client.send(commands.as_bytes()).await?;
        for _ in 0..=plan.recipients.len() {
            client.expect_reply().await?.must_succeed()?;
        }
        let content = message(number);
        let octets = if plan.chunked {
            chunked(&content, plan.broken_off)
        } else {
            client.command("DATA").await?;
            stuffed(&content)
        };
        if plan.broken_off {
            return client.send(&octets[..octets.len() / 2]).await;
        }
        // All but the last octet: until that has left, nobody has the message.
        let (most, last) = octets.split_at(octets.len() - 1);
        client.send(most).await?;
        self.ledger.offered(number);
        client.send(last).await?;
        let reply = client.expect_reply().await?;
        self.ledger.answered(number, reply.code);
        reply.must_succeed().map(drop)
    }
}

/// The content as one chunk, the last one unless the message is to be broken off between two.
fn chunked(content: &[u8], broken_off: bool) -> Vec<u8> {
    let last = if broken_off { "" } else { " LAST" };
    let mut octets = format!("BDAT {}{last}\r\n", content.len()).into_bytes();
    octets.extend_from_slice(content);
    octets
}
