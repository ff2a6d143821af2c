//! From a URL to a connection: DNS, the address filter on what DNS said, TCP, CONNECT at a proxy, TLS and the judgement
//! of its certificate.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use sekisho_mail::{AnchorSetId, Check, Domain, Lookup, LookupFault, NamePattern, Verdict};
use sekisho_policy::{dial::may_dial, outbound::HostOrigin};
use sekisho_tls::{ClientProfile, Verifier};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    FetchCause, FetchExceptions, FetchSettings, FetchStage, FetchTerms, FetchTrust, FetchUrl, Proxy, Scheme, Shared,
    UrlHost, Watch, exchange::USER_AGENT,
};
use crate::{
    clock,
    net::{self, TcpStream, TlsStream},
};

/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 8;
/// How long an address is given before the next is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);
/// Octets of a proxy's answer to CONNECT.
const PROXY_HEAD_MAX: usize = 8 * 1024;

/// What a request goes over.
pub(super) struct Connected {
    pub(super) stream: Connection,
    pub(super) address: SocketAddr,
    /// Whether the request names its whole URL: to a proxy, in the clear.
    pub(super) by_proxy: bool,
}

/// A connection.
pub(super) enum Connection {
    Plain(TcpStream),
    Tls(Box<TlsStream>),
}

/// Connects to the host of a URL, or through the proxy.
pub(super) async fn connect(
    shared: &Shared,
    url: &FetchUrl,
    terms: &FetchTerms,
    settings: &FetchSettings,
    watch: Watch,
) -> Result<Connected, FetchCause> {
    let (mut stream, address) = match &settings.proxy {
        Some(proxy) => to_proxy(shared, url, (terms, settings, proxy), watch).await?,
        None => {
            let addresses = addresses(shared, url.host(), url.port(), watch).await?;
            let allowed = filter(url.host(), &addresses, &terms.exceptions, &settings.own_addresses)?;
            dial(&allowed, terms.limits.connect, watch).await?
        }
    };
    if url.scheme() == Scheme::Http {
        return Ok(Connected {
            stream: Connection::Plain(stream),
            address,
            by_proxy: settings.proxy.is_some(),
        });
    }
    let UrlHost::Name(name) = url.host() else {
        let why = "a certificate is for a name, and the URL has an address";
        return Err(FetchCause::Tls(why.to_owned()));
    };
    if let Some(proxy) = &settings.proxy {
        stream = open_tunnel(stream, url, proxy, watch).await?;
    }
    let stream = handshake(shared, stream, name, terms, watch).await?;
    Ok(Connected {
        stream: Connection::Tls(Box::new(stream)),
        address,
        by_proxy: false,
    })
}

/// To the proxy, wherever that is; an address in the URL itself is judged here, since the proxy has no reason to.
async fn to_proxy(
    shared: &Shared,
    url: &FetchUrl,
    (terms, settings, proxy): (&FetchTerms, &FetchSettings, &Proxy),
    watch: Watch,
) -> Result<(TcpStream, SocketAddr), FetchCause> {
    if let UrlHost::Address(address) = url.host() {
        let address = SocketAddr::new(*address, url.port());
        filter(url.host(), &[address], &terms.exceptions, &settings.own_addresses)?;
    }
    let of_proxy = |cause: FetchCause| FetchCause::Proxy {
        proxy: proxy.to_string(),
        why: cause.to_string(),
    };
    let found = addresses(shared, &proxy.host, proxy.port, watch)
        .await
        .map_err(of_proxy)?;
    dial(&found, terms.limits.connect, watch).await.map_err(of_proxy)
}

/// All addresses of a host, of both families in turn.
async fn addresses(shared: &Shared, host: &UrlHost, port: u16, watch: Watch) -> Result<Vec<SocketAddr>, FetchCause> {
    let name = match host {
        UrlHost::Address(address) => return Ok(vec![SocketAddr::new(*address, port)]),
        UrlHost::Name(name) => name,
    };
    let asked = async { tokio::join!(shared.dns.ipv6(name), shared.dns.ipv4(name)) };
    let (v6, v4) = watch.within(FetchStage::Lookup, None, asked).await?;
    let v6 = found(v6.map(|found| found.into_iter().map(IpAddr::V6).collect()));
    let v4 = found(v4.map(|found| found.into_iter().map(IpAddr::V4).collect()));
    let both = match (v6, v4) {
        // A fault of one family does not matter as long as the other has an address.
        (Err(fault), Ok(other)) | (Ok(other), Err(fault)) if other.is_empty() => return Err(FetchCause::Dns(fault)),
        (Err(fault), Err(_)) => return Err(FetchCause::Dns(fault)),
        (v6, v4) => take_turns(v6.unwrap_or_default(), v4.unwrap_or_default()),
    };
    if both.is_empty() {
        return Err(FetchCause::NoName(host.clone()));
    }
    let both = both.into_iter().take(ADDRESSES_MAX);
    Ok(both.map(|address| SocketAddr::new(address, port)).collect())
}

fn found(lookup: Lookup<Vec<IpAddr>>) -> Result<Vec<IpAddr>, LookupFault> {
    match lookup {
        Lookup::Found(addresses, _) => Ok(addresses),
        Lookup::NoData(_) | Lookup::NoName(_) => Ok(Vec::new()),
        Lookup::TempFail(fault) | Lookup::Bogus(fault) => Err(fault),
    }
}

