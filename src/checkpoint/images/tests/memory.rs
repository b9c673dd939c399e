//! Memory in images: what is in which folder, whose it is, and what hostile links and places do.

use std::os::unix::fs::symlink;

use super::*;

/// A page of one letter.
pub(in crate::checkpoint::images) fn page(letter: u8) -> Vec<u8> {
    vec![letter; 4096]
}

/// A pagemap: the number of the first page, how many, and the flags of each entry.
fn pagemap(entries: &[(u64, u64, u32)]) -> Vec<u8> {
    let entry = |&(page, pages, flags): &(u64, u64, u32)| PagemapEntry {
        vaddr: page * 4096,
        nr_pages: Some(pages),
        flags: Some(flags),
        ..PagemapEntry::default()
    };
    let head = PagemapHead { pages_id: 1 }.encode_to_vec();
    let messages = std::iter::once(head).chain(entries.iter().map(entry).map(|entry| entry.encode_to_vec()));
    image(&[COMMON, 0x5608_4025], &messages.collect::<Vec<_>>())
}

/// Lays out process 100 alone, with these pages, in a folder.
pub(in crate::checkpoint::images) fn process(
    folder: &Path,
    map: &MemoryMap,
    entries: &[(u64, u64, u32)],
    pages: &[u8],
) {
    let entry = TreeEntry { pid: 100, pgid: 100, sid: 100, threads: vec![100], ..TreeEntry::default() };
    let mut images = whole();
    images.retain(|(name, _)| !name.contains("10") && !name.starts_with("pages-"));
    let one = |magic, message: Vec<u8>| image(&[COMMON, magic], &[message]);
    let ids = ObjectIds { files_id: 2, ..ObjectIds::default() };
    images.retain(|(name, _)| name != "pstree.img");
    images.extend([
        ("pstree.img".to_owned(), one(0x5027_3030, entry.encode_to_vec())),
        ("core-100.img".to_owned(), one(0x5505_3847, core(b"app", 1, 2).encode_to_vec())),
        ("ids-100.img".to_owned(), one(0x5443_2030, ids.encode_to_vec())),
        ("fs-100.img".to_owned(), one(0x5140_3912, Fs { cwd_id: 2 }.encode_to_vec())),
        ("mm-100.img".to_owned(), one(0x5749_2820, map.encode_to_vec())),
        ("pagemap-100.img".to_owned(), pagemap(entries)),
        ("pages-1.img".to_owned(), pages.to_vec()),
    ]);
    lay(&images, folder);
}

/// Pages 1 to 9 are mapped, in two mappings.
pub(in crate::checkpoint::images) fn map() -> MemoryMap {
    let vma = |start: u64, end: u64, status| Vma {
        start: start * 4096,
        end: end * 4096,
        prot: 3,
        flags: 2,
        status,
        ..Vma::default()
    };
    MemoryMap { exe_file_id: 1, vmas: vec![vma(1, 4, 1 << 5), vma(4, 10, 0)], ..MemoryMap::default() }
}

/// All memory of process 100: the number of each page, and its first letter.
fn contents(folder: &Path) -> Vec<(u64, char)> {
    let set = read(folder).unwrap();
    let memory = Memory::open(&set).unwrap();
    let mut pages = memory.pages(&set.processes[0]).unwrap().unwrap();
    let mut all = Vec::new();
    while let Some(mut extent) = pages.next().unwrap() {
        loop {
            let (first, rest) = extent.split(4096);
            let mut letter = [b'?'];
            if first.is_readable() {
                pages.read(&first, &mut letter).unwrap();
            }
            all.push((first.start / 4096, letter[0] as char));
            let Some(rest) = rest else { break };
            extent = rest;
        }
    }
    all
}

#[test]
fn pages_come_from_the_folder_that_has_them() {
    let temp = tempfile::tempdir().unwrap();
    let folders = ["new", "middle", "old"].map(|name| temp.path().join(name));
    for (number, folder) in folders.iter().enumerate() {
        std::fs::create_dir(folder).unwrap();
        if let Some(parent) = folders.get(number + 1) {
            symlink(parent, folder.join("parent")).unwrap();
        }
    }
    let [new, middle, old] = &folders;
    // Flags: 4 here, 1 in the earlier images, 2 left with the process.
    process(
        old,
        &map(),
        &[(1, 5, 4)],
        &[page(b'a'), page(b'b'), page(b'c'), page(b'd'), page(b'e')].concat(),
    );
    process(middle, &map(), &[(1, 2, 1), (3, 1, 4), (4, 1, 1)], &page(b'M'));
    process(new, &map(), &[(1, 5, 1), (6, 1, 2), (8, 2, 4)], &[page(b'N'), page(b'O')].concat());
    assert_eq!(
        contents(new),
        [(1, 'a'), (2, 'b'), (3, 'M'), (4, 'd'), (5, '?'), (6, '?'), (8, 'N'), (9, 'O')],
        "page 5 is not in the middle, so that the old one does not count"
    );
    let set = read(new).unwrap();
    let held: Vec<_> = set.processes[0].mappings.iter().map(|mapping| mapping.held_bytes / 4096).collect();
    assert_eq!((held, set.memory_bytes / 4096), (vec![3, 5], 8));
    std::fs::remove_file(new.join("parent")).unwrap();
    assert_eq!(contents(new)[0], (1, '?'), "the earlier images are gone");
}

