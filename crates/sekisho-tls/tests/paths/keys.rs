//! Keys and signatures that can be broken. `openssl` makes them, since nothing else here would.

use std::{fs, path::Path, process::Command};

use rcgen::KeyPair;
use sekisho_mail::Verdict;
use sekisho_tls::PeerChain;

use crate::{
    case::{World, authority_signed, pem_of, verifier_of},
    der::rsa_key,
    support::{anchors, pem_slice},
};

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A leaf below a root with keys as `openssl genpkey` takes them, signed with `hash`.
fn issued(root_key: &str, leaf_key: &str, hash: &str) -> [Vec<u8>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &str| openssl(folder.path(), arguments);
    for (name, key) in [("root", root_key), ("leaf", leaf_key)] {
        if let Some(parameters) = key.strip_prefix("DSA ") {
            run(&format!(
                "genpkey -genparam -algorithm DSA {parameters} -out {name}.par"
            ));
            run(&format!("genpkey -paramfile {name}.par -out {name}.key"));
        } else {
            run(&format!("genpkey -algorithm {key} -out {name}.key"));
        }
    }
    let text = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n";
    fs::write(folder.path().join("root.ext"), text).unwrap();
    fs::write(folder.path().join("leaf.ext"), "subjectAltName=DNS:mx.example.org\n").unwrap();
    for name in ["root", "leaf"] {
        run(&format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
    }
    run(&format!(
        "x509 -req -in root.csr -signkey root.key -days 3650 -extfile root.ext -out root.pem {hash}"
    ));
    run(&format!(
        "x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -days 3650 -extfile leaf.ext \
         -out leaf.pem {hash}"
    ));
    ["leaf", "root"]
        .map(|name| pem_slice(&fs::read_to_string(folder.path().join(format!("{name}.pem"))).unwrap()).remove(0))
}

fn verdict(presented: &[Vec<u8>], trusted: &[Vec<u8>]) -> Verdict {
    let pem = pem_of(presented);
    let verifier = verifier_of(trusted);
    let [as_server, as_client] = [PeerChain::of_server_in_pem(&pem), PeerChain::of_client_in_pem(&pem)].map(|chain| {
        let chain = chain.unwrap();
        // What `openssl` made begins when it is made: whenever that is, this is in its life.
        let at = chain.facts()[0].not_before;
        verifier.path(&chain, &anchors(), at).verdict
    });
    assert_eq!(as_server, as_client);
    as_server
}

#[test]
fn weak_keys_and_forgeable_signatures_are_refused_in_words() {
    const RSA_2048: &str = "RSA -pkeyopt rsa_keygen_bits:2048";
    const RSA_1024: &str = "RSA -pkeyopt rsa_keygen_bits:1024";
    const P256: &str = "EC -pkeyopt ec_paramgen_curve:P-256";
    const SECP256K1: &str = "EC -pkeyopt ec_paramgen_curve:secp256k1";
    const DSA: &str = "DSA -pkeyopt dsa_paramgen_bits:2048";
    let weak_root = "the authority \"CN=root\": its";
    for (root, leaf, hash, expected) in [
        (RSA_2048, P256, "-sha256", None),
        (P256, RSA_2048, "-sha384", None),
        ("ED25519", "ED25519", "", None),
        (RSA_2048, RSA_1024, "-sha256", Some("its RSA key has 1024 bits")),
        (RSA_1024, RSA_2048, "-sha256", Some(weak_root)),
        (RSA_2048, RSA_2048, "-sha1", Some("signed with SHA-1")),
        (P256, RSA_2048, "-sha1", Some("signed with SHA-1")),
        (RSA_2048, RSA_2048, "-md5", Some("signed with MD5")),
        (
            RSA_2048,
            SECP256K1,
            "-sha256",
            Some("its key is an elliptic curve other"),
        ),
        (SECP256K1, RSA_2048, "-sha256", Some(weak_root)),
        (RSA_2048, DSA, "-sha256", Some("its key is an algorithm other")),
        (RSA_2048, "ED448", "-sha256", Some("its key is Ed448")),
    ] {
        let title = format!("{leaf} below {root} {hash}");
        let [leaf, root] = issued(root, leaf, hash);
        let found = verdict(&[leaf], &[root]);
        match (expected, &found) {
            (None, found) => assert_eq!(*found, Verdict::Holds, "{title}"),
            (Some(text), Verdict::Fails(fault)) => {
                assert_eq!(found.word(), "not-checkable", "{title}: {fault}");
                assert!(fault.to_string().contains(text), "{title}: {fault}");
            }
            (Some(_), found) => panic!("{title}: {found:?}"),
        }
    }
}

#[test]
fn an_rsa_key_that_enciphers_nothing_is_no_key() {
    let world = World::new();
    let root = world.root(|_| {});
    let odd: Vec<u8> = [&[0, 0x80], &[0x5a; 254][..], &[1]].concat();
    let even: Vec<u8> = [&[0, 0x80], &[0x5a; 255][..]].concat();
    for (modulus, exponent, expected) in [
        (&odd, &[1, 0, 1][..], None),
        (&odd, &[3], None),
        (&odd, &[1], Some("exponent")),
        (&odd, &[2], Some("exponent")),
        (&odd, &[0], Some("exponent")),
        (&even, &[1, 0, 1], Some("even modulus")),
        (&vec![0x7f; 128], &[1, 0, 1], Some("1023 bits")),
    ] {
        let leaf = world.leaf(|template| template.spki = rsa_key(modulus, exponent));
        match (
            verdict(&[leaf, world.middle(|_| {})], std::slice::from_ref(&root)),
            expected,
        ) {
            (Verdict::Holds, None) => {}
            (Verdict::Fails(fault), Some(text)) => assert!(fault.to_string().contains(text), "{fault}"),
            (found, expected) => panic!("{exponent:?}: {found:?} instead of {expected:?}"),
        }
        // An authority of that kind: whoever signed, nobody is believed by it.
        if let Some(text) = expected {
            let weak = authority_signed(("root", "middle"), &world.middle, &world.root, |template| {
                template.spki = rsa_key(modulus, exponent);
            });
            let found = verdict(&[world.leaf(|_| {}), weak], std::slice::from_ref(&root));
            assert_ne!(found, Verdict::Holds, "{text}");
        }
    }
}

/// Whoever breaks the key of a pin is the pinned one.
#[test]
fn a_weak_key_is_no_pin_either() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &str| openssl(folder.path(), arguments);
    for (bits, word) in [("2048", "valid"), ("1024", "not-checkable")] {
        run(&format!(
            "req -x509 -newkey rsa:{bits} -nodes -subj /CN=own -days 3650 -keyout own.key -out own.pem"
        ));
        let own = pem_slice(&fs::read_to_string(folder.path().join("own.pem")).unwrap());
        assert_eq!(verdict(&own, &own).word(), word, "{bits}");
    }
}

#[test]
fn the_key_of_another_of_the_same_name_is_not_blamed() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let root = authority_signed(("root", "root"), &key, &key, |_| {});
    let found = verdict(&[world.leaf(|_| {}), world.middle(|_| {})], &[root]);
    assert_eq!(found.word(), "bad-signature");
}
