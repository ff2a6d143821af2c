//! What an authority may do, as its certificate says; and what of a certificate's form does not matter.

use crate::{
    case::{Case, World, authority_signed, hold},
    der::*,
};

fn only(extensions: &[Vec<u8>]) -> impl FnOnce(&mut Template) {
    let extensions = extensions.to_vec();
    move |template| template.extensions = extensions
}

fn with(extension: Vec<u8>) -> impl FnOnce(&mut Template) {
    move |template| template.extensions.push(extension)
}

#[tokio::test]
async fn who_may_not_sign_certificates_is_no_authority() {
    let world = World::new();
    let (root, middle, leaf) = (world.root(|_| {}), world.middle(|_| {}), world.leaf(|_| {}));
    let by_root = world.leaf_by("root", &world.root, |_| {});
    let mute = world.middle(only(&[authority(None), key_usage(CRL_SIGN)]));
    let silent = world.middle(only(&[authority(None)]));
    let none = world.middle(only(&[no_authority(), key_usage(KEY_CERT_SIGN)]));
    let plain = world.middle(only(&[]));
    let old = world.middle(|template| {
        template.extensions.clear();
        template.version = None;
    });
    let mute_root = world.root(only(&[authority(None), key_usage(CRL_SIGN)]));
    let no_root = world.root(only(&[no_authority()]));
    let plain_root = world.root(only(&[]));
    let signing_root = world.root(only(&[key_usage(KEY_CERT_SIGN)]));
    let old_root = world.root(|template| {
        template.extensions.clear();
        template.version = None;
    });
    hold(
        &world,
        vec![
            Case::new("a plain chain", [&leaf, &middle], [&root]),
            Case::new("no keyUsage at all", [&leaf, &silent], [&root]),
            Case::new("keyUsage without keyCertSign", [&leaf, &mute], [&root]).fails("wrong-use", "keyCertSign"),
            Case::new(
                "another certificate of the same authority",
                [&leaf, &mute, &middle],
                [&root],
            ),
            Case::new("marked as no authority", [&leaf, &none], [&root]).fails("wrong-use", "no authority"),
            Case::new("without basicConstraints", [&leaf, &plain], [&root]).fails("wrong-use", "no authority"),
            Case::new("an intermediate of version 1", [&leaf, &old], [&root]).fails("not-checkable", "version 3"),
            Case::new("a root without keyCertSign", [&by_root], [&mute_root]).fails("wrong-use", "\"CN=root\""),
            Case::new("a server's certificate as root", [&by_root], [&no_root]).fails("wrong-use", "basicConstraints"),
            Case::new("a root that says nothing of itself", [&by_root], [&plain_root])
                .fails("wrong-use", "basicConstraints"),
            Case::new("a root with keyCertSign alone", [&by_root], [&signing_root]),
            Case::new("a root of version 1", [&by_root], [&old_root]),
            Case::new("two of one root, one of which may", [&by_root], [&mute_root, &root]),
            Case::new("an intermediate as anchor", [&leaf], [&middle]),
            Case::new("an intermediate as anchor that may not sign", [&leaf], [&mute])
                .fails("wrong-use", "keyCertSign"),
        ],
    )
    .await;
}

#[tokio::test]
async fn no_path_is_longer_than_those_on_it_allow() {
    let world = World::new();
    let leaf = world.leaf_by("below", &world.other, |_| {});
    let below = authority_signed(("middle", "below"), &world.other, &world.middle, |_| {});
    let middle = |path_len| world.middle(only(&[authority(path_len), key_usage(KEY_CERT_SIGN)]));
    let root = |path_len| world.root(only(&[authority(path_len), key_usage(KEY_CERT_SIGN)]));
    // It names itself as issuer and so does not count (RFC 5280 §6.1.4 (l)).
    let anew = authority_signed(("root", "root"), &world.other, &world.root, |_| {});
    let by_anew = world.leaf_by("root", &world.other, |_| {});
    let bound = root(Some(0));
    hold(
        &world,
        vec![
            Case::new("no bound", [&leaf, &below, &middle(None)], [&root(None)]),
            Case::new("one is allowed", [&leaf, &below, &middle(Some(1))], [&root(None)]),
            Case::new("none is allowed", [&leaf, &below, &middle(Some(0))], [&root(None)])
                .fails("wrong-use", "so many"),
            Case::new(
                "a root that allows two",
                [&leaf, &below, &middle(None)],
                [&root(Some(2))],
            ),
            Case::new(
                "a root that allows one",
                [&leaf, &below, &middle(None)],
                [&root(Some(1))],
            )
            .fails("wrong-use", "pathLenConstraint"),
            Case::new("a root with a new key", [&by_anew, &anew], [&bound]),
        ],
    )
    .await;
}

