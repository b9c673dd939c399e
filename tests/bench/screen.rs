//! Tens of thousands of groups on the screen: what a key takes, and what a storm does to it.

use std::fs;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::figures::{WIDE, cpu, groups, idle, key, say, status};
use crate::real::support::terminal::Terminal;
use crate::real::support::workload::quiet;
use crate::real::support::{Group, SOON, until};

pub fn ten_thousand_groups() {
    let group = groups("bench", 10_000);
    let name = group.name().to_str().unwrap();

    let start = Instant::now();
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows("Groups");
    say("first frame", start.elapsed());
    terminal.shows_line(&["▸", name]);
    say("the group is on the screen", start.elapsed());
    terminal.keys("+");
    terminal.shows_line(&["▸ 00"]);
    say("unfolded", start.elapsed());
    let slowest = latency_until(&mut terminal, &["watch 10,"]);
    say("scanned and watched", start.elapsed());
    say("slowest key until then", slowest);
    println!("memory: {}", status(&terminal, "VmRSS"));

    idle(&terminal, "one thawed group of many on the screen");
    storm(&mut terminal, &group, name, "folded");
    terminal.keys("*");
    terminal.shows_line(&["▾ 00"]);
    storm(&mut terminal, &group, name, "10,000 rows unfolded");

    let before = cpu(&terminal);
    let start = Instant::now();
    for at in 0..5_000 {
        fs::remove_dir(group.path().join(format!("{:02}/{:02}", at / 100, at % 100))).unwrap();
    }
    say("5,000 rmdir took", start.elapsed());
    let slowest = latency_until(&mut terminal, &["watch 5,"]);
    say("5,000 groups less on the screen", start.elapsed());
    say("slowest key until then", slowest);
    println!("CPU for it: {:?}", cpu(&terminal) - before);
    println!("memory: {}", status(&terminal, "VmRSS"));
    idle(&terminal, "after all that");

    let start = Instant::now();
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    say("quit", start.elapsed());

    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows("Groups");
    let start = Instant::now();
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    say("quit while it scans", start.elapsed());
}

/// For how long a storm lasts.
const STORM: Duration = Duration::from_secs(3);

/// Groups come and go, and one is frozen and thawed, as fast as somebody can do that, beside ten thousand others.
pub fn storms() {
    let group = groups("storms", 10_000);
    let flips = group.child("!flips");
    let name = group.name().to_str().unwrap();
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows_line(&["▸", name]);
    terminal.keys("*");
    terminal.shows("watch 10,");
    let deeds: [(&str, &(dyn Fn(usize) + Sync)); 2] = [
        ("mkdir and rmdir", &|at| {
            let path = group.path().join(format!("!{}", at / 2 % 100));
            if at % 2 == 0 { fs::create_dir(path) } else { fs::remove_dir(path) }.unwrap();
        }),
        ("freeze and thaw", &|at| flips.request(at % 2 == 0)),
    ];
    for (what, deed) in deeds {
        let (before, end) = (cpu(&terminal), Instant::now() + STORM);
        let (mut slowest, mut done) = (Duration::ZERO, 0);
        std::thread::scope(|scope| {
            let busy = scope.spawn(|| {
                // One more in the end where it was an odd number: whatever it was is undone.
                (0..).take_while(|at| at % 2 != 0 || Instant::now() < end).inspect(|&at| deed(at)).count()
            });
            while !busy.is_finished() {
                slowest = slowest.max(key(&mut terminal));
            }
            done = busy.join().unwrap();
        });
        println!("{what}: {:.0} a second", done as f64 / STORM.as_secs_f64());
        say("slowest key meanwhile", slowest);
        println!("CPU for it, with the keys: {:?}", cpu(&terminal) - before);
        let start = Instant::now();
        flips.request(true);
        terminal.shows_line(&["!flips", "❄"]);
        flips.request(false);
        terminal.wait("the truth", |screen| {
            let rows: Vec<String> = screen.rows(0, WIDE.0).collect();
            let stands = |row: &&String| row.contains(" !") && !row.contains("(gone)");
            rows.iter().filter(stands).count() == 1 && !rows.iter().any(|row| row.contains('❄'))
        });
        say("all is as it is", start.elapsed());
    }
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
}

