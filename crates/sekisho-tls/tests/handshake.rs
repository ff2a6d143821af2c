//! Our client against our server, in memory.

mod support;

use std::sync::Arc;

use sekisho_mail::{
    CertificateFault, ClientCertificateFate, ClientIdentityId, HandshakeFault, HandshakeStage, KeyProof, TlsVersion,
    Verdict,
};
use sekisho_tls::{
    ClientCertificates, ClientProfile, GroupProfile, IdentityUse, ServerCertificates, ServerResumption,
    ServerTlsSettings, TlsServer, alert_in, ensure_self_signed_pair,
};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn the_best_version_suite_and_group_are_agreed_on() {
    let authority = Authority::new();
    let server = server(&[authority.server(&["mx.example.org"])]);
    let (served, connected) = shake(
        &server,
        &client(),
        Some("mx.example.org"),
        &ClientProfile::default(),
        65536,
    )
    .await;
    let ((mut there, server_facts), (mut here, facts)) = (served.unwrap(), connected.unwrap());
    for facts in [&server_facts, &facts] {
        assert_eq!(facts.version, TlsVersion::Tls13);
        assert_eq!(facts.suite, "TLS_AES_256_GCM_SHA384");
        assert_eq!(facts.group, "X25519MLKEM768");
        assert_eq!(facts.sni.as_ref().unwrap().as_str(), "mx.example.org");
        assert!(!facts.resumed && facts.alpn.is_none());
    }
    assert_eq!(facts.key, KeyProof::Proven);
    assert_eq!(facts.chain.len(), 1);
    assert_eq!(facts.chain[0].dns_names, ["mx.example.org"]);
    assert_eq!(facts.chain[0].key, "P-256");
    assert_eq!(facts.client_certificate, ClientCertificateFate::NoneToSend);
    assert!(server_facts.chain.is_empty());
    converse(&mut there, &mut here).await;
    let verifier = authority.verifier();
    let checks = [
        path_check(),
        name_check("mx.example.org"),
        name_check("other.example.org"),
    ];
    let verdicts: Vec<_> = verifier
        .verify(here.peer_chain(), &checks, NOW)
        .into_iter()
        .map(|(_, verdict)| verdict)
        .collect();
    assert_eq!(verdicts[..2], [Verdict::Holds, Verdict::Holds]);
    assert_eq!(
        verdicts[2],
        Verdict::Fails(CertificateFault::WrongName(vec!["mx.example.org".to_owned()]))
    );
    here.close().await.unwrap();
    assert_eq!(
        there.read(&mut [0; 8]).await.unwrap(),
        0,
        "close_notify is an orderly end"
    );
}