#[tokio::test]
async fn extended_usages_hold_for_all_below() {
    let world = World::new();
    let (root, middle) = (world.root(|_| {}), world.middle(|_| {}));
    let leaf = |usage: Vec<u8>| world.leaf(only(&[usage, alternative_names(&[dns_name(b"mx.example.org")])]));
    let middle_for = |last: u8| world.middle(with(usages(&[last])));
    let both = leaf(usages(&[SERVER_AUTH, CLIENT_AUTH]));
    let code_root = world.root(with(usages(&[CODE_SIGNING])));
    let web_root = world.root(with(usages(&[SERVER_AUTH])));
    hold(
        &world,
        vec![
            Case::new(
                "a leaf for servers, which clients may use too",
                [&leaf(usages(&[SERVER_AUTH])), &middle],
                [&root],
            ),
            Case::new("a leaf for clients", [&leaf(usages(&[CLIENT_AUTH])), &middle], [&root])
                .fails_as_server("wrong-use", "extended key usage"),
            Case::new("a leaf for code", [&leaf(usages(&[CODE_SIGNING])), &middle], [&root])
                .fails("wrong-use", "extended key usage"),
            // RFC 5280 §4.2.1.12 lets an application refuse it, as the library does and OpenSSL.
            Case::new("a leaf for anything", [&leaf(any_usage()), &middle], [&root])
                .fails("wrong-use", "extended key usage"),
            Case::new(
                "a leaf that does not say",
                [&leaf(key_usage(DIGITAL_SIGNATURE)), &middle],
                [&root],
            ),
            Case::new(
                "an intermediate for servers",
                [&both, &middle_for(SERVER_AUTH)],
                [&root],
            ),
            Case::new(
                "an intermediate for clients",
                [&both, &middle_for(CLIENT_AUTH)],
                [&root],
            )
            .fails_as_server("wrong-use", "extended key usage"),
            Case::new("an intermediate for code", [&both, &middle_for(CODE_SIGNING)], [&root])
                .fails("wrong-use", "extended key usage"),
            Case::new("a root for code", [&both, &middle], [&code_root]).fails("wrong-use", "\"CN=root\""),
            Case::new("a root for servers", [&both, &middle], [&web_root]),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_critical_and_not_known_is_not_passed_over_but_in_a_root() {
    let world = World::new();
    let (root, middle, leaf) = (world.root(|_| {}), world.middle(|_| {}), world.leaf(|_| {}));
    let critical = || with(extension(99, true, &[5, 0]));
    let harmless = || with(extension(99, false, &[5, 0]));
    let twice = world.middle(with(key_usage(KEY_CERT_SIGN)));
    hold(
        &world,
        vec![
            Case::new("in the leaf", [&world.leaf(critical()), &middle], [&root]).fails("not-checkable", "critical"),
            Case::new("above it", [&leaf, &world.middle(critical())], [&root]).fails("not-checkable", "critical"),
            Case::new("in the root", [&leaf, &middle], [&world.root(critical())]),
            Case::new(
                "not critical",
                [&world.leaf(harmless()), &world.middle(harmless())],
                [&root],
            ),
            Case::new("an extension twice", [&leaf, &twice], [&root]).fails("not-checkable", "malformed"),
        ],
    )
    .await;
}

/// What is only untidy weakens nothing, and private authorities have it.
#[tokio::test]
async fn odd_forms_that_weaken_nothing_pass() {
    let world = World::new();
    let (root, middle) = (world.root(|_| {}), world.middle(|_| {}));
    let leaf = |change: fn(&mut Template)| world.leaf(change);
    hold(
        &world,
        vec![
            Case::new(
                "serial number 0",
                [&leaf(|template| template.serial = vec![0]), &middle],
                [&root],
            ),
            Case::new(
                "a negative one",
                [&leaf(|template| template.serial = vec![0x80]), &middle],
                [&root],
            ),
            Case::new(
                "one of 40 octets",
                [&leaf(|template| template.serial = vec![0x7f; 40]), &middle],
                [&root],
            ),
            Case::new(
                "no subject",
                [&leaf(|template| template.subject = name("")), &middle],
                [&root],
            ),
            Case::new(
                "a key for encipherment",
                [
                    &leaf(|template| template.extensions.push(key_usage(KEY_ENCIPHERMENT))),
                    &middle,
                ],
                [&root],
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_server_s_certificate_leads_nowhere() {
    let world = World::new();
    let (root, middle, leaf) = (world.root(|_| {}), world.middle(|_| {}), world.leaf(|_| {}));
    let old = world.leaf(|template| {
        template.version = None;
        template.extensions.clear();
    });
    let ca = world.leaf(with(authority(None)));
    let of_stranger = world.leaf_by("middle", &world.other, |_| {});
    let two_minds = world.leaf(|template| template.outer_algorithm = Some(ECDSA_SHA384));
    let longer = [leaf.as_slice(), &[0]].concat();
    hold(
        &world,
        vec![
            Case::new("version 1", [&old, &middle], [&root])
                .fails("not-checkable", "version 3")
                .for_another(),
            Case::new("an authority's", [&ca, &middle], [&root]).fails("wrong-use", "authority's"),
            Case::new("signed by another", [&of_stranger, &middle], [&root]).fails("bad-signature", ""),
            Case::new("two signature algorithms", [&two_minds, &middle], [&root]).fails("bad-signature", ""),
            Case::new("an octet too many", [&longer, &middle], [&root]).fails("not-checkable", "malformed"),
            Case::new(
                "an octet too many above",
                [&leaf, &[middle.as_slice(), &[0]].concat()],
                [&root],
            )
            .fails("not-checkable", "malformed"),
        ],
    )
    .await;
}
