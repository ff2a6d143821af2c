//! The twelve wrong endings of DATA, on the real port, in DATA and in BDAT: refused, nothing behind them obeyed, and
//! none of them ever leaves (law 5).

use sekisho_testkit::{
    client::Client,
    enclosure::{HOSTS, enclosed},
    node::SMTP,
    peer::{Fault, Peer},
};

use crate::relaying_node;

const ENDINGS: [(&str, &str); 12] = [
    ("LF.LF", "\n.\n"),
    ("LF.CRLF", "\n.\r\n"),
    ("CRLF.LF", "\r\n.\n"),
    ("CR.CR", "\r.\r"),
    ("CR.LF", "\r.\n"),
    ("LF.CR", "\n.\r"),
    ("CR.CRLF", "\r.\r\n"),
    ("CRLF.CR", "\r\n.\r"),
    ("CRLF.CRCRLF", "\r\n.\r\r\n"),
    ("CRCRLF.CRCRLF", "\r\r\n.\r\r\n"),
    ("NUL before the dot", "\r\n\0.\r\n"),
    ("NUL behind the dot", "\r\n.\0\r\n"),
];
const SMUGGLED: &str = "MAIL FROM:<evil@here.example>\r\nRCPT TO:<smuggled@there.example>\r\nDATA\r\n\
    Subject: smuggled\r\n\r\nsmuggled\r\n";

fn play(future: impl Future<Output = std::io::Result<u16>>) -> u16 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be made");
    runtime.block_on(future).expect("the server answers")
}

async fn begin() -> std::io::Result<Client> {
    let mut client = Client::open(SMTP, false).await?;
    client.command("MAIL FROM:<a@here.example>").await?.must_succeed()?;
    client.command("RCPT TO:<b@there.example>").await?.must_succeed()?;
    Ok(client)
}

async fn in_data(ending: &str) -> std::io::Result<u16> {
    let mut client = begin().await?;
    assert_eq!(client.command("DATA").await?.code, 354);
    let octets = format!("Subject: outer\r\n\r\nouter{ending}{SMUGGLED}\r\n.\r\n");
    client.send(octets.as_bytes()).await?;
    Ok(client.expect_reply().await?.code)
}

async fn in_bdat(ending: &str) -> std::io::Result<u16> {
    let mut client = begin().await?;
    let content = format!("Subject: outer\r\n\r\nouter{ending}{SMUGGLED}");
    let octets = format!("BDAT {} LAST\r\n{content}", content.len());
    client.send(octets.as_bytes()).await?;
    Ok(client.expect_reply().await?.code)
}

/// CVE-2023-51764, CVE-2023-51765, CVE-2023-51766: SMTP smuggling, through the real binary to the next hop.
#[test]
fn twelve_of_twelve_are_refused_in_data_and_in_bdat_and_none_leaves() {
    enclosed(|| {
        let peer = Peer::start((HOSTS[0], 25).into(), None, Fault::None);
        let node =
            relaying_node("[[route]]\nname = \"there\"\ndomains = [\"there.example\"]\nvia = [\"192.0.2.1:25\"]\n");
        for (name, ending) in ENDINGS {
            let code = play(in_data(ending));
            assert_eq!(code / 100, 5, "{name} in DATA was answered {code}");
            let code = play(in_bdat(ending));
            assert_eq!(code / 100, 5, "{name} in BDAT was answered {code}");
        }
        let queued = node.json_lines(&["queue", "list", "--json"]);
        assert!(queued.is_empty(), "{queued:?}");
        assert!(peer.wire().is_empty(), "nothing was sent on");
        assert_eq!(crate::trace_of(&node, "smuggled@there.example"), None);
    });
}
