//! A handshake that is not one: both ends tell each other, in a line each, what TLS would have come to. The lines
//! travel through the simulated network, so that whatever happens to a handshake there happens to them.

use std::{io, time::Duration};

use sekisho_mail::{
    CertificateFacts, CertificateFault, ChainAnswers, Check, ClientCertificateFate, Digest, Domain, HandshakeFailure,
    HandshakeFault, HandshakeStage, KeyExchangeGroup, KeyExchangeGroups, KeyProof, Timestamp, TlsFacts, TlsVersion,
    Verdict,
};
use sekisho_tls::ClientProfile;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

/// A line of either end is at most so long.
const LINE_OCTETS_MAX: usize = 4096;

/// The client's line.
#[derive(Debug, Serialize, Deserialize)]
struct Hello {
    name: Option<Domain>,
    groups: KeyExchangeGroups,
}

/// What a server presents and does, and what checks of its chain come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerFacts {
    /// It breaks on the hybrid group, with this alert; or on everything.
    pub breaks: Option<Breaks>,
    /// What [`Check::Path`] comes to.
    pub path: Verdict,
    /// What [`Check::Name`] comes to.
    pub name: Verdict,
}

/// What a server does not bear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Breaks {
    OnHybrid,
    Always,
}

impl PeerFacts {
    /// Nothing is wrong with it.
    pub const fn sound() -> Self {
        Self {
            breaks: None,
            path: Verdict::Holds,
            name: Verdict::Holds,
        }
    }

    /// Whether its certificate is good for whatever is asked, however the handshake went.
    pub fn is_sound(&self) -> bool {
        self.path == Verdict::Holds && self.name == Verdict::Holds
    }

    /// A certificate that leads nowhere and names nobody.
    pub const fn self_signed() -> Self {
        Self {
            breaks: None,
            path: Verdict::Fails(CertificateFault::SelfSigned),
            name: Verdict::Fails(CertificateFault::WrongName(Vec::new())),
        }
    }

    pub(super) fn answers(&self, checks: &[Check]) -> ChainAnswers {
        let answer = |check: &Check| match check {
            // A simulation revokes nothing: where there is a path, it is good.
            Check::Path { .. } | Check::Revocation { .. } => self.path.clone(),
            Check::Name { .. } => self.name.clone(),
        };
        ChainAnswers {
            verdicts: checks.iter().map(|check| (check.clone(), answer(check))).collect(),
            revocation_sources: Vec::new(),
        }
    }
}

/// The client's part.
pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    name: Option<&Domain>,
    profile: &ClientProfile,
    time_limit: Duration,
) -> Result<(S, PeerFacts, TlsFacts), Box<HandshakeFailure>> {
    let groups = profile.groups;
    let name = name.cloned();
    let talk = async {
        write_line(
            &mut stream,
            &Hello {
                name: name.clone(),
                groups,
            },
        )
        .await?;
        read_line::<Result<PeerFacts, String>>(&mut stream).await
    };
    match timeout(time_limit, talk).await {
        Ok(Ok(Ok(presented))) => Ok((stream, presented, facts(name, groups))),
        Ok(Ok(Err(alert))) => Err(failure(HandshakeFault::Alert(alert))),
        Ok(Err(error)) => Err(lost(&error)),
        Err(_) => Err(failure(HandshakeFault::TimedOut)),
    }
}

/// The server's part, which presents `presented`.
pub async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    presented: &PeerFacts,
    time_limit: Duration,
) -> Result<(S, TlsFacts), Box<HandshakeFailure>> {
    let talk = async {
        let hello: Hello = read_line(&mut stream).await?;
        let breaks = match presented.breaks {
            Some(Breaks::OnHybrid) => hello.groups.contains(KeyExchangeGroup::X25519MlKem768),
            Some(Breaks::Always) => true,
            None => false,
        };
        let answer = if breaks { Err("internal_error") } else { Ok(presented) };
        write_line(&mut stream, &answer).await?;
        io::Result::Ok((hello, breaks))
    };
    match timeout(time_limit, talk).await {
        Ok(Ok((hello, false))) => Ok((stream, facts(hello.name, hello.groups))),
        Ok(Ok((_, true))) => Err(failure(HandshakeFault::Incompatible)),
        Ok(Err(error)) => Err(lost(&error)),
        Err(_) => Err(failure(HandshakeFault::TimedOut)),
    }
}

/// The best group that is offered is the one.
fn facts(name: Option<Domain>, groups: KeyExchangeGroups) -> TlsFacts {
    TlsFacts {
        version: TlsVersion::Tls13,
        suite: "TLS_AES_128_GCM_SHA256".to_owned(),
        group: groups.iter().next().map(|group| group.to_string()).unwrap_or_default(),
        sni: name,
        implicit: false,
        alpn: None,
        resumed: false,
        chain: vec![leaf()],
        key: KeyProof::Proven,
        verdicts: Vec::new(),
        revocation_sources: Vec::new(),
        stapled_ocsp_len: None,
        client_certificate: ClientCertificateFate::NotAsked,
    }
}

/// The one certificate that everybody presents; what it is worth is told beside it.
fn leaf() -> CertificateFacts {
    CertificateFacts {
        sha256: Digest([1; 32]),
        spki_sha256: Digest([2; 32]),
        subject: "CN=simulated".to_owned(),
        issuer: "CN=simulated".to_owned(),
        dns_names: Vec::new(),
        common_name: None,
        not_before: Timestamp::EPOCH,
        not_after: Timestamp::FAR_FUTURE,
        key: "EC P-256".to_owned(),
        not_for_clients: false,
    }
}

fn failure(fault: HandshakeFault) -> Box<HandshakeFailure> {
    Box::new(HandshakeFailure {
        stage: HandshakeStage::BeforePeerHello,
        words: format!("the handshake failed: {}", fault.word()),
        fault,
        hello: None,
        chain: Vec::new(),
    })
}

fn lost(error: &io::Error) -> Box<HandshakeFailure> {
    let lost = failure(HandshakeFault::ConnectionLost);
    let words = format!("{}: {error}", lost.words);
    Box::new(HandshakeFailure { words, ..*lost })
}

async fn write_line<S: AsyncWrite + Unpin>(stream: &mut S, value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    stream.write_all(&line).await
}

/// Octet by octet: what comes behind the line is not the handshake's.
async fn read_line<T: for<'de> Deserialize<'de>>(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<T> {
    let mut line = Vec::new();
    loop {
        match stream.read_u8().await? {
            b'\n' => return Ok(serde_json::from_slice(&line)?),
            _ if line.len() == LINE_OCTETS_MAX => return Err(io::ErrorKind::InvalidData.into()),
            octet => line.push(octet),
        }
    }
}
