//! A world of authorities, and one case: what is presented, what is trusted, and what must come of it.

use std::collections::HashMap;

use rcgen::KeyPair;
use sekisho_mail::{Check, KeyProof, Verdict};
use sekisho_tls::{AnchorSet, PathAnswer, PeerChain, Verifier};

use crate::{
    der::{KEY_CERT_SIGN, SERVER_AUTH, Template, alternative_names, authority, dns_name, key_usage, usages},
    peer::{presented_by_client, presented_by_server},
    support::{Authority, NOW, anchors, in_pem, name_check},
};

/// Keys of a root, of an intermediate below it and of a leaf, and of one who is none of these.
pub(crate) struct World {
    pub(crate) root: KeyPair,
    pub(crate) middle: KeyPair,
    pub(crate) leaf: KeyPair,
    pub(crate) other: KeyPair,
    authority: Authority,
}

impl World {
    pub(crate) fn new() -> Self {
        let [root, middle, leaf, other] = std::array::from_fn(|_| KeyPair::generate().unwrap());
        Self {
            root,
            middle,
            leaf,
            other,
            authority: Authority::new(),
        }
    }

    /// The root's own certificate.
    pub(crate) fn root(&self, change: impl FnOnce(&mut Template)) -> Vec<u8> {
        authority_signed(("root", "root"), &self.root, &self.root, change)
    }

    /// The intermediate's, issued by the root.
    pub(crate) fn middle(&self, change: impl FnOnce(&mut Template)) -> Vec<u8> {
        authority_signed(("root", "middle"), &self.middle, &self.root, change)
    }

    /// The leaf's, for `mx.example.org`, issued by the intermediate.
    pub(crate) fn leaf(&self, change: impl FnOnce(&mut Template)) -> Vec<u8> {
        self.leaf_by("middle", &self.middle, change)
    }

    pub(crate) fn leaf_by(&self, issuer: &str, key: &KeyPair, change: impl FnOnce(&mut Template)) -> Vec<u8> {
        let mut template = Template::new(issuer, "a server", &self.leaf);
        template.extensions = vec![
            usages(&[SERVER_AUTH]),
            alternative_names(&[dns_name(b"mx.example.org")]),
        ];
        change(&mut template);
        template.signed(key)
    }
}

/// An authority's certificate: issuer and subject, the subject's key, and the issuer's.
pub(crate) fn authority_signed(
    (issuer, subject): (&str, &str),
    key: &KeyPair,
    issuer_key: &KeyPair,
    change: impl FnOnce(&mut Template),
) -> Vec<u8> {
    let mut template = Template::new(issuer, subject, key);
    template.extensions = vec![authority(None), key_usage(KEY_CERT_SIGN)];
    change(&mut template);
    template.signed(issuer_key)
}

/// What must come of a check.
#[derive(Clone, Copy)]
pub(crate) enum Expected {
    Holds,
    /// The verdict's word, and what its text must have in it.
    Fails(&'static str, &'static str),
}

impl Expected {
    fn is_met_by(self, verdict: &Verdict) -> bool {
        match (self, verdict) {
            (Self::Holds, verdict) => *verdict == Verdict::Holds,
            (Self::Fails(word, text), Verdict::Fails(fault)) => {
                verdict.word() == word && fault.to_string().contains(text)
            }
            (Self::Fails(..), _) => false,
        }
    }
}

pub(crate) struct Case {
    title: &'static str,
    presented: Vec<Vec<u8>>,
    trusted: Vec<Vec<u8>>,
    as_server: Expected,
    as_client: Expected,
    name: Expected,
}

impl Case {
    /// `presented`, the leaf first, is held against `trusted`. Unless something else is said, both hold.
    pub(crate) fn new<const N: usize, const M: usize>(
        title: &'static str,
        presented: [&[u8]; N],
        trusted: [&[u8]; M],
    ) -> Self {
        Self {
            title,
            presented: presented.iter().map(|der| der.to_vec()).collect(),
            trusted: trusted.iter().map(|der| der.to_vec()).collect(),
            as_server: Expected::Holds,
            as_client: Expected::Holds,
            name: Expected::Holds,
        }
    }

    pub(crate) fn fails(self, word: &'static str, text: &'static str) -> Self {
        self.fails_as_server(word, text).fails_as_client(word, text)
    }

    pub(crate) fn fails_as_server(mut self, word: &'static str, text: &'static str) -> Self {
        self.as_server = Expected::Fails(word, text);
        self
    }

    pub(crate) fn fails_as_client(mut self, word: &'static str, text: &'static str) -> Self {
        self.as_client = Expected::Fails(word, text);
        self
    }

    /// The name `mx.example.org` is not found in it.
    pub(crate) fn for_another(mut self) -> Self {
        self.name = Expected::Fails("wrong-name", "");
        self
    }
}

pub(crate) fn verifier_of(trusted: &[Vec<u8>]) -> Verifier {
    let pem: String = trusted.iter().map(|der| in_pem(der)).collect();
    Verifier::new(HashMap::from([(anchors(), AnchorSet::parse(&pem, "test").unwrap())]))
}

pub(crate) fn pem_of(presented: &[Vec<u8>]) -> String {
    presented.iter().map(|der| in_pem(der)).collect()
}

/// Both answers of the verifier must agree, and where a path is, it must lead from the leaf to the anchor.
fn path_of(verifier: &Verifier, chain: &PeerChain) -> PathAnswer {
    let answer = verifier.path(chain, &anchors(), NOW);
    let check = Check::Path { anchors: anchors() };
    assert_eq!(verifier.verify(chain, &[check], NOW).verdicts[0].1, answer.verdict);
    let holds_or_only_late = matches!(answer.verdict.word(), "valid" | "expired" | "not-yet-valid");
    assert_eq!(answer.path.is_some(), holds_or_only_late, "{answer:?}");
    if let Some(path) = &answer.path {
        let leaf = path.certificates().next().map(sekisho_tls::sha256);
        assert_eq!(leaf, chain.facts().first().map(|leaf| leaf.sha256));
        assert!(path.is_pin() || path.links().count() == path.certificates().len());
    }
    answer
}

/// Each case in both roles, by handshakes and once more from PEM. All that differ from what is expected are named.
pub(crate) async fn hold(world: &World, cases: Vec<Case>) {
    let mut faults = Vec::new();
    for case in &cases {
        let verifier = verifier_of(&case.trusted);
        let pem = pem_of(&case.presented);
        for (role, expected, met, read) in [
            (
                "server",
                case.as_server,
                presented_by_server(&case.presented, &world.leaf).await,
                PeerChain::of_server_in_pem(&pem).unwrap(),
            ),
            (
                "client",
                case.as_client,
                presented_by_client(&world.authority, &case.presented, &world.leaf).await,
                PeerChain::of_client_in_pem(&pem).unwrap(),
            ),
        ] {
            assert_eq!(*met.key(), KeyProof::Proven, "{}", case.title);
            assert_eq!(met, read, "{}: the same however it came", case.title);
            let found = path_of(&verifier, &met).verdict;
            if !expected.is_met_by(&found) {
                faults.push(format!("{} as {role}: {found:?}", case.title));
            }
            let name = &verifier.verify(&met, &[name_check("mx.example.org")], NOW).verdicts[0].1;
            if !case.name.is_met_by(name) {
                faults.push(format!("{} as {role}, name: {name:?}", case.title));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {}:\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n")
    );
}