/// Twenty thousand groups, five thousand processes in one of them: what each key takes.
pub fn keys_of_a_large_host() {
    let group = Group::v2("large");
    for at in 0..20_000 {
        fs::create_dir_all(group.path().join(format!("{:03}/{:02}", at / 100, at % 100))).unwrap();
    }
    let full = group.child("full");
    let mut children: Vec<Child> =
        (0..5_000).map(|_| quiet(Command::new("sleep").arg("1000")).spawn().unwrap()).collect();
    for child in &children {
        full.add(child.id().cast_signed());
    }
    let start = Instant::now();
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows_line(&[">", group.name().to_str().unwrap()]);
    say("the named group is on the screen", start.elapsed());
    terminal.shows("watch 20,");
    say("all are scanned and watched", start.elapsed());
    terminal.keys("*");
    terminal.shows_line(&["▾ 000"]);
    let each = |terminal: &mut Terminal, what: &str, keys: &[(&str, &str)]| {
        let mut slowest = Duration::ZERO;
        for (key, shows) in keys.iter().cycle().take(60) {
            terminal.keys(key);
            slowest = slowest.max(terminal.shows(shows));
        }
        say(&format!("{what}, slowest of 60"), slowest);
    };
    let cursor = |row: usize| format!(">        {row:02}");
    let (one, two) = (cursor(0), cursor(1));
    terminal.keys("jj");
    terminal.shows(&one);
    each(&mut terminal, "down and up, 20,000 rows unfolded", &[("j", &two), ("k", &one)]);
    // As a held-down arrow sends them: the last one is to be seen as soon as it is sent.
    let start = Instant::now();
    for _ in 0..300 {
        terminal.keys("\x1b[B");
        std::thread::sleep(Duration::from_millis(10));
    }
    let sent = start.elapsed();
    terminal.shows(&cursor(98));
    say("the last of 300 arrows, 10 ms apart, after it was sent", start.elapsed().saturating_sub(sent));
    each(&mut terminal, "help", &[("?", " Help "), ("?", "Groups")]);
    each(&mut terminal, "end and beginning", &[("G", ">"), ("gg", ">▾ /")]);
    terminal.keys("/full");
    let start = Instant::now();
    terminal.shows_line(&[">", "full"]);
    say("search", start.elapsed());
    terminal.keys("\r");
    terminal.shows("5000 processes");
    each(&mut terminal, "help, 5,000 processes beside it", &[("?", " Help "), ("?", "Groups")]);
    let orders =
        ["memory", "threads", "state", "user", "newest", "PID", "as a tree"].map(|order| ("o", order));
    each(&mut terminal, "order of 5,000 processes", &orders);
    idle(&terminal, "5,000 thawed processes on the screen");
    println!("memory: {}", status(&terminal, "VmRSS"));
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    children.iter_mut().for_each(|child| drop(child.kill()));
    children.iter_mut().for_each(|child| drop(child.wait()));
}

fn storm(terminal: &mut Terminal, group: &Group, name: &str, how: &str) {
    for (freeze, badge) in [(true, "10,1"), (false, "")] {
        let before = cpu(terminal);
        let start = Instant::now();
        group.request(freeze);
        until("the kernel is through", SOON, || group.is_frozen() == freeze);
        let kernel = start.elapsed();
        let slowest = if freeze {
            latency_until(terminal, &[badge, "frozen"])
        } else {
            latency_until_not(terminal, &[name, "❄"])
        };
        say(&format!("{how}, freeze {freeze}: kernel {kernel:?}, on the screen"), start.elapsed());
        say("slowest key until then", slowest);
        let slowest = (0..20).map(|_| key(terminal)).max().unwrap();
        say("slowest of 20 keys afterwards", slowest);
        println!("CPU for it, with the keys: {:?}", cpu(terminal) - before);
    }
}

/// Presses keys until a line shows all of these; the longest time from a key to what it does.
fn latency_until(terminal: &mut Terminal, parts: &[&str]) -> Duration {
    let shown = |t: &Terminal| t.rows().iter().any(|row| parts.iter().all(|part| row.contains(part)));
    presses(terminal, shown)
}

fn latency_until_not(terminal: &mut Terminal, parts: &[&str]) -> Duration {
    let gone = |t: &Terminal| !t.rows().iter().any(|row| parts.iter().all(|part| row.contains(part)));
    presses(terminal, gone)
}

fn presses(terminal: &mut Terminal, done: impl Fn(&Terminal) -> bool) -> Duration {
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    while !done(terminal) {
        assert!(start.elapsed() < SOON * 2, "{}", terminal.rows().join("\n"));
        slowest = slowest.max(key(terminal));
    }
    slowest
}