fn take_turns(first: Vec<IpAddr>, second: Vec<IpAddr>) -> Vec<IpAddr> {
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::new();
    loop {
        let pair = (first.next(), second.next());
        if pair == (None, None) {
            return all;
        }
        all.extend(pair.0);
        all.extend(pair.1);
    }
}

/// What may be connected to (law 12). The addresses are those that will be connected to, so that no second answer of
/// DNS comes between.
fn filter(
    host: &UrlHost,
    addresses: &[SocketAddr],
    exceptions: &FetchExceptions,
    own: &[SocketAddr],
) -> Result<Vec<SocketAddr>, FetchCause> {
    let is_named = matches!(host, UrlHost::Name(name) if exceptions.hosts.contains(name));
    let mut refused = None;
    let mut allowed = Vec::with_capacity(addresses.len());
    for address in addresses {
        let is_exception = is_named || exceptions.networks.iter().any(|network| network.contains(address.ip()));
        let origin = if is_exception {
            HostOrigin::Route
        } else {
            HostOrigin::Dns
        };
        match may_dial(*address, origin, own) {
            Ok(_) => allowed.push(*address),
            Err(why) => refused = Some((address.ip(), why)),
        }
    }
    match refused {
        Some((address, why)) if allowed.is_empty() => Err(FetchCause::Filtered {
            host: host.clone(),
            address,
            why: Box::new(why),
        }),
        _ => Ok(allowed),
    }
}

async fn dial(addresses: &[SocketAddr], limit: Duration, watch: Watch) -> Result<(TcpStream, SocketAddr), FetchCause> {
    let dialling = net::connect_first(addresses, None, (limit, STAGGER));
    let failed = match watch.within(FetchStage::Connect, None, dialling).await? {
        Ok(connected) => return Ok(connected),
        Err(failed) => failed,
    };
    let Some((address, source)) = failed.into_iter().next_back() else {
        return Err(FetchCause::Ours("no connection was tried".to_owned()));
    };
    Err(match source.kind() {
        io::ErrorKind::ConnectionRefused => FetchCause::Refused(address),
        io::ErrorKind::TimedOut => FetchCause::TimedOut {
            stage: FetchStage::Connect,
            limit,
        },
        _ => FetchCause::Unreachable { address, source },
    })
}

/// RFC 9110 §9.3.6. Nothing of the tunnel is read before the head of the answer has ended, octet for octet.
async fn open_tunnel(
    mut stream: TcpStream,
    url: &FetchUrl,
    proxy: &Proxy,
    watch: Watch,
) -> Result<TcpStream, FetchCause> {
    let target = url.endpoint();
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {USER_AGENT}\r\n\r\n");
    let asked = async {
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == PROXY_HEAD_MAX {
                return Err(io::Error::other("the head of its answer does not end"));
            }
            head.push(stream.read_u8().await?);
        }
        Ok(head)
    };
    let fault = |why: String| FetchCause::Proxy {
        proxy: proxy.to_string(),
        why,
    };
    let head = watch.within(FetchStage::Proxy, None, asked).await?;
    let head = head.map_err(|error| fault(error.to_string()))?;
    let line = head.split(|octet| *octet == b'\r').next().unwrap_or_default();
    let status = line.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(1..));
    match status {
        Some([b' ', b'2', b'0'..=b'9', b'0'..=b'9', ..]) => Ok(stream),
        _ => Err(fault(format!(
            "it answers \"{}\" to CONNECT {target}",
            line.escape_ascii()
        ))),
    }
}

/// The handshake first, the judgement after; nothing is sent before both are over.
async fn handshake(
    shared: &Shared,
    stream: TcpStream,
    name: &Domain,
    terms: &FetchTerms,
    watch: Watch,
) -> Result<TlsStream, FetchCause> {
    let limit = terms.limits.connect.min(watch.left());
    let profile = ClientProfile::default();
    let shaking = net::connect_tls(&shared.tls, stream, (Some(name), &profile), limit);
    let shaken = watch.within(FetchStage::Handshake, Some(limit), shaking).await?;
    let (stream, _) = shaken.map_err(|failure| match failure.fault {
        sekisho_mail::HandshakeFault::TimedOut => FetchCause::TimedOut {
            stage: FetchStage::Handshake,
            limit,
        },
        _ => FetchCause::Tls(failure.words),
    })?;
    let (verifier, anchors) = match &terms.trust {
        FetchTrust::Named(id) => (Arc::clone(&shared.verifier), id.clone()),
        FetchTrust::Given(set) => {
            let id = AnchorSetId("given".into());
            (Arc::new(Verifier::new(HashMap::from([(id.clone(), set.clone())]))), id)
        }
    };
    let names = vec![NamePattern::exact(name.clone())];
    let checks = [Check::Path { anchors }, Check::Name { names }];
    let verdicts = net::verify(&verifier, stream.peer_chain(), &checks, clock::now());
    for (_, verdict) in verdicts.verdicts {
        match verdict {
            Verdict::Holds => {}
            Verdict::Fails(fault) => return Err(FetchCause::Tls(fault.to_string())),
            Verdict::Unknown(why) => return Err(FetchCause::Ours(why)),
        }
    }
    Ok(stream)
}
