//! Who may hand in what: the three stages of a judgement on a session, at MAIL, at each RCPT and after the content.
//!
//! A verdict at RCPT concerns that recipient alone, never its neighbours. Its first user is the right to relay: nobody
//! has it who was not given it (law 12), and nothing in an address confers it, be it a percent sign, a bang, a source
//! route, quotes, an address literal or our own name.

use std::net::IpAddr;

use sekisho_mail::{ChannelSecurity, Digest, EnhancedCode, KeyProof, Reply, ReplyCode, ReversePath, StatedReason};

use crate::{Network, Reason};

/// Who may relay through a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayRights {
    loopback: bool,
    networks: Vec<Network>,
    keys: Vec<Digest>,
}

/// How clients reach a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposure {
    /// Directly: the address of the socket's other end is the client's.
    Direct,
    /// Through a proxy that tells the client's address: the other end of the socket is the proxy.
    Proxied,
    /// This process runs in a container: a mapped port makes the whole world come from a neighbouring address.
    Container,
}

/// `relay-from` of a listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RelayFrom {
    /// Clients with these addresses.
    pub networks: Vec<Network>,
    /// Clients that prove to hold one of these keys: SHA-256 of the SubjectPublicKeyInfo.
    pub keys: Vec<Digest>,
}

impl RelayRights {
    /// The rights at a listener that is bound to `bound`. What the operator wrote holds alone. Where nothing is
    /// written, loopback relays, and only where nobody else can come from loopback: bound to loopback, reached
    /// directly, outside a container.
    #[must_use]
    pub fn of_listener(bound: IpAddr, exposure: Exposure, from: Option<RelayFrom>) -> Self {
        match from {
            Some(RelayFrom { networks, keys }) => Self {
                loopback: false,
                networks,
                keys,
            },
            None => Self {
                loopback: bound.to_canonical().is_loopback() && exposure == Exposure::Direct,
                networks: Vec::new(),
                keys: Vec::new(),
            },
        }
    }

    /// Whether everyone is refused.
    #[must_use]
    pub const fn is_nobody(&self) -> bool {
        !self.loopback && self.networks.is_empty() && self.keys.is_empty()
    }

    /// Whether clients on this machine may relay.
    #[must_use]
    pub const fn serves_loopback(&self) -> bool {
        self.loopback
    }

    /// Whether clients with this address may relay, whatever else is known of them.
    #[must_use]
    pub fn serves_address(&self, client: IpAddr) -> bool {
        self.find_by_address(client).is_some()
    }

    fn find_by_address(&self, client: IpAddr) -> Option<Reason> {
        if self.loopback && client.to_canonical().is_loopback() {
            return Some(Reason::RelayForLoopback);
        }
        let network = self.networks.iter().find(|network| network.contains(client))?;
        Some(Reason::RelayForNetwork { network: *network })
    }

    /// The right of this client, when it has one. A key counts only when the handshake proved it.
    fn find(&self, client: IpAddr, security: &ChannelSecurity) -> Option<Reason> {
        if let Some(right) = self.find_by_address(client) {
            return Some(right);
        }
        let tls = security.tls().filter(|tls| tls.key == KeyProof::Proven)?;
        let leaf = tls.chain.first()?;
        // All zero stands for a key that could not be parsed; nobody holds it.
        if leaf.spki_sha256 == Digest([0; 32]) || !self.keys.contains(&leaf.spki_sha256) {
            return None;
        }
        Some(Reason::RelayForKey {
            spki_sha256: leaf.spki_sha256,
        })
    }
}

/// What is known of a session, and what it asks for.
#[derive(Clone, Copy, Debug)]
pub struct InboundFacts<'a> {
    /// The client's address; behind a proxy, the one that the proxy told.
    pub client: IpAddr,
    /// What the connection came to.
    pub security: &'a ChannelSecurity,
    /// Who may relay here.
    pub rights: &'a RelayRights,
    /// What is asked.
    pub stage: Stage<'a>,
}

/// The three moments at which a session is judged.
#[derive(Clone, Copy, Debug)]
pub enum Stage<'a> {
    /// MAIL.
    Mail {
        /// The sender named.
        reverse_path: &'a ReversePath,
    },
    /// One RCPT.
    Rcpt {
        /// What the recipient is to us.
        standing: RecipientStanding,
        /// What stands before its `@`, as written.
        local_part: &'a str,
    },
    /// After the content, before it is kept.
    Content {
        /// How many `Received` fields it has.
        hops: u32,
        /// How many it may have; RFC 5321 §6.3 asks for at least 100 before a loop is assumed.
        max_hops: u32,
    },
}

