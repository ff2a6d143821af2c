//! A source: offers each of its messages until the server takes it, as every sender has to.

use std::{fmt::Write as _, io, net::SocketAddr, sync::Arc, time::Duration};

use sekisho_tls::{ClientProfile, TlsClient};
use tokio::time::sleep;

use super::{Stream, Talk, World, book::Sent, driver::SERVER, within};
use crate::net;

/// Whom sources write to; who is at `none.example` does not exist.
const RECIPIENTS: [&str; 7] = [
    "one@a.example",
    "two@a.example",
    "one@b.example",
    "one@c.example",
    "one@d.example",
    "nobody@none.example",
    "local@l.example",
];

/// One message.
struct Letter {
    number: usize,
    sender: String,
    recipients: Vec<String>,
    lines: usize,
    covered: bool,
}

/// What the server said to a message.
enum Said {
    Taken,
    Later,
    /// Of these recipients none was taken.
    Never(String),
}

/// Sends all messages of the source `place`.
pub(super) async fn run(world: Arc<World>, place: usize) -> turmoil::Result {
    for message in 0..world.plan.messages {
        sleep(world.up_to(world.plan.pause)).await;
        let letter = write(&world, place * 1000 + message);
        let mut again = 0;
        while !offer_again(&world, &letter, again).await {
            again += 1;
            sleep(Duration::from_secs(1) + world.up_to(world.plan.pause)).await;
        }
    }
    world.book().done += 1;
    Ok(())
}

fn write(world: &World, number: usize) -> Letter {
    let mut dice = world.dice();
    let count = dice.usize(1..=3);
    let recipients = dice.choose_multiple(RECIPIENTS[..6].iter(), count);
    Letter {
        number,
        sender: format!("from{number}@s.example"),
        recipients: recipients.into_iter().map(|to| (*to).to_owned()).collect(),
        lines: dice.choice([1, 3, 40, 400]).unwrap_or(1),
        covered: dice.bool(),
    }
}

/// Whether it is done with.
async fn offer_again(world: &World, letter: &Letter, again: usize) -> bool {
    let tag = format!("{}.{again}", letter.number);
    match within(world.plan.patience * 2, offer(world, letter, again)).await {
        Ok(Said::Taken) => {
            world.note("source", &format!("{tag} was taken"));
            if let Some(sent) = world.book().sent.get_mut(&(letter.number, again)) {
                sent.is_acknowledged = true;
            }
            true
        }
        Ok(Said::Later) => {
            world.note("source", &format!("{tag} was put off"));
            false
        }
        Ok(Said::Never(reply)) => {
            world.note("source", &format!("{tag} was refused: {reply}"));
            let fault = format!("refused for good: {tag}: {reply}");
            world.book().troubles_of_sources.push(fault);
            true
        }
        Err(error) => {
            world.note("source", &format!("{tag} met {:?}", error.kind()));
            false
        }
    }
}

async fn offer(world: &World, letter: &Letter, again: usize) -> io::Result<Said> {
    let stream = net::connect(SocketAddr::from((SERVER, 25)), None).await?;
    let mut talk = Talk::new(stream);
    reply(&mut talk).await?;
    ask(&mut talk, "EHLO source.example").await?;
    if letter.covered {
        if !ask(&mut talk, "STARTTLS").await?.starts_with('2') {
            return Ok(Said::Later);
        }
        let client = TlsClient::new(std::collections::HashMap::new());
        let shaken = net::connect_tls(
            &client,
            talk.into_clear()?,
            (None, &ClientProfile::default()),
            world.plan.patience,
        )
        .await;
        let (stream, _) = shaken.map_err(|failure| io::Error::other(failure.to_string()))?;
        talk = Talk {
            stream: Stream::Covered(stream),
            held: Vec::new(),
        };
        ask(&mut talk, "EHLO source.example").await?;
    }
    let mut commands = vec![format!("MAIL FROM:<{}>", letter.sender)];
    commands.extend(letter.recipients.iter().map(|to| format!("RCPT TO:<{to}>")));
    commands.push("DATA".to_owned());
    for command in commands {
        let said = ask(&mut talk, &command).await?;
        match said.as_bytes().first() {
            Some(b'2' | b'3') => {}
            Some(b'4') => return Ok(Said::Later),
            _ => return Ok(Said::Never(said)),
        }
    }
    let content = content(letter, again);
    let mut stuffed = String::new();
    for line in content.split_inclusive("\r\n") {
        let dot = if line.starts_with('.') { "." } else { "" };
        let _ = write!(stuffed, "{dot}{line}");
    }
    // In pieces, so that a crash finds some on the way.
    let middle = stuffed.len() / 2;
    talk.say(&stuffed[..middle]).await?;
    sleep(world.millis(200)).await;
    talk.say(&stuffed[middle..]).await?;
    let sent = Sent {
        sender: format!("<{}>", letter.sender),
        recipients: letter.recipients.clone(),
        content,
        is_acknowledged: false,
    };
    world.book().sent.insert((letter.number, again), sent);
    let said = ask(&mut talk, ".").await?;
    Ok(match said.as_bytes().first() {
        Some(b'2') => Said::Taken,
        Some(b'4') => Said::Later,
        _ => Said::Never(said),
    })
}

fn content(letter: &Letter, again: usize) -> String {
    let mut content = format!(
        "X-Simulated: {}.{again}\r\nMessage-ID: <{}.{again}@s.example>\r\nSubject: a letter\r\n\r\n",
        letter.number, letter.number
    );
    for line in 0..letter.lines {
        let dot = if line % 3 == 0 { "." } else { "" };
        let _ = write!(
            content,
            "{dot}line {line} of {}, which is neither long nor short\r\n",
            letter.number
        );
    }
    content
}

/// The last line of a reply.
async fn reply(talk: &mut Talk) -> io::Result<String> {
    loop {
        let line = talk.line().await?;
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line);
        }
    }
}

async fn ask(talk: &mut Talk, command: &str) -> io::Result<String> {
    talk.say(&format!("{command}\r\n")).await?;
    reply(talk).await
}
