//! Images built by hand, whole and hostile.

use std::path::Path;

use proptest::prelude::*;
use prost::Message;
use tempfile::TempDir;

use super::message::*;
use super::*;
use crate::checkpoint::Level;

pub(super) mod memory;

const COMMON: u32 = 0x5456_4319;
const SERVICE: u32 = 0x5510_5940;

/// An image: magics, and messages behind their lengths.
fn image(magics: &[u32], messages: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes: Vec<u8> = magics.iter().flat_map(|magic| magic.to_le_bytes()).collect();
    for message in messages {
        bytes.extend(u32::try_from(message.len()).unwrap().to_le_bytes());
        bytes.extend(message);
    }
    bytes
}

fn core(comm: &[u8], task_state: u32, cg_set: u32) -> Core {
    let thread = ThreadCore { creds: Some(Creds { euid: 33 }), cg_set: Some(cg_set), ..Default::default() };
    let task = TaskCore { task_state, comm: comm.to_vec(), ..Default::default() };
    Core { tc: Some(task), thread_core: (task_state != 2).then_some(thread), ids: None, thread_info: None }
}

fn regular(id: u32, name: &str, mode: u32) -> FileEntry {
    let reg = RegularFile { name: name.into(), mode: Some(mode), ..RegularFile::default() };
    FileEntry { r#type: 1, id, reg: Some(reg), ..Default::default() }
}

fn files() -> Vec<FileEntry> {
    let socket = |ino, uflags, name: &str| UnixSocket {
        ino,
        r#type: 1,
        state: 1,
        uflags,
        peer: ino + 1,
        name: name.into(),
    };
    let tcp = InetSocket {
        family: 2,
        proto: 6,
        state: 1,
        src_port: 80,
        dst_port: 4000,
        src_addr: vec![0x0100_007f],
        dst_addr: vec![0x0100_007f],
        opts: None,
        v6only: None,
    };
    vec![
        regular(1, "/usr/bin/app\x1b[2J", 0o100_755),
        regular(2, "/", 0o040_755),
        regular(3, "/dev/null", 0o020_666),
        regular(4, "/tmp/gone", 0o100_600),
        FileEntry { r#type: 2, id: 5, pipe: Some(Pipe { pipe_id: 77, flags: 0 }), ..Default::default() },
        FileEntry { r#type: 4, id: 6, isk: Some(tcp), ..Default::default() },
        FileEntry { r#type: 5, id: 7, usk: Some(socket(70, 0, "\0name")), ..Default::default() },
        FileEntry { r#type: 5, id: 8, usk: Some(socket(80, 1, "/run/outside\0")), ..Default::default() },
        FileEntry { r#type: 3, id: 9, fifo: Some(Fifo { regf_id: Some(10) }), ..Default::default() },
        regular(10, "/run/fifo", 0o010_600),
        FileEntry { r#type: 999, id: 11, ..Default::default() },
    ]
}

/// A process of two threads, a child that was stopped, and a zombie.
fn whole() -> Vec<(String, Vec<u8>)> {
    let ids = ObjectIds { files_id: 2, pid_ns_id: Some(1), net_ns_id: Some(9), ..Default::default() };
    let root_ids = Some(ObjectIds { net_ns_id: Some(2), ..ids });
    let inventory = Inventory { img_version: 2, root_ids, root_cg_set: Some(1), ..Default::default() };
    let entry = |pid, ppid, threads: &[u32]| {
        let threads = threads.to_vec();
        TreeEntry { pid, ppid, pgid: 100, sid: 99, threads }.encode_to_vec()
    };
    let tree = [entry(100, 0, &[100, 101]), entry(102, 100, &[102]), entry(103, 100, &[1_744_728_704])];
    let descriptor = |fd, id| Descriptor { id, fd, r#type: 1 }.encode_to_vec();
    let member = |name: &str, path: &str| CgroupMember { name: name.into(), path: path.into() };
    let ctls = vec![member("", "/app"), member("freezer", "/app\n")];
    let cgroups = Cgroups { sets: vec![CgroupSet { id: 2, ctls }], ..Cgroups::default() };
    let thread = ThreadCore { comm: Some(b"worker".to_vec()), cg_set: Some(2), ..Default::default() };
    let run = |page: u64, nr: u32, flags| PagemapEntry {
        vaddr: page * 4096,
        compat_nr_pages: nr,
        flags: Some(flags),
        ..Default::default()
    };
    let newer = PagemapEntry { vaddr: 20 * 4096, nr_pages: Some(3), flags: Some(4), ..Default::default() };
    let head = |pages_id| PagemapHead { pages_id }.encode_to_vec();
    let dump = Dump { freezing_time: 1, frozen_time: 20, pages_written: 6, ..Default::default() };
    let lock = FileLock { pid: 100 };
    let messages = |magic, messages: &[Vec<u8>]| image(&[COMMON, magic], messages);
    let core = |core: Core| messages(0x5505_3847, &[core.encode_to_vec()]);
    let descriptors: Vec<_> =
        (0..9).map(|fd| descriptor(fd, [3, 4, 5, 6, 7, 8, 9, 11, 3][fd as usize])).collect();
    let entries: Vec<_> = files().iter().map(Message::encode_to_vec).collect();
    let mut all = vec![
        ("inventory.img".into(), image(&[0x5831_3116], &[inventory.encode_to_vec()])),
        ("pstree.img".into(), messages(0x5027_3030, &tree)),
        ("core-100.img".into(), core(self::core(b"app\x1b", 1, 2))),
        ("core-101.img".into(), core(Core { thread_core: Some(thread), ..Default::default() })),
        ("core-102.img".into(), core(self::core(b"child", 3, 1))),
        ("core-103.img".into(), core(self::core(b"ended", 2, 0))),
        ("files.img".into(), messages(0x5630_3138, &entries)),
        ("fdinfo-2.img".into(), messages(0x5621_3732, &descriptors)),
        ("remap-fpath.img".into(), messages(0x5913_3954, &[Remap { orig_id: 4 }.encode_to_vec()])),
        ("cgroup.img".into(), messages(0x5938_3330, &[cgroups.encode_to_vec()])),
        ("filelocks.img".into(), messages(0x5432_3616, &[lock.encode_to_vec()])),
        ("stats-dump".into(), image(&[SERVICE, 0x5709_3306], &[Stats { dump: Some(dump) }.encode_to_vec()])),
        ("pages-1.img".into(), vec![0; 5 * 4096]),
        ("pages-2.img".into(), vec![0; 4096]),
    ];
    let runs: [Vec<Vec<u8>>; 2] = [
        // Two pages here, seven in the images that these are built on, three more here.
        vec![head(1), run(1, 2, 4).encode_to_vec(), run(3, 7, 1).encode_to_vec(), newer.encode_to_vec()],
        vec![head(2), run(1, 1, 6).encode_to_vec()],
    ];
    for (pid, runs) in [100, 102].into_iter().zip(runs) {
        let vmas = vec![Vma { start: 4096, end: 23 * 4096, ..Vma::default() }];
        let mm = MemoryMap { exe_file_id: 1, vmas, ..MemoryMap::default() }.encode_to_vec();
        all.extend([
            (format!("mm-{pid}.img"), messages(0x5749_2820, &[mm])),
            (format!("fs-{pid}.img"), messages(0x5140_3912, &[Fs { cwd_id: 2 }.encode_to_vec()])),
            (format!("ids-{pid}.img"), messages(0x5443_2030, &[ids.encode_to_vec()])),
            (format!("pagemap-{pid}.img"), messages(0x5608_4025, &runs)),
        ]);
    }
    all
}

/// The images in a folder of their own.
fn laid_out(images: &[(String, Vec<u8>)]) -> TempDir {
    let temp = tempfile::tempdir().unwrap();
    lay(images, temp.path());
    temp
}

fn lay(images: &[(String, Vec<u8>)], folder: &Path) {
    for (name, bytes) in images {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

#[test]
fn everything_is_read() {
    let temp = laid_out(&whole());
    let set = read(temp.path()).unwrap();
    assert_eq!((set.root_pid, set.threads, set.lsm), (100, 4, "none"));
    assert_eq!((set.namespaces.as_slice(), set.incremental), (&["net"][..], false));
    assert_eq!(set.missing, Vec::<String>::new());
    let seen: Vec<_> = set.processes.iter().map(|p| (p.pid, p.name.as_str(), p.state, p.threads)).collect();
    assert_eq!(
        seen,
        [
            (100, "app\\x1b", State::Running, 2),
            (102, "child", State::Stopped, 1),
            (103, "ended", State::Zombie, 1)
        ]
    );
    let root = &set.processes[0];
    assert_eq!((root.pgid, root.sid, root.uid), (100, 99, Some(33)));
    assert_eq!(root.thread_list[1], Thread { tid: 101, name: "worker".into(), waits_in: None });
    assert_eq!((root.exe.as_deref(), root.cwd.as_deref()), (Some("/usr/bin/app\\x1b[2J"), Some("/")));
    assert_eq!((root.memory_bytes, set.memory_bytes), (12 * 4096, 13 * 4096));
    let groups: Vec<_> = set.cgroups.iter().map(|g| (g.controller.as_str(), g.path.as_str())).collect();
    assert_eq!(groups, [("v2", "/app"), ("freezer", "/app\\x0a")]);
    assert_eq!(set.cgroups[0].pids, [100]);
    let stats = set.stats.unwrap();
    assert_eq!((stats.frozen_usec, stats.pages_written), (20, 6));
    assert_eq!(super::stats(temp.path()), Some(stats));
    assert!(!set.verify(&[100, 102, 103])[0].blocks());
    assert!(set.verify(&[100, 104])[0].what.contains("104"));
}

#[test]
fn files_by_kind() {
    let temp = laid_out(&whole());
    let set = read(temp.path()).unwrap();
    let files = &set.processes[0].files;
    let counts: Vec<_> = files.counts.iter().map(|(kind, count)| (kind.name(), *count)).collect();
    let some =
        [("regular", 1), ("device", 2), ("pipe", 1), ("fifo", 1), ("inet-socket", 1), ("unix-socket", 2)];
    assert_eq!(counts, [&some[..], &[("unknown", 1)]].concat());
    let of = |fd| &files.list.iter().find(|open| open.fd == fd).unwrap().file;
    assert_eq!((of(1).name.as_str(), of(1).deleted, of(0).deleted), ("/tmp/gone", true, false));
    assert_eq!((of(2).name.as_str(), of(6).name.as_str()), ("pipe 77", "/run/fifo"));
    assert_eq!(of(3).socket.as_ref().unwrap().remote.as_deref(), Some("127.0.0.1:4000"));
    assert_eq!(of(4).socket.as_ref().unwrap().local, "@name");
    assert!(set.processes[2].files.list.is_empty());
}

#[test]
fn what_a_restore_needs() {
    let options = |images: &[(String, Vec<u8>)]| {
        let set = read(laid_out(images).path()).unwrap();
        set.needs.iter().map(|need| need.option).collect::<Vec<_>>()
    };
    let mut images = whole();
    assert_eq!(options(&images), ["--shell-job", "--tcp-established", "--ext-unix-sk", "--file-locks"]);
    let closed = Inventory { img_version: 2, tcp_close: Some(true), ..Default::default() };
    images[0].1 = image(&[0x5831_3116], &[closed.encode_to_vec()]);
    assert_eq!(options(&images)[1], "--tcp-close");
    let leader = TreeEntry { pid: 100, sid: 100, ..Default::default() };
    images[1].1 = image(&[COMMON, 0x5027_3030], &[leader.encode_to_vec()]);
    images.retain(|(name, _)| !matches!(name.as_str(), "files.img" | "fdinfo-2.img" | "filelocks.img"));
    assert_eq!(options(&images), ["--tcp-close"]);
}

/// criu's `tty_gen_id`: a slave has an even number, its master the next one.
#[test]
fn a_terminal_whose_other_side_is_outside_needs_one() {
    let leader = TreeEntry { pid: 100, sid: 100, ..Default::default() };
    let with = |terminals: &[(u32, i32, u32, bool)]| {
        let mut images = whole();
        images[1].1 = image(&[COMMON, 0x5027_3030], &[leader.encode_to_vec()]);
        images.retain(|(name, _)| name != "files.img");
        let mut files: Vec<_> = files().iter().map(Message::encode_to_vec).collect();
        for &(tty_info_id, ..) in terminals {
            let tty = Some(Tty { tty_info_id, regf_id: None });
            let id = 50 + tty_info_id;
            files.push(FileEntry { r#type: 11, id, tty, ..Default::default() }.encode_to_vec());
        }
        let infos = terminals.iter().map(|&(id, r#type, sid, open)| {
            TtyInfo { id, r#type, sid, termios: open.then(Vec::new) }.encode_to_vec()
        });
        images.push(("files.img".into(), image(&[COMMON, 0x5630_3138], &files)));
        images.push(("tty-info.img".into(), image(&[COMMON, 0x5945_3036], &infos.collect::<Vec<_>>())));
        let set = read(laid_out(&images).path()).unwrap();
        (set.needs.iter().any(|need| need.option == "--shell-job"), set.on_terminal)
    };
    let (slave, master) = ((6, 1, 55, true), (7, 1, 0, true));
    assert_eq!(with(&[slave]), (true, true), "no master");
    assert_eq!(with(&[slave, master]), (false, false), "its master is in the tree, whatever its name");
    assert_eq!(with(&[slave, (9, 1, 0, true)]), (true, true), "the master of another one");
    assert_eq!(with(&[(6, 1, 55, false)]), (false, false), "hung up");
    assert_eq!(with(&[(2000, 3, 0, true)]), (false, false), "/dev/tty0");
    assert_eq!(with(&[(2002, 2, 0, true)]), (false, false), "the console");
}

#[test]
fn a_process_without_any_open_file_has_no_table() {
    let mut images = whole();
    // What only a table of open files refers to is gone with it; what may be mapped stays.
    let mapped: Vec<_> =
        files().iter().filter(|file| file.reg.is_some()).map(Message::encode_to_vec).collect();
    images.retain(|(name, _)| !matches!(name.as_str(), "files.img" | "fdinfo-2.img"));
    images.push(("files.img".into(), image(&[COMMON, 0x5630_3138], &mapped)));
    let set = read(laid_out(&images).path()).unwrap();
    assert_eq!(set.missing, Vec::<String>::new());
    assert!(set.processes[0].files.list.is_empty());
}

#[test]
fn what_is_missing_is_named() {
    let lacks = |gone: &str| {
        let images: Vec<_> = whole().into_iter().filter(|(name, _)| name != gone).collect();
        read(laid_out(&images).path()).map(|set| set.missing)
    };
    for name in ["core-101.img", "mm-100.img", "pagemap-102.img", "pages-2.img", "files.img", "fdinfo-2.img"]
    {
        assert!(lacks(name).unwrap().contains(&name.to_owned()), "{name}");
    }
    for name in ["cgroup.img", "stats-dump", "remap-fpath.img", "filelocks.img"] {
        assert_eq!(lacks(name).unwrap(), Vec::<String>::new(), "{name}");
    }
    assert!(matches!(lacks("pstree.img"), Err(ImagesError::NoTree(_))));
    assert!(matches!(lacks("inventory.img"), Err(ImagesError::Gone(_))));
    assert!(matches!(read(tempfile::tempdir().unwrap().path()), Err(ImagesError::NoImages(_))));
}

#[test]
fn what_is_wrong_is_said() {
    let with = |name: &str, bytes: Vec<u8>| {
        let mut images = whole();
        images.retain(|(n, _)| n != name);
        images.push((name.into(), bytes));
        read(laid_out(&images).path()).unwrap_err()
    };
    let inventory = |img_version| {
        image(&[0x5831_3116], &[Inventory { img_version, ..Default::default() }.encode_to_vec()])
    };
    assert!(matches!(with("inventory.img", inventory(3)), ImagesError::Version(3)));
    assert!(matches!(with("inventory.img", inventory(0)), ImagesError::Unfit { .. }));
    assert!(matches!(with("pstree.img", image(&[COMMON, 1], &[])), ImagesError::Magic { found: 1, .. }));
    let twice = vec![TreeEntry { pid: 7, ..Default::default() }.encode_to_vec(); 2];
    assert!(matches!(with("pstree.img", image(&[COMMON, 0x5027_3030], &twice)), ImagesError::Unfit { .. }));
    // A length of 4 GiB in a file of a few bytes takes no memory.
    let mut long = image(&[COMMON, 0x5505_3847], &[]);
    long.extend([0xff; 4]);
    assert!(matches!(with("core-100.img", long), ImagesError::Truncated { offset: 12, .. }));
    let garbage = image(&[COMMON, 0x5505_3847], &[vec![0xff; 20]]);
    assert!(matches!(with("core-100.img", garbage), ImagesError::Damaged { offset: 8, .. }));
    assert!(matches!(with("pages-1.img", vec![0; 4096]), ImagesError::Truncated { offset: 4096, .. }));
    assert!(matches!(with("pages-1.img", vec![0; 6 * 4096]), ImagesError::Unfit { .. }));
    let none = image(&[COMMON, 0x5630_3138], &[]);
    assert!(matches!(with("files.img", none), ImagesError::Unfit { .. }));
}

#[test]
fn a_newer_format_is_unknown_and_a_damaged_image_is_in_the_way() {
    let level = |images: &[(String, Vec<u8>)]| verify(laid_out(images).path(), &[100])[0].level;
    let mut images = whole();
    assert_eq!(level(&images), Level::Ok);
    images[1].1.pop();
    assert_eq!(level(&images), Level::Blocker);
    images[0].1 =
        image(&[0x5831_3116], &[Inventory { img_version: 3, ..Default::default() }.encode_to_vec()]);
    assert_eq!(level(&images), Level::Warning);
}

#[test]
fn a_huge_image_is_not_read() {
    let temp = laid_out(&whole());
    let file = std::fs::File::create(temp.path().join("pagemap-100.img")).unwrap();
    file.set_len(1 << 40).unwrap();
    assert!(matches!(read(temp.path()), Err(ImagesError::TooLarge { .. })));
}

#[test]
fn several_trees() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["100", "20", "007", "7", "notes"] {
        std::fs::create_dir(temp.path().join(name)).unwrap();
    }
    lay(&whole(), &temp.path().join("100"));
    lay(&whole(), &temp.path().join("20"));
    std::fs::write(temp.path().join("cryoscope.json"), r#"{"command":"x"}"#).unwrap();
    let stored = stored(temp.path()).unwrap();
    let folders: Vec<_> = stored.trees.iter().map(|tree| tree.folder.rsplit('/').next().unwrap()).collect();
    assert_eq!(folders, ["20", "100"]);
    assert_eq!(stored.missing, ["7/inventory.img"]);
    assert_eq!(stored.record.unwrap().command.as_deref(), Some("x"));
}

#[test]
fn an_exported_container() {
    let temp = tempfile::tempdir().unwrap();
    std::fs::create_dir(temp.path().join("checkpoint")).unwrap();
    lay(&whole(), &temp.path().join("checkpoint"));
    std::fs::write(temp.path().join("cryoscope.json"), "{").unwrap();
    let stored = stored(temp.path()).unwrap();
    assert_eq!(stored.trees[0].root_pid, 100);
    assert!(stored.record_problem.is_some());
    assert!(matches!(super::stored(&temp.path().join("none")), Err(ImagesError::Gone(_))));
}

#[test]
fn cut_off_anywhere() {
    let images = whole();
    let temp = laid_out(&images);
    for (name, bytes) in images.iter().filter(|(name, _)| !name.starts_with("pages-")) {
        for length in 0..bytes.len() {
            std::fs::write(temp.path().join(name), &bytes[..length]).unwrap();
            match read(temp.path()) {
                Err(ImagesError::Truncated { file, offset }) => {
                    assert!(file.ends_with(name.as_str()) && offset == length as u64, "{file} {offset}");
                }
                // Cut between two messages the image is a shorter one; that may show elsewhere, or not at all.
                Ok(_) | Err(ImagesError::Unfit { .. }) => {
                    assert!(
                        matches!(
                            name.as_str(),
                            "pstree.img"
                                | "files.img"
                                | "fdinfo-2.img"
                                | "remap-fpath.img"
                                | "filelocks.img"
                                | "pagemap-100.img"
                                | "pagemap-102.img"
                        ),
                        "{name}"
                    );
                }
                Err(error) => panic!("{name} cut at {length}: {error}"),
            }
        }
        std::fs::write(temp.path().join(name), bytes).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_lead_to_a_panic(which in 0..12_usize, keep in 0..16_usize, bytes: Vec<u8>) {
        let mut images = whole();
        let image = &mut images[which].1;
        image.truncate(keep);
        image.extend(bytes);
        let _ = read(laid_out(&images).path());
    }

    #[test]
    fn flipped_bits_lead_to_no_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8_u8), 1..4)) {
        let mut images = whole();
        for (which, at, bit) in flips {
            let index = which.index(images.len());
            let bytes = &mut images[index].1;
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let temp = laid_out(&images);
        if let Ok(set) = read(temp.path()) {
            let text = serde_json::to_string(&set).unwrap();
            prop_assert!(!text.contains('\x1b'));
        }
    }
}