/// What a recipient is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipientStanding {
    /// It has a mailbox here, its own or a catch-all.
    User,
    /// It is an alias here, wherever it leads: the operator wrote it, so no right to relay is needed.
    Alias,
    /// Its domain is one whose mail is taken from anyone and passed on (a relay domain), unless the address leads on
    /// from there. Which mailboxes exist there is known to the next hop alone.
    RelayDomain,
    /// The domain is ours, and there is no such user.
    Unknown,
    /// Not ours: another domain, or an address literal, our own included.
    Elsewhere,
}

/// A judgement with its reasons; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Go on.
    Admitted {
        /// Why.
        reasons: Vec<Reason>,
    },
    /// Answer this; what was said before stands.
    Refused {
        /// It names no configuration: the client learns nothing about who else might relay.
        reply: Reply,
        /// Why.
        reasons: Vec<Reason>,
    },
}

impl Admission {
    /// Why; at least one.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Admitted { reasons } | Self::Refused { reasons, .. } => reasons,
        }
    }

    /// Why, for the trace.
    #[must_use]
    pub fn stated(&self) -> Vec<StatedReason> {
        self.reasons().iter().map(StatedReason::from).collect()
    }
}

impl Reason {
    /// By which right a message came in, as an arrival's trace keeps it: `local recipient`, `relay: 192.0.2.0/24`.
    #[must_use]
    pub fn admission_right(&self) -> String {
        match self {
            Self::LocalRecipient => "local recipient".to_owned(),
            Self::LocalAlias => "local alias".to_owned(),
            Self::RelayDomain => "relay domain".to_owned(),
            Self::RelayForLoopback => "relay: loopback".to_owned(),
            Self::RelayForNetwork { network } => format!("relay: {network}"),
            Self::RelayForKey { spki_sha256 } => format!("relay: key {spki_sha256}"),
            Self::OpportunisticTls
            | Self::OpportunisticPlaintext { .. }
            | Self::UnprovenKeyAccepted { .. }
            | Self::DemandMet { .. }
            | Self::DemandNotMet { .. }
            | Self::FaultOfOurs { .. }
            | Self::WantsTlsAfterAll { .. }
            | Self::AnySender
            | Self::UnknownUser
            | Self::RelayDenied
            | Self::ContentAccepted
            | Self::TooManyHops { .. }
            | Self::DialNamedByRoute
            | Self::DialPublic
            | Self::DialSpecial { .. }
            | Self::DialOurselves { .. } => self.key().to_owned(),
        }
    }
}

/// Judges one stage of a session.
#[must_use]
pub fn admit(facts: &InboundFacts<'_>) -> Admission {
    match facts.stage {
        Stage::Mail { reverse_path: _ } => admitted(Reason::AnySender),
        Stage::Rcpt { standing, local_part } => admit_recipient(facts, standing, local_part),
        Stage::Content { hops, max_hops } if hops > max_hops => refused(
            (554, EnhancedCode::new(5, 4, 6)),
            "too many hops, this message is looping",
            Reason::TooManyHops { hops },
        ),
        Stage::Content { .. } => admitted(Reason::ContentAccepted),
    }
}

/// Whether an old server behind us might take the address for an order to send on: `user%host`, `host!user`,
/// `"user@host"`. It trusts us, so from a stranger we hand it no such thing.
fn leads_on(local_part: &str) -> bool {
    local_part.contains(['%', '!', '@'])
}

fn admit_recipient(facts: &InboundFacts<'_>, standing: RecipientStanding, local_part: &str) -> Admission {
    match standing {
        RecipientStanding::User => admitted(Reason::LocalRecipient),
        RecipientStanding::Alias => admitted(Reason::LocalAlias),
        RecipientStanding::RelayDomain if !leads_on(local_part) => admitted(Reason::RelayDomain),
        RecipientStanding::Unknown => refused(
            (550, EnhancedCode::new(5, 1, 1)),
            "no such user here",
            Reason::UnknownUser,
        ),
        RecipientStanding::RelayDomain | RecipientStanding::Elsewhere => {
            match facts.rights.find(facts.client, facts.security) {
                Some(right) => admitted(right),
                None => refused(
                    (550, EnhancedCode::new(5, 7, 1)),
                    "relaying denied",
                    Reason::RelayDenied,
                ),
            }
        }
    }
}

