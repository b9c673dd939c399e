//! What a program was doing, by the images of it.

use std::os::unix::fs::FileExt;

use super::*;
use crate::real::support::changing::{CHANGED_PAGES, Changing, MEMORY, VARIABLE};

/// Nothing but the memory of a process has it.
const SECRET: &str = "SWORDFISH of the checkpoint";

pub fn tests() -> Vec<Trial> {
    vec![
        trial("inspect::what_a_program_was_doing", V2, what_it_was_doing),
        trial("inspect::restorable_once_its_number_is_free", V2, restorable),
        trial("inspect::the_environment_only_on_request", V2, environment),
        trial("inspect::a_text_is_found_in_memory", V2, searched),
        trial("inspect::an_expression_is_found_in_memory", V2, searched_by_expression),
        trial("inspect::what_changed_between_two", V2, changed),
        trial("inspect::cut_memory_is_not_searched_further", V2, cut_memory),
    ]
}

/// The program, and its images.
fn dumped_program() -> (Group, Changing, TempDir) {
    let (group, images) = (Group::v2("program"), folder());
    let program = Changing::with_secret(&group, SECRET);
    dump(program.pid(), images.path()).leave_running().run().assert_success();
    (group, program, images)
}

fn text(arguments: &[&str], folder: &Path) -> String {
    let output = inspect(arguments, folder);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn what_it_was_doing() {
    let (_group, program, images) = dumped_program();
    let object = inspected(images.path());
    let process = &object["trees"][0]["processes"][0];
    let command = fs::read(format!("/proc/{}/cmdline", program.pid())).unwrap();
    let command = command.strip_suffix(b"\0").unwrap().split(|&byte| byte == 0).map(printable);
    assert_eq!(process["command"], json!(command.collect::<Vec<_>>().join(" ")));
    assert_eq!((&process["cwd"], &process["user"]), (&json!("/"), &json!("root")));
    assert!(object["age_seconds"].as_u64().unwrap() < 3600);
    // sigwait(3); this program is of x86-64 where the tests of the project run.
    if cfg!(target_arch = "x86_64") {
        assert_eq!(process["thread_list"][0]["waits_in"]["call"], "rt_sigtimedwait");
    }
    let mapped = fs::read_to_string(format!("/proc/{}/maps", program.pid())).unwrap();
    let all: Value = serde_json::from_str(&text(&["--json", "--maps"], images.path())).unwrap();
    for mapping in all["trees"][0]["processes"][0]["mappings"].as_array().unwrap() {
        let [start, permissions, name] =
            ["start", "permissions", "name"].map(|field| mapping[field].as_str().unwrap());
        let start = format!("{:x}", u64::from_str_radix(&start[2..], 16).unwrap());
        let line = mapped.lines().find(|line| line.trim_start_matches('0').starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("{start} in {mapped}"));
        assert!(line.contains(permissions), "{mapping} is {line}");
        assert!(name == "[anonymous]" || line.ends_with(name), "{mapping} is {line}");
    }
    let socket = program.folder().join("socket");
    let shown = text(&[], images.path());
    let held = format!("{} fd", program.pid());
    let line = shown.lines().find(|line| line.starts_with("unix-stream")).unwrap();
    assert!(line.contains("listen") && line.contains(socket.to_str().unwrap()), "{line}");
    assert!(line.contains(&held), "{line}");
    for word in ["closed-later w at 0", "  command   ", "more, with --maps"] {
        assert!(shown.contains(word), "no {word:?} in {shown}");
    }
}

fn restorable() {
    let (_group, mut program, images) = dumped_program();
    let criu = criu();
    let criu = ["--criu", criu.to_str().unwrap()];
    let line = |text: &str| text.lines().find(|line| line.contains("restorable here:")).unwrap().to_owned();
    let alive = line(&text(&criu, images.path()));
    assert!(
        alive.contains("no, because") && alive.contains(&format!("end process {}", program.pid())),
        "{alive}"
    );
    program.end();
    let ended = text(&criu, images.path());
    assert!(line(&ended).contains("restorable here: yes"), "{ended}");
    let object: Value =
        serde_json::from_str(&text(&[&criu[..], &["--json"]].concat(), images.path())).unwrap();
    assert_eq!(object["restorable_here"], json!(true), "{object}");
}

fn environment() {
    let (_group, _program, images) = dumped_program();
    let (asked, unasked) = (text(&["--env"], images.path()), text(&[], images.path()));
    assert!(asked.contains(&format!("env       {VARIABLE}")), "{asked}");
    assert!(!unasked.contains(VARIABLE) && !text(&["--json"], images.path()).contains(VARIABLE));
    let object: Value = serde_json::from_str(&text(&["--json", "--env"], images.path())).unwrap();
    let variables = object["trees"][0]["processes"][0]["environment"].as_array().unwrap();
    assert!(variables.contains(&json!(VARIABLE)), "{variables:?}");
}

fn searched() {
    let (_group, program, images) = dumped_program();
    let object: Value = serde_json::from_str(&text(&["--json", "--grep", SECRET], images.path())).unwrap();
    let hits = object["hits"].as_array().unwrap();
    // Where it was put, and where it was made of the argument that has it backwards.
    assert!(!hits.is_empty() && object["matches"] == hits.len(), "{object}");
    let mapped = fs::read_to_string(format!("/proc/{}/maps", program.pid())).unwrap();
    let memory = fs::File::open(format!("/proc/{}/mem", program.pid())).unwrap();
    for hit in hits {
        assert_eq!(
            (&hit["pid"], hit["excerpt"].as_str().unwrap().contains(SECRET)),
            (&json!(program.pid()), true)
        );
        let address = number(&hit["address"]);
        let mut there = vec![0; SECRET.len()];
        memory.read_exact_at(&mut there, address).unwrap();
        assert_eq!(there, SECRET.as_bytes(), "at {address:#x}");
        let start = format!("{:x}-", address - hit["offset"].as_u64().unwrap());
        assert!(
            mapped.lines().any(|line| line.trim_start_matches('0').starts_with(&start)),
            "{start} in {mapped}"
        );
    }
    assert!(object["searched_bytes"].as_u64().unwrap() >= MEMORY as u64 && object["unsearched_bytes"] == 0);
    let never = "a text that no process ever had";
    let shown = text(&["--grep", never], images.path());
    assert!(shown.starts_with("0 matches in "), "{shown}");
    let shown = text(&["--grep", r"SWORDFISH\x20of"], images.path());
    assert!(shown.contains(SECRET) && shown.contains(&format!("{} ", program.pid())), "{shown}");
    assert_eq!(inspect(&["--grep", ""], images.path()).status.code(), Some(2));
}

/// The same places by an expression; the bytes around a match, and all memory, are those that the process has.
fn searched_by_expression() {
    let (_group, program, images) = dumped_program();
    let found = |arguments: &[&str]| -> Value {
        serde_json::from_str(&text(&[&["--json"], arguments].concat(), images.path())).unwrap()
    };
    let (literal, expression) = (found(&["--grep", SECRET]), found(&["--regex", r"SWORDFISH\x20of[ -~]*"]));
    let places = |found: &Value| -> Vec<Value> {
        found["hits"].as_array().unwrap().iter().map(|hit| hit["address"].clone()).collect()
    };
    assert!(!places(&literal).is_empty() && places(&expression) == places(&literal), "{expression}");
    let memory = fs::File::open(format!("/proc/{}/mem", program.pid())).unwrap();
    let there = |address: u64, bytes: usize| {
        let mut there = vec![0; bytes];
        memory.read_exact_at(&mut there, address).unwrap();
        there
    };
    for hit in found(&["--grep", SECRET, "--context", "7"])["hits"].as_array().unwrap() {
        let (address, hex) = (number(&hit["context"]["address"]), hit["context"]["hex"].as_str().unwrap());
        let bytes = there(address, hex.len() / 2);
        assert_eq!(hex, bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        assert!(bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
    }
    let first = number(&places(&literal)[0]);
    let line = first - first % 16;
    let hex: Vec<String> = there(line, 16).iter().map(|byte| format!("{byte:02x}")).collect();
    let line = format!("{line:016x}  {}  |", hex.join(" "));
    let all = text(&["--hexdump", &program.pid().to_string()], images.path());
    assert!(all.lines().any(|shown| shown.starts_with(&line)), "no {line}");
    let around = text(&["--grep", SECRET, "--context", "32"], images.path());
    assert!(around.lines().any(|shown| shown.starts_with(&format!("  {line}"))), "no {line} in {around}");
    for wrong in
        [&["--regex", "a("][..], &["--regex", "a*"], &["--context", "8"], &["--grep", "a", "--context", "0"]]
    {
        assert_eq!(inspect(wrong, images.path()).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(inspect(&["--hexdump", "1"], images.path()).status.code(), Some(5));
}

fn cut_memory() {
    let (_group, program, images) = dumped_program();
    let pages = images.path().join("pages-1.img");
    let bytes = fs::read(&pages).unwrap();
    fs::write(&pages, &bytes[..bytes.len() / 2]).unwrap();
    let output = inspect(&["--grep", SECRET], images.path());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && error.contains("truncated"), "{error}");
    fs::remove_file(&pages).unwrap();
    let shown = text(&["--grep", SECRET], images.path());
    assert!(shown.starts_with("0 matches in 0 B") && shown.contains("not searched: "), "{shown}");
    drop(program);
}

fn diff(arguments: &[&str], before: &Path, after: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cryoscope"));
    command.arg("diff").args(arguments).args([before, after]).stdin(Stdio::null()).output().unwrap()
}

/// The mapping of the program that it changes, as the images have it: its first address and its end.
fn changing_mapping(images: &Path) -> (u64, u64) {
    let all: Value = serde_json::from_str(&text(&["--json", "--maps"], images)).unwrap();
    let mappings = all["trees"][0]["processes"][0]["mappings"].as_array().unwrap();
    let known = |mapping: &&Value| {
        let held = mapping["held_bytes"].as_u64().unwrap();
        mapping["name"] == "[anonymous]" && (MEMORY as u64..MEMORY as u64 + 64 * 4096).contains(&held)
    };
    let mapping = mappings.iter().find(known).unwrap();
    (number(&mapping["start"]), number(&mapping["end"]))
}

/// An address in JSON.
fn number(field: &Value) -> u64 {
    u64::from_str_radix(field.as_str().unwrap().strip_prefix("0x").unwrap(), 16).unwrap()
}

/// Memory of a process, as the kernel shows it.
fn memory(pid: i32, (start, end): (u64, u64)) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
    fs::File::open(format!("/proc/{pid}/mem")).unwrap().read_exact_at(&mut bytes, start).unwrap();
    bytes
}

fn changed() {
    let (_group, program, before) = dumped_program();
    let after = folder();
    let mapping = changing_mapping(before.path());
    let earlier = memory(program.pid(), mapping);
    program.change();
    dump(program.pid(), after.path()).leave_running().run().assert_success();
    let later = memory(program.pid(), mapping);
    let output = diff(&["--json"], before.path(), after.path());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&object["started"], &object["ended"], &object["unchanged"]),
        (&json!([]), &json!([]), &json!(0))
    );
    let process = &object["changed"][0];
    assert_eq!((&process["pid"], &process["facts"]), (&json!(program.pid()), &json!([])));
    let names = |field: &str| {
        let all =
            process["files"][field].as_array().unwrap().iter().map(|open| open["name"].as_str().unwrap());
        all.map(|name| name.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (names("opened"), names("closed")),
        (vec!["opened".to_owned()], vec!["closed-later".to_owned()])
    );
    // What the kernel showed before and after. Kernel and C library have a few bytes of their own beside, in the same mapping.
    let pages =
        earlier.chunks(4096).zip(later.chunks(4096)).filter(|(earlier, later)| earlier != later).count();
    assert!(pages >= CHANGED_PAGES.len(), "{pages}");
    let changes = process["memory"]["mappings"].as_array().unwrap();
    let change = changes.iter().find(|change| number(&change["start"]) == mapping.0).unwrap();
    let [changed_pages, changed_bytes] = ["changed_pages", "changed_bytes"]
        .map(|field| usize::try_from(change[field].as_u64().unwrap()).unwrap());
    assert!((pages..pages + 3).contains(&changed_pages), "{pages} pages: {change}");
    assert!((changed_pages..pages + 64).contains(&changed_bytes), "{change}");
    let shown = String::from_utf8(diff(&[], before.path(), after.path()).stdout).unwrap();
    let pages = format!("{changed_pages} pages changed, in {changed_bytes} bytes");
    for word in [&*pages, "+ fd", "- fd", "opened w at 7"] {
        assert!(shown.contains(word), "no {word:?} in {shown}");
    }
    let shown = String::from_utf8(diff(&[], after.path(), after.path()).stdout).unwrap();
    assert!(shown.contains("nothing changed"), "{shown}");
    let other = folder();
    let pid = dumped(other.path());
    let shown = String::from_utf8(diff(&[], before.path(), other.path()).stdout).unwrap();
    let (came, went) = (format!("+ process {pid} "), format!("- process {} ", program.pid()));
    assert!(shown.contains(&came) && shown.contains(&went), "{shown}");
    assert_eq!(diff(&[], before.path(), Path::new("/none")).status.code(), Some(5));
}
