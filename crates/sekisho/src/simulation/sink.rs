//! A sink: takes mail and writes it down, and is in a mood for each connection.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{
    Control, Stream, Talk, World,
    book::{Delivered, Trouble},
    within,
};
use crate::{
    clock,
    net::{
        Listening, TcpListener, TcpStream,
        facts::{self, Breaks, PeerFacts},
    },
};

/// A sink waits so many times as long as its peers.
const PATIENCE: u32 = 6;

/// What a sink can do, and what its routes demand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sink {
    pub(super) name: &'static str,
    pub(super) offers_tls: bool,
    pub(super) demanded: Demanded,
}

/// What must hold for a message that comes here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demanded {
    Nothing,
    Encryption,
    Certificate,
}

/// What a sink does on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Good,
    /// 421 instead of a greeting.
    Busy,
    /// Nothing is said after so many lines.
    Silent(u32),
    /// The connection ends after so many lines.
    Gone(u32),
    /// 450 to each recipient.
    Greylisting,
    /// 550 to each recipient.
    Refusing,
    /// 451 to the content.
    Undecided,
    /// The message is taken and the connection ends without a word.
    TakenAndGone,
    /// STARTTLS is not offered.
    Bare,
    /// The handshake breaks.
    Broken(Breaks),
    /// The certificate is nobody's.
    SelfSigned,
}

impl Mood {
    /// What is shown in a handshake.
    fn presents(self) -> PeerFacts {
        match self {
            Self::SelfSigned => PeerFacts::self_signed(),
            Self::Broken(breaks) => PeerFacts {
                breaks: Some(breaks),
                ..PeerFacts::sound()
            },
            _ => PeerFacts::sound(),
        }
    }
}

/// Serves all connections.
pub(super) async fn run(world: Arc<World>, sink: Sink) -> turmoil::Result {
    let listener = TcpListener::from_std(Listening::Simulated(SocketAddr::from(([0, 0, 0, 0], 25))))?;
    loop {
        let (stream, _) = listener.accept().await?;
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let mood = mood(&world, sink);
            world.note(sink.name, &format!("a connection, {mood:?}"));
            let served = within(world.plan.patience * PATIENCE * 4, serve(&world, sink, mood, stream)).await;
            if let Err(error) = served {
                world.note(sink.name, &format!("it ended: {:?}", error.kind()));
            }
        });
    }
}

fn mood(world: &World, sink: Sink) -> Mood {
    if world.plan.dead == Some(sink.name) {
        return Mood::Busy;
    }
    if world.is_calm() || world.one_in(2) {
        return Mood::Good;
    }
    let mut dice = world.dice();
    let lines = dice.u32(0..8);
    let moods = [
        Mood::Busy,
        Mood::Silent(lines),
        Mood::Gone(lines),
        Mood::Greylisting,
        Mood::Undecided,
        Mood::TakenAndGone,
        Mood::Bare,
        Mood::Broken(Breaks::OnHybrid),
        Mood::Broken(Breaks::Always),
        Mood::SelfSigned,
        Mood::Refusing,
    ];
    // A notification that is refused for good is gone, as it has to be.
    let most = if sink.name == "mx.s.example" {
        moods.len() - 1
    } else {
        moods.len()
    };
    moods[dice.usize(0..most)]
}

/// A transaction.
#[derive(Default)]
struct Transaction {
    sender: String,
    recipients: Vec<String>,
}