fn admitted(reason: Reason) -> Admission {
    Admission::Admitted { reasons: vec![reason] }
}

fn refused((code, enhanced): (u16, EnhancedCode), text: &str, reason: Reason) -> Admission {
    let code = ReplyCode::new(code).expect("invariant: the codes above are well formed");
    Admission::Refused {
        reply: Reply {
            code,
            enhanced: Some(enhanced),
            lines: vec![text.to_owned()],
        },
        reasons: vec![reason],
    }
}

#[cfg(test)]
mod tests {
    use sekisho_mail::{
        CertificateFacts, ClientCertificateFate, PlaintextCause, ReplyClass, Timestamp, TlsFacts, TlsVersion,
    };

    use super::*;

    const KEY: Digest = Digest([5; 32]);

    fn plain() -> ChannelSecurity {
        ChannelSecurity::Plaintext(PlaintextCause::NotAsked)
    }

    fn tls(spki_sha256: Digest, key: KeyProof) -> ChannelSecurity {
        let leaf = CertificateFacts {
            sha256: Digest([1; 32]),
            spki_sha256,
            subject: String::new(),
            issuer: String::new(),
            dns_names: Vec::new(),
            not_before: Timestamp::EPOCH,
            not_after: Timestamp::FAR_FUTURE,
            key: "P-256".to_owned(),
        };
        ChannelSecurity::Tls(Box::new(TlsFacts {
            version: TlsVersion::Tls13,
            suite: String::new(),
            group: String::new(),
            sni: None,
            alpn: None,
            resumed: false,
            chain: vec![leaf],
            key,
            verdicts: Vec::new(),
            stapled_ocsp_len: None,
            client_certificate: ClientCertificateFate::NotAsked,
        }))
    }

    fn ask(rights: &RelayRights, client: &str, security: &ChannelSecurity, stage: Stage<'_>) -> Admission {
        admit(&InboundFacts {
            client: client.parse().unwrap(),
            security,
            rights,
            stage,
        })
    }

