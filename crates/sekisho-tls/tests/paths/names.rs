//! Names in certificates, and the bounds that authorities have for them.

use crate::{
    case::{Case, World, hold},
    der::*,
};

fn named(names: &[Vec<u8>]) -> impl FnOnce(&mut Template) {
    let names = names.to_vec();
    move |template| template.extensions = vec![usages(&[SERVER_AUTH]), alternative_names(&names)]
}

#[tokio::test]
async fn a_name_that_is_none_matches_nothing() {
    let world = World::new();
    let (root, middle) = (world.root(|_| {}), world.middle(|_| {}));
    let leaf = |name: &[u8]| world.leaf(named(&[dns_name(name)]));
    let many: Vec<_> = (0..2000)
        .map(|number| dns_name(format!("n{number}.example").as_bytes()))
        .collect();
    let many = world.leaf(named(&[&many[..], &[dns_name(b"mx.example.org")]].concat()));
    let case = |title, leaf: &[u8]| Case::new(title, [leaf, &middle], [&root]);
    hold(
        &world,
        vec![
            case("a wildcard", &leaf(b"*.example.org")),
            case("capitals", &leaf(b"MX.EXAMPLE.ORG")),
            case("the last of two thousand", &many),
            case("a wildcard over one label", &leaf(b"*.org")).for_another(),
            case("a wildcard for all", &leaf(b"*")).for_another(),
            case("a wildcard within", &leaf(b"mx.*.org")).for_another(),
            case("a part of a label", &leaf(b"m*.example.org")).for_another(),
            case("NUL behind", &leaf(b"mx.example.org\0.evil.example")).for_another(),
            case("NUL at the end", &leaf(b"mx.example.org\0")).for_another(),
            case("a line end", &leaf(b"mx.example.org\r\n")).for_another(),
            case("a space", &leaf(b" mx.example.org")).for_another(),
            case("a trailing dot", &leaf(b"mx.example.org.")).for_another(),
            case("letters beyond ASCII", &leaf("mx.exämple.org".as_bytes())).for_another(),
            case("several in one", &leaf(b"a.example, DNS:mx.example.org")).for_another(),
            case("an address in words", &leaf(b"192.0.2.1")).for_another(),
            case("an address", &world.leaf(named(&[ip_address(&[192, 0, 2, 1])]))).for_another(),
            case("no name in the list", &world.leaf(named(&[]))).for_another(),
            case("no list", &world.leaf(|template| template.extensions.truncate(1))).for_another(),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_authority_issues_for_no_name_beyond_its_bounds() {
    let world = World::new();
    let (root, leaf) = (world.root(|_| {}), world.leaf(|_| {}));
    let within = |permitted: &[Vec<u8>], excluded: &[Vec<u8>]| {
        let bounds = constraints(permitted, excluded);
        world.middle(|template| template.extensions.push(bounds))
    };
    let dns = |name: &str| dns_name(name.as_bytes());
    let example = within(&[dns("example.org")], &[]);
    let other = within(&[dns("example.com")], &[]);
    let star = world.leaf(named(&[dns("*.example.org")]));
    let addressed = world.leaf(named(&[dns("mx.example.org"), ip_address(&[192, 0, 2, 1])]));
    let nets = within(&[ip_address(&[198, 51, 100, 0, 255, 255, 255, 0])], &[]);
    let directory = within(&[tlv(CONTEXT_CONSTRUCTED | 4, &name("acme"))], &[]);
    let mailboxes = within(&[tlv(CONTEXT | 1, b"example.com")], &[]);
    let broken = world.middle(|template| {
        template
            .extensions
            .push(extension(NAME_CONSTRAINTS, true, &sequence(&[&[0x31, 0]])))
    });
    let bounds = constraints(&[dns("example.com")], &[]);
    let bound_root = world.root(|template| template.extensions.push(bounds));
    let middle = world.middle(|_| {});
    let (wrong, text) = ("wrong-use", "may not issue for this name");
    hold(
        &world,
        vec![
            Case::new("within", [&leaf, &example], [&root]),
            Case::new("beyond", [&leaf, &other], [&root]).fails(wrong, text),
            Case::new("left out", [&leaf, &within(&[], &[dns("example.org")])], [&root]).fails(wrong, text),
            Case::new("below only", [&leaf, &within(&[dns(".example.org")], &[])], [&root]),
            Case::new("a wildcard within", [&star, &example], [&root]),
            Case::new(
                "a wildcard that reaches beyond",
                [&star, &within(&[dns("mx.example.org")], &[])],
                [&root],
            )
            .fails(wrong, text),
            Case::new(
                "a wildcard that reaches what is left out",
                [&star, &within(&[], &[dns("mx.example.org")])],
                [&root],
            )
            .fails(wrong, text),
            Case::new("an address beyond", [&addressed, &nets], [&root]).fails(wrong, text),
            Case::new("no address where addresses are bound", [&leaf, &nets], [&root]),
            Case::new(
                "bounds for directories, which are not read",
                [&leaf, &directory],
                [&root],
            )
            .fails(wrong, text),
            Case::new("bounds for mailboxes", [&leaf, &mailboxes], [&root]),
            Case::new("bounds that cannot be read", [&leaf, &broken], [&root]).fails("not-checkable", ""),
            Case::new("the root's own", [&leaf, &middle], [&bound_root]).fails(wrong, text),
        ],
    )
    .await;
}

/// RUSTSEC-2026-0044: a common name is nobody's name here, but an exception may take it for one.
#[tokio::test]
async fn the_bounds_hold_for_a_common_name_as_well() {
    let world = World::new();
    let root = world.root(|_| {});
    let within = |permitted: &[&str], excluded: &[&str]| {
        let names = |names: &[&str]| -> Vec<Vec<u8>> { names.iter().map(|name| dns_name(name.as_bytes())).collect() };
        let bounds = constraints(&names(permitted), &names(excluded));
        world.middle(|template| template.extensions.push(bounds))
    };
    let called = |common_name: &str| {
        world.leaf(|template| {
            template.subject = name(common_name);
            template.extensions = vec![usages(&[SERVER_AUTH])];
        })
    };
    let case = |title, leaf: &[u8], middle: Vec<u8>| Case::new(title, [leaf, &middle], [&root]).for_another();
    let (wrong, text) = ("wrong-use", "common name");
    let mx = called("mx.example.org");
    let star = called("*.example.org");
    let named = world.leaf(|template| template.subject = name("mx.example.com"));
    let bounds = constraints(&[dns_name(b"example.com")], &[]);
    let bound_root = world.root(|template| template.extensions.push(bounds));
    hold(
        &world,
        vec![
            case("within", &mx, within(&["example.org"], &[])),
            case("one of two", &mx, within(&["example.com", "EXAMPLE.org"], &[])),
            case("beyond", &mx, within(&["example.com"], &[])).fails(wrong, text),
            case("beyond, though it ends alike", &mx, within(&["ample.org"], &[])).fails(wrong, text),
            case("left out", &mx, within(&[], &["example.org"])).fails(wrong, text),
            case(
                "nothing is permitted below it",
                &called("example.org"),
                within(&[".example.org"], &[]),
            )
            .fails(wrong, text),
            case("a wildcard within", &star, within(&[".example.org"], &[])),
            case(
                "a wildcard that reaches what is left out",
                &star,
                within(&[], &["mx.example.org"]),
            )
            .fails(wrong, text),
            case("no name of a host", &called("Acme mail"), within(&["example.com"], &[])),
            Case::new(
                "beside a real name, where it never counts",
                [&named, &within(&["example.org"], &[])],
                [&root],
            ),
            Case::new("the root's own", [&mx, &world.middle(|_| {})], [&bound_root])
                .fails(wrong, text)
                .for_another(),
        ],
    )
    .await;
}
