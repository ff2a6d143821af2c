//! One public address for both: authorities find their challenges where partners find the certificate page.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
};

use sekisho_testkit::{
    enclosure::{HOSTS, enclosed},
    foreign::PebbleSettings,
    node::Node,
    wait,
};

use super::{
    World,
    server::{add_role, done, role},
};

const CONFIGURATION: &str = "\
[acme]
http = \"192.0.2.1:80\"
tls = \"192.0.2.1:443\"

[web]
http = \"192.0.2.1:80\"
https = \"192.0.2.1:443\"
roles = [\"mx\", \"www\"]

[[listener]]
name = \"default\"
address = \"127.0.0.1:2525\"
tls.roles = [\"mx\"]
";

/// Status and head of what the web answers in the clear.
fn head(path: &str) -> String {
    let mut stream = TcpStream::connect((HOSTS[0], 80)).expect("the web listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it takes a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer.split("\r\n\r\n").next().unwrap_or_default().to_owned()
}

/// Issuer and names of what is presented under TLS to who asks for this name, and the answer to a request for the page.
fn over_tls(name: &str) -> String {
    let request = "GET /.well-known/sekisho/certificates.json HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n";
    let line = format!(
        "printf '{request}' | openssl s_client -quiet -connect 192.0.2.1:443 -servername {name} 2>/dev/null; \
         openssl s_client -connect 192.0.2.1:443 -servername {name} </dev/null 2>/dev/null | \
         openssl x509 -noout -issuer -ext subjectAltName"
    );
    shell(&line)
}

fn shell(line: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", line])
        .output()
        .expect("there is a shell");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn is_issued(node: &Node, world: &World, name: &str) {
    let look = || {
        let shown = over_tls(name);
        let is_there = shown.contains("Pebble") && shown.contains(&format!("DNS:{name}"));
        (is_there && shown.contains("HTTP/1.1 200")).then_some(())
    };
    wait::until_or(format_args!("a certificate for {name}"), look, || {
        format!("{}\n{}\n{}", over_tls(name), node.log(), world.pebble.log())
    });
}

#[test]
fn challenges_are_answered_where_the_page_is_served_and_the_page_goes_on() {
    enclosed(|| {
        let world = World::new(&PebbleSettings::default());
        let node = crate::node(CONFIGURATION);
        let page = "/.well-known/sekisho/certificates";
        assert!(!over_tls("mx.us.example").contains("Pebble"), "nothing is issued yet");
        add_role(&node, &world, ("mx", "mx.us.example", "http-01"), &["--published"]);
        is_issued(&node, &world, "mx.us.example");
        add_role(&node, &world, ("www", "www.us.example", "tls-alpn-01"), &[]);
        is_issued(&node, &world, "www.us.example");
        for (name, challenge) in [("mx", "http-01"), ("www", "tls-alpn-01")] {
            assert_eq!(role(&node, name)["renewals"][0]["challenge"], challenge);
        }
        let answer = head(page);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.contains("content-security-policy: default-src 'none'"),
            "{answer}"
        );
        let answer = head("/.well-known/acme-challenge/none");
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
        assert!(
            answer.contains("content-security-policy: default-src 'none'"),
            "{answer}"
        );

        // Once more, with the certificates that the web presents by now.
        for name in ["mx", "www"] {
            done(&node, &["certificate", "renew", name, "--new-key", "--why", "a test"]);
        }
        is_issued(&node, &world, "www.us.example");
        let mut used = role(&node, "www")["used_by"].clone();
        assert_eq!(
            used.as_array_mut().and_then(Vec::pop),
            Some("[web] https".into()),
            "{used}"
        );
        // Whoever offers that protocol alone gets a challenge's certificate or none; with another one, the page's.
        let offered = |protocols: &str| {
            shell(&format!(
                "openssl s_client -connect 192.0.2.1:443 -servername mx.us.example -alpn {protocols} </dev/null 2>&1"
            ))
        };
        let (alone, beside) = (offered("acme-tls/1"), offered("acme-tls/1,http/1.1"));
        assert!(!alone.contains("BEGIN CERTIFICATE"), "{alone}");
        assert!(beside.contains("ALPN protocol: http/1.1"), "{beside}");
    });
}