#[test]
fn parents_in_a_circle_are_an_error() {
    let temp = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| temp.path().join(name));
    for (folder, parent) in [(&one, &two), (&two, &one)] {
        std::fs::create_dir(folder).unwrap();
        process(folder, &map(), &[(1, 1, 4)], &page(b'a'));
        symlink(parent, folder.join("parent")).unwrap();
    }
    assert!(read(&one).unwrap_err().to_string().contains("form a loop"));
    std::fs::remove_file(two.join("parent")).unwrap();
    symlink("parent", two.join("parent")).unwrap();
    assert!(read(&one).is_err(), "a link to itself");
    std::fs::remove_file(two.join("parent")).unwrap();
    symlink("/nowhere", two.join("parent")).unwrap();
    assert!(read(&one).is_ok(), "one that leads nowhere is found by the checks of a restore");
}

#[test]
fn many_parents_in_a_row_are_an_error() {
    let temp = tempfile::tempdir().unwrap();
    let folder = |number: usize| temp.path().join(number.to_string());
    for number in 0..70 {
        std::fs::create_dir(folder(number)).unwrap();
        symlink(folder(number + 1), folder(number).join("parent")).unwrap();
    }
    process(&folder(0), &map(), &[(1, 1, 4)], &page(b'a'));
    assert!(read(&folder(0)).unwrap_err().to_string().contains("more than 64"));
}

#[test]
fn command_line_and_environment_are_in_the_memory() {
    let temp = tempfile::tempdir().unwrap();
    let mut stack = page(0);
    stack[..29].copy_from_slice(b"app\0--port\0\x1b80\0HOME=/\0A=\x07bc\0\0");
    let at = 4096;
    let map = MemoryMap {
        mm_arg_start: at,
        mm_arg_end: at + 15,
        mm_env_start: at + 15,
        mm_env_end: at + 28,
        ..map()
    };
    process(temp.path(), &map, &[(1, 1, 4)], &stack);
    let set = read(temp.path()).unwrap();
    let process = &set.processes[0];
    assert_eq!(process.command.as_deref(), Some("app --port \\x1b80"));
    let environment = Memory::open(&set).unwrap().environment(process).unwrap().unwrap();
    assert_eq!(environment, ["HOME=/", "A=\\x07bc"]);
    // Without the image of pages nothing is known, and that is no error.
    std::fs::remove_file(temp.path().join("pages-1.img")).unwrap();
    let set = read(temp.path()).unwrap();
    assert_eq!(
        (set.processes[0].command.as_deref(), &set.missing[..]),
        (None, &["pages-1.img".to_owned()][..])
    );
}

#[test]
fn ends_are_joined() {
    let descriptors = |pid: u64, fds: &[(u32, u32)]| {
        let all = fds.iter().map(|&(fd, id)| Descriptor { id, fd, r#type: 1 }.encode_to_vec());
        let image = image(&[COMMON, 0x5621_3732], &all.collect::<Vec<_>>());
        (format!("fdinfo-{pid}.img"), image)
    };
    let pipe = |id, flags| FileEntry {
        r#type: 2,
        id,
        pipe: Some(Pipe { pipe_id: 9, flags }),
        ..FileEntry::default()
    };
    let mut images = whole();
    images.retain(|(name, _)| !matches!(name.as_str(), "files.img" | "ids-102.img" | "fdinfo-2.img"));
    let all: Vec<_> = files().into_iter().chain([pipe(20, 0), pipe(21, 1)]).collect();
    let all: Vec<_> = all.iter().map(Message::encode_to_vec).collect();
    let ids = ObjectIds { files_id: 3, ..ObjectIds::default() }.encode_to_vec();
    images.extend([
        ("files.img".to_owned(), image(&[COMMON, 0x5630_3138], &all)),
        ("ids-102.img".to_owned(), image(&[COMMON, 0x5443_2030], &[ids])),
        descriptors(2, &[(0, 20), (5, 7)]),
        descriptors(3, &[(1, 21), (2, 21)]),
    ]);
    let set = read(laid_out(&images).path()).unwrap();
    let open = |process: usize, fd| {
        &set.processes[process].files.list.iter().find(|open| open.fd == fd).unwrap().file
    };
    let peers = |process, fd| {
        let first = &open(process, fd).peers.as_ref().unwrap().first;
        first.iter().map(|one| (one.pid, one.fd)).collect::<Vec<_>>()
    };
    assert_eq!((peers(0, 0), peers(1, 2)), (vec![(102, 1), (102, 2)], vec![(100, 0)]));
    assert_eq!((open(0, 0).access, open(1, 1).access), (Some("r"), Some("w")));
    assert_eq!(open(0, 5).peers, None, "its peer is not in the images");
    assert_eq!(set.sockets[0].holders.first, [Holder { pid: 100, fd: 5 }]);
}
