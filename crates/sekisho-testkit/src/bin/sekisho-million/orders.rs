//! What an operator asks and orders while the server delivers.

use std::{
    process::Output,
    time::{Duration, Instant},
};

use sekisho_testkit::node::metric;

use crate::{
    Options,
    run::{World, until},
    table::millis,
    world::{Kind, domain},
};

const SHAPE_LIMIT: Duration = Duration::from_secs(1);
/// A question about one destination, address or message.
const QUESTION_LIMIT: Duration = Duration::from_secs(2);
/// One for which the whole queue has to be looked through.
const SWEEP_LIMIT: Duration = Duration::from_secs(10);
/// An order for an eighth of the queue.
const ORDER_LIMIT: Duration = Duration::from_secs(60);

/// Runs a shell line in which `$SEKISHO` is the binary; how long that took and what it said.
fn timed(world: &World, line: &str) -> (Duration, String, Output) {
    let begun = Instant::now();
    let output = world.node.shell(line);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (begun.elapsed(), said, output)
}

/// Every question, with the server at work.
pub(crate) fn look(world: &mut World) {
    let begun = Instant::now();
    // Of the first nothing can be delivered, of the other much was.
    let (one, live) = (domain(1), domain(0));
    let questions = [
        ("queue shape", r#""$SEKISHO" queue shape"#.to_owned(), SHAPE_LIMIT),
        (
            "queue list, first lines",
            r#""$SEKISHO" queue list | head -n 50"#.to_owned(),
            SHAPE_LIMIT,
        ),
        (
            "queue list of one destination",
            format!(r#""$SEKISHO" queue list --destination {one}"#),
            QUESTION_LIMIT,
        ),
        (
            "queue list by a fault that nobody has",
            r#""$SEKISHO" queue list --error 'no such words'"#.to_owned(),
            SWEEP_LIMIT,
        ),
        (
            "trace of one recipient",
            format!(r#""$SEKISHO" trace --recipient r@{live}"#),
            QUESTION_LIMIT,
        ),
        ("status", r#""$SEKISHO" status"#.to_owned(), QUESTION_LIMIT),
    ];
    for (name, line, limit) in questions {
        let (time, said, output) = timed(world, &line);
        world.table.within(name, time, limit);
        let empty_is_right = name.contains("nobody");
        if said.is_empty() != empty_is_right {
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            world
                .table
                .must(name, format!("{} {complaint}", output.status), "an answer", false);
        }
    }
    world.answers("questions", begun);
}

/// Every order for an eighth of the queue.
///
/// # Errors
/// When an answer cannot be read.
pub(crate) fn order(world: &mut World, options: &Options) -> Result<(), String> {
    let begun = Instant::now();
    let held = hold_on_a_terminal(world)?;
    let (time, said, _) = timed(world, r#""$SEKISHO" queue release --held"#);
    world.table.within("release by filter", time, ORDER_LIMIT);
    let released = changed(&said)?;
    world.table.must(
        "release by filter: changed",
        released,
        format!("{held}, as held"),
        released == held,
    );
    hold_from_a_pipe(world)?;
    interrupted(world)?;
    world.answers("orders", begun);
    bounce(world, options)
}

/// With a progress bar, since standard error is a terminal.
fn hold_on_a_terminal(world: &mut World) -> Result<u64, String> {
    let silent = Kind::Silent.pattern();
    let line = format!(r#"script -qec "\"$SEKISHO\" queue hold --destination '{silent}'" /dev/null"#);
    let (time, said, _) = timed(world, &line);
    let held = count_held(world);
    world
        .table
        .within(&format!("hold by filter, {held} messages"), time, ORDER_LIMIT);
    let shown = said.contains('█') || said.contains("/");
    world
        .table
        .must("hold by filter: a progress bar on a terminal", shown, true, shown);
    let told = changed(&said)?;
    world.table.must(
        "hold by filter: changed",
        told,
        format!("{held}, as listed"),
        told == held,
    );
    Ok(told)
}

/// By ids, read from a list; nothing but the answer is said where there is no terminal.
fn hold_from_a_pipe(world: &mut World) -> Result<(), String> {
    let refused = Kind::Refused.pattern();
    let line = format!(r#""$SEKISHO" queue list --destination '{refused}' --ids | "$SEKISHO" queue hold -"#);
    let (time, said, output) = timed(world, &line);
    let held = count_held(world);
    let told = changed(&said)?;
    world
        .table
        .within(&format!("hold by ids from a pipe, {held} messages"), time, ORDER_LIMIT);
    world
        .table
        .must("hold by ids: changed", told, format!("{held}, as listed"), told == held);
    let quiet = output.stderr.is_empty();
    world
        .table
        .must("hold by ids: nothing on standard error", quiet, true, quiet);
    timed(world, r#""$SEKISHO" queue release --held"#);
    Ok(())
}

/// An order that is broken off says how far it came.
fn interrupted(world: &mut World) -> Result<(), String> {
    let servfail = Kind::Servfail.pattern();
    let line = format!(r#"timeout --preserve-status -s INT 0.7 "$SEKISHO" queue hold --destination '{servfail}'"#);
    let (time, said, _) = timed(world, &line);
    world
        .table
        .within("hold, interrupted after 700 ms", time, QUESTION_LIMIT);
    let (told, held) = (changed(&said)?, count_held(world));
    world.table.must(
        "hold, interrupted: changed",
        told,
        format!("{held}, as listed"),
        told == held,
    );
    timed(world, r#""$SEKISHO" queue release --held"#);
    Ok(())
}

/// What is given up goes back to senders that are alive.
fn bounce(world: &mut World, options: &Options) -> Result<(), String> {
    let begun = Instant::now();
    let busy = Kind::Busy.pattern();
    let (time, said, _) = timed(
        world,
        &format!(r#""$SEKISHO" queue bounce --destination '{busy}' --why 'given up'"#),
    );
    let told = changed(&said)?;
    let asked = options.messages / 8;
    world
        .table
        .within(&format!("bounce by filter, {told} messages"), time, ORDER_LIMIT);
    world.table.must(
        "bounce by filter: changed",
        told,
        format!("about {asked}"),
        told * 10 >= asked * 9,
    );
    let line = format!(r#""$SEKISHO" queue list --destination '{busy}' --ids | head -n 1"#);
    until("what was given up to be gone", || {
        timed(world, &line).1.is_empty().then_some(())
    });
    world
        .table
        .note("bounce: until all were given up", millis(begun.elapsed()));
    let left = metric("sekisho_queue_messages").unwrap_or(0);
    world.table.note("bounce: messages left", left);
    world.answers("bounce", begun);
    Ok(())
}

fn count_held(world: &World) -> u64 {
    let (_, said, _) = timed(world, r#""$SEKISHO" queue list --held --ids | wc -l"#);
    said.trim().parse().unwrap_or(0)
}

/// The number before the word in what an order says.
fn changed(said: &str) -> Result<u64, String> {
    let words: Vec<&str> = said.split_whitespace().collect();
    let place = words.iter().position(|word| word.starts_with("changed"));
    let number = place.and_then(|place| words.get(place.checked_sub(1)?));
    let word = number.copied().unwrap_or_default();
    // What a bar was wiped away with may stand before it.
    let digits = word
        .rsplit(|sign: char| !sign.is_ascii_digit())
        .next()
        .unwrap_or_default();
    digits
        .parse()
        .map_err(|_| format!("an order did not say how many it changed: {said:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_read_from_what_is_said() {
        assert_eq!(changed("125000 changed\n1 in flight: later"), Ok(125_000));
        assert_eq!(changed("\r\u{1b}[2K120 changed"), Ok(120));
        assert!(changed("nothing").is_err());
    }
}
