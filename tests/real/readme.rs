//! Every command of the README, run where it says what it does.
//!
//! A block of `sh` is run on a small host of its own ([`Stage`]) that has the service the README speaks of. What a `console` block
//! shows of cryoscope is what it prints. The hang that the README begins with is not waited for here: it is a test of `criu_facts`.

use std::process::Stdio;

use libtest_mimic::Trial;

use super::support::requirement::{Need, trial};
use super::tape::frames::lasting;
use super::tape::stage::Stage;

const NEED: &[Need] = &[Need::Root, Need::V2, Need::Criu];
const README: &str = include_str!("../../README.md");

/// Makes the README's `my.service`: a process without a terminal, as services are.
const SERVICE: &str = r#"
group=/sys/fs/cgroup/system.slice/my.service
mkdir -p "$group"
setsid -f sh -c 'echo 0 > "$0/cgroup.procs"; exec sleep infinity' "$group" < /dev/null > /dev/null 2>&1
until grep -q . "$group/cgroup.procs"; do sleep 0.01; done
"#;

/// What is not run as it stands, by its beginning: what is run in its place (`{}`: the line itself), and why.
const OTHERWISE: [(&str, Option<&str>, &str); 6] = [
    ("cargo run --release", Some("cryoscope"), "the program that is tested is built already"),
    ("cargo install --path .", None, "it builds the program a second time"),
    ("tests/run", None, "it runs this test"),
    ("cryoscope watch", Some("timeout 0.5 {} || [ $? = 124 ]"), "it goes on until it is ended"),
    ("cryoscope checkpoint my.service --into /var/tmp/images --after killed", Some("{} --yes"), "it asks"),
    ("cryoscope rescue --dry-run", Some("{} || [ $? = 1 ]"), "other tests have a criu that hangs"),
];

pub fn tests() -> Vec<Trial> {
    let mut all = vec![trial("readme::what_is_run_otherwise_is_there", &[], what_is_run_otherwise_is_there)];
    let run_here =
        blocks().enumerate().filter(|(_, block)| block.lines().any(|line| runnable(line).is_some()));
    all.push(trial("readme::what_it_shows_is_printed", NEED, what_it_shows_is_printed));
    all.extend(run_here.map(|(at, block)| {
        let first = block.lines().next().unwrap_or_default();
        let name: String = first.split('#').next().unwrap_or_default().trim().replace(' ', "_");
        trial(&format!("readme::block_{}::{name}", at + 1), NEED, move || run(block))
    }));
    all
}

fn blocks() -> impl Iterator<Item = &'static str> {
    blocks_of("sh")
}

fn blocks_of(kind: &str) -> impl Iterator<Item = &'static str> {
    README
        .split(&format!("```{kind}\n"))
        .skip(1)
        .map(|rest| rest.split_once("```").unwrap().0)
        .collect::<Vec<_>>()
        .into_iter()
}

/// A block that begins with a call of the program: all else in it is the answer, but for numbers, times and sizes.
fn what_it_shows_is_printed() {
    let shown = blocks_of("console").filter_map(|block| block.strip_prefix("# cryoscope ")?.split_once('\n'));
    let mut compared = 0;
    for (arguments, answer) in shown {
        let stage = Stage::new("shown");
        let script = format!("{SERVICE}\n{FROZEN}\ncryoscope {arguments}");
        let mut shell = stage.command(&["setsid", "-w", "bash", "-ec", &script]);
        let output = shell.stdin(Stdio::null()).current_dir("/").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let said: String = said.split_inclusive('\n').filter(|line| !is_of_this_host(line)).collect();
        assert_eq!(lasting(&said), lasting(answer), "cryoscope {arguments}");
        compared += 1;
    }
    assert_eq!(compared, 2, "the checkpoint and the doctor");
}

/// What `doctor` misses here and not where the README was written: an old criu on a new kernel, a capability.
fn is_of_this_host(line: &str) -> bool {
    line.starts_with("missing") && (line.contains("criu") || line.contains("CAP_"))
}

/// The group of the README's first example, frozen by hand.
const FROZEN: &str = r#"
cd /sys/fs/cgroup
mkdir -p shop/worker
cat system.slice/my.service/cgroup.procs > shop/worker/cgroup.procs
echo 1 > shop/worker/cgroup.freeze
"#;

fn what_is_run_otherwise_is_there() {
    for (beginning, _, why) in OTHERWISE {
        let stands = blocks().flat_map(str::lines).any(|line| line.starts_with(beginning));
        assert!(stands, "the README has no {beginning:?} any more, of which is said: {why}");
    }
    assert!(blocks().flat_map(str::lines).count() > 15, "the README has commands");
}

/// A line of the README as it is run here.
fn runnable(line: &str) -> Option<String> {
    let line = line.split(" #").next().unwrap_or_default().trim_end();
    match OTHERWISE.iter().find(|(beginning, ..)| line.starts_with(beginning)) {
        Some((_, instead, _)) => instead.map(|instead| instead.replace("{}", line)),
        None => Some(line.to_owned()),
    }
}

/// All lines in one shell.
fn run(block: &str) {
    let script = block.lines().filter_map(runnable).collect::<Vec<_>>().join("\n");
    let stage = Stage::new("readme");
    let mut shell = stage.command(&["setsid", "-w", "bash", "-exc", &format!("{SERVICE}\n{script}")]);
    let output = shell.stdin(Stdio::null()).current_dir("/").output().unwrap();
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{}\n{}", output.status, said.join("\n"));
}