async fn serve(world: &World, sink: Sink, mood: Mood, stream: TcpStream) -> io::Result<()> {
    let patience = world.plan.patience * PATIENCE;
    let mut talk = Talk::new(stream);
    if mood == Mood::Busy {
        return talk.say("421 4.3.2 busy\r\n").await;
    }
    let presented = mood.presents();
    talk.say("220 sink.example ESMTP\r\n").await?;
    let mut open = Transaction::default();
    let mut lines = 0;
    loop {
        let line = within(patience, talk.line()).await?;
        // The server goes on with a connection that it has: what is calm is calm on that too.
        let mood = if world.is_calm() { Mood::Good } else { mood };
        match mood {
            Mood::Silent(after) if lines == after => sleep(patience).await,
            Mood::Gone(after) if lines == after => return Ok(()),
            _ => {}
        }
        lines += 1;
        let (verb, rest) = line.split_at(line.find([' ', ':']).unwrap_or(line.len()));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                let offers = sink.offers_tls && mood != Mood::Bare && !talk.is_covered();
                let starttls = if offers { "250-STARTTLS\r\n" } else { "" };
                talk.say(&format!("250-sink.example\r\n{starttls}250 8BITMIME\r\n"))
                    .await?;
            }
            "STARTTLS" => {
                talk.say("220 go ahead\r\n").await?;
                talk = cover(talk, &presented, patience).await?;
            }
            "MAIL" => {
                open = Transaction {
                    sender: address_in(rest),
                    recipients: Vec::new(),
                };
                talk.say("250 2.1.0 sender ok\r\n").await?;
            }
            "RCPT" => match mood {
                Mood::Greylisting => talk.say("450 4.7.1 come again\r\n").await?,
                Mood::Refusing => talk.say("550 5.1.1 nobody\r\n").await?,
                _ => {
                    open.recipients
                        .push(address_in(rest).trim_matches(['<', '>']).to_owned());
                    talk.say("250 2.1.5 recipient ok\r\n").await?;
                }
            },
            "DATA" if open.recipients.is_empty() => talk.say("503 5.5.1 no recipient\r\n").await?,
            "DATA" => {
                talk.say("354 go ahead\r\n").await?;
                let content = within(patience, talk.content()).await?;
                let taken = std::mem::take(&mut open);
                let presented = talk.is_covered().then_some(&presented);
                let Some(reply) = take(world, sink, mood, taken, content, presented) else {
                    return Ok(());
                };
                talk.say(reply).await?;
            }
            "RSET" => {
                open = Transaction::default();
                talk.say("250 2.0.0 ok\r\n").await?;
            }
            "QUIT" => return talk.say("221 2.0.0 bye\r\n").await,
            _ => talk.say("500 5.5.2 what\r\n").await?,
        }
    }
}

fn address_in(rest: &str) -> String {
    let begin = rest.find('<').unwrap_or(0);
    let end = rest.find('>').map_or(rest.len(), |end| end + 1);
    rest[begin..end].to_owned()
}

/// Takes the server's part in what stands for a handshake.
async fn cover(talk: Talk, presented: &PeerFacts, patience: Duration) -> io::Result<Talk> {
    let shaken = facts::accept(talk.into_clear()?, presented, patience).await;
    let (stream, _) = shaken.map_err(|failure| io::Error::other(failure.to_string()))?;
    Ok(Talk {
        stream: Stream::Faked(stream),
        held: Vec::new(),
    })
}

/// Whether a message is taken, and what is said then; nothing when the connection ends.
fn take(
    world: &World,
    sink: Sink,
    mood: Mood,
    taken: Transaction,
    content: String,
    presented: Option<&PeerFacts>,
) -> Option<&'static str> {
    if mood == Mood::Undecided {
        return Some("451 4.3.0 not now\r\n");
    }
    keep(world, sink, taken, content, presented);
    if mood == Mood::TakenAndGone {
        trouble(world, sink);
        return None;
    }
    Some("250 2.0.0 taken\r\n")
}

fn keep(world: &World, sink: Sink, taken: Transaction, mut content: String, presented: Option<&PeerFacts>) {
    let is_covered = match sink.demanded {
        Demanded::Nothing => true,
        Demanded::Encryption => presented.is_some(),
        Demanded::Certificate => presented.is_some_and(PeerFacts::is_sound),
    };
    if world.plan.control == Control::Alteration && taken.sender != "<>" {
        content = content.replace("line 0", "line O");
    }
    let what = format!(
        "{} to {:?}, {} octets, covered {is_covered}",
        taken.sender,
        taken.recipients,
        content.len()
    );
    world.note(sink.name, &what);
    let delivered = Delivered {
        at: clock::now().since(clock::SIMULATION_BEGINS),
        sink: sink.name,
        sender: taken.sender,
        recipients: taken.recipients,
        content,
        is_covered,
    };
    world.book().delivered.push(delivered);
}

fn trouble(world: &World, sink: Sink) {
    let trouble = Trouble {
        at: clock::now().since(clock::SIMULATION_BEGINS),
        until: None,
        sink: Some(sink.name),
    };
    world.book().troubles.push(trouble);
}