    fn rcpt(standing: RecipientStanding) -> Stage<'static> {
        let local_part = "user";
        Stage::Rcpt { standing, local_part }
    }

    fn may_relay(rights: &RelayRights, client: &str, security: &ChannelSecurity) -> bool {
        let standing = RecipientStanding::Elsewhere;
        matches!(
            ask(rights, client, security, rcpt(standing)),
            Admission::Admitted { .. }
        )
    }

    fn rights(bound: &str, exposure: Exposure, from: Option<RelayFrom>) -> RelayRights {
        RelayRights::of_listener(bound.parse().unwrap(), exposure, from)
    }

    #[test]
    fn loopback_relays_only_at_a_listener_that_nobody_else_can_reach() {
        let clients = [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "192.0.2.1",
            "10.0.0.1",
            "::",
        ];
        for bound in ["127.0.0.1", "::1", "0.0.0.0", "::", "192.0.2.7"] {
            for exposure in [Exposure::Direct, Exposure::Proxied, Exposure::Container] {
                let rights = rights(bound, exposure, None);
                for client in clients {
                    let alone = matches!(bound, "127.0.0.1" | "::1") && exposure == Exposure::Direct;
                    let local = clients[..4].contains(&client);
                    assert_eq!(
                        may_relay(&rights, client, &plain()),
                        alone && local,
                        "{bound} {exposure:?} {client}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_the_operator_wrote_holds_alone() {
        let nobody = rights("127.0.0.1", Exposure::Direct, Some(RelayFrom::default()));
        assert!(nobody.is_nobody() && !may_relay(&nobody, "127.0.0.1", &plain()));
        let from = RelayFrom {
            networks: vec!["192.0.2.0/24".parse().unwrap()],
            keys: Vec::new(),
        };
        let some = rights("127.0.0.1", Exposure::Proxied, Some(from));
        assert!(may_relay(&some, "192.0.2.9", &plain()));
        assert!(may_relay(&some, "::ffff:192.0.2.9", &plain()));
        assert!(!may_relay(&some, "127.0.0.1", &plain()));
        assert!(!may_relay(&some, "192.0.3.9", &tls(KEY, KeyProof::Proven)));
    }

    #[test]
    fn a_key_gives_a_right_only_when_it_is_listed_and_proven() {
        let from = RelayFrom {
            networks: Vec::new(),
            keys: vec![KEY, Digest([0; 32])],
        };
        let rights = rights("0.0.0.0", Exposure::Direct, Some(from));
        assert!(may_relay(&rights, "198.51.100.1", &tls(KEY, KeyProof::Proven)));
        for security in [
            plain(),
            tls(Digest([6; 32]), KeyProof::Proven),
            tls(Digest([0; 32]), KeyProof::Proven),
            tls(KEY, KeyProof::NotProven("odd".to_owned())),
        ] {
            assert!(!may_relay(&rights, "198.51.100.1", &security), "{security:?}");
        }
    }

    #[test]
    fn mail_for_us_needs_no_right_and_mail_for_nobody_is_refused_even_to_who_may_relay() {
        let nobody = RelayRights::default();
        let everyone = rights("127.0.0.1", Exposure::Direct, None);
        for rights in [&nobody, &everyone] {
            for (standing, code, right) in [
                (RecipientStanding::User, None, "local recipient"),
                (RecipientStanding::Alias, None, "local alias"),
                (RecipientStanding::RelayDomain, None, "relay domain"),
                (
                    RecipientStanding::Unknown,
                    Some("550 5.1.1 no such user here"),
                    "unknown-user",
                ),
            ] {
                let admission = ask(rights, "127.0.0.1", &plain(), rcpt(standing));
                assert_eq!(admission.reasons()[0].admission_right(), right);
                match admission {
                    Admission::Admitted { .. } => assert_eq!(code, None),
                    Admission::Refused { reply, .. } => assert_eq!(Some(reply.to_string().as_str()), code),
                }
            }
        }
    }

    #[test]
    fn a_stranger_hands_the_server_behind_us_no_order_to_send_on() {
        let standing = RecipientStanding::RelayDomain;
        let loopback = rights("127.0.0.1", Exposure::Direct, None);
        for local_part in [
            "u%there.example",
            "there.example!u",
            "\"u@there.example\"",
            "\"u\\@there.example\"",
        ] {
            let stage = Stage::Rcpt { standing, local_part };
            let stranger = ask(&RelayRights::default(), "192.0.2.1", &plain(), stage);
            assert_eq!(stranger.reasons(), [Reason::RelayDenied], "{local_part}");
            let trusted = ask(&loopback, "127.0.0.1", &plain(), stage);
            assert_eq!(trusted.reasons(), [Reason::RelayForLoopback], "{local_part}");
            let standing = RecipientStanding::Alias;
            let ours = ask(
                &RelayRights::default(),
                "192.0.2.1",
                &plain(),
                Stage::Rcpt { standing, local_part },
            );
            assert_eq!(ours.reasons(), [Reason::LocalAlias], "what is ours we read ourselves");
        }
    }

    #[test]
    fn a_refusal_to_relay_is_permanent_and_names_no_configuration() {
        let from = RelayFrom {
            networks: vec!["192.0.2.0/24".parse().unwrap()],
            keys: vec![KEY],
        };
        let rights = rights("0.0.0.0", Exposure::Direct, Some(from));
        let standing = RecipientStanding::Elsewhere;
        let Admission::Refused { reply, reasons } = ask(&rights, "203.0.113.1", &plain(), rcpt(standing)) else {
            panic!("admitted");
        };
        assert_eq!(reply.to_string(), "550 5.7.1 relaying denied");
        assert_eq!(reasons, [Reason::RelayDenied]);
    }

    #[test]
    fn a_looping_message_is_refused_after_its_content() {
        let rights = RelayRights::default();
        let content = |hops| ask(&rights, "192.0.2.1", &plain(), Stage::Content { hops, max_hops: 100 });
        assert_eq!(content(100).reasons(), [Reason::ContentAccepted]);
        let Admission::Refused { reply, reasons } = content(101) else {
            panic!("admitted");
        };
        assert_eq!(
            (reply.code.class(), reasons),
            (ReplyClass::Permanent, vec![Reason::TooManyHops { hops: 101 }])
        );
        let sender = ReversePath::Null;
        let mail = ask(&rights, "192.0.2.1", &plain(), Stage::Mail { reverse_path: &sender });
        assert_eq!(mail.stated()[0].key, "any-sender");
    }
}
