//! Sessions: events in, commands and screens out.

use std::path::PathBuf;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::model::{
    Cgroup, CgroupId, CgroupPath, Change, Culprits, Freezer, Hierarchies, Hierarchy, MountRoot, Process,
    ProcessId, Setup, TimeLeft, TimedFreeze, TimerState, Version,
};

mod checkpoint;
mod denied;
mod forecast;
mod keys;
mod looks;
mod marks;
mod mouse;
mod panels;
mod processes;
mod recent;
mod screens;
mod story;
mod under_way;
mod words;

fn id(ino: u64) -> CgroupId {
    CgroupId { dev: 1, ino }
}

fn group(ino: u64, name: impl AsRef<[u8]>, requested: bool, frozen: bool) -> Cgroup {
    let freezer = Freezer::V2 { requested, frozen };
    Cgroup { id: id(ino), name: name.as_ref().into(), freezer, populated: Some(true) }
}

/// When a group is thawed that was frozen for a time.
fn timed(time: TimeLeft, timer: TimerState) -> TimedFreeze {
    TimedFreeze { time, timer }
}

fn root(ino: u64) -> Cgroup {
    Cgroup { id: id(ino), name: [].into(), freezer: Freezer::Root, populated: None }
}

fn hierarchies() -> Hierarchies {
    let hierarchy = |version, at: &str| Hierarchy {
        version,
        mount_point: PathBuf::from(at),
        root: MountRoot::whole(),
        device: (0, 1),
        read_only: false,
    };
    Hierarchies {
        setup: Setup::Hybrid,
        v2: Some(hierarchy(Version::V2, "/sys/fs/cgroup/unified")),
        v1: Some(hierarchy(Version::V1, "/sys/fs/cgroup/freezer")),
    }
}

/// A screen with a person at it.
struct Session {
    app: App,
    said: Vec<Command>,
}

impl Session {
    fn start(settings: Settings) -> Self {
        Self { app: App::new(hierarchies(), settings), said: Vec::new() }
    }

    /// A host with a frozen group, a group frozen from above, one that is freezing, and hostile names.
    fn host(size: (u16, u16)) -> Self {
        Self::host_with(Settings { host: "web-1".to_owned(), size, ..Settings::default() })
    }

    fn host_with(settings: Settings) -> Self {
        let mut session = Self::start(settings);
        session.send(Event::Root { version: Version::V2, root: root(1) });
        session.found(1, vec![group(2, "system.slice", false, false), group(3, "user.slice", false, false)]);
        let services = vec![
            group(10, "app.service", false, false),
            group(11, "db.service", false, false),
            group(12, "ssh.service", false, false),
            group(13, "名前のとても長いグループです.service", false, false),
            group(14, b"evil\x1b[2J\n;rm -rf '~'", false, false),
        ];
        session.found(2, services);
        session.found(10, vec![group(20, "workers", false, false)]);
        session.found(3, vec![group(30, "user-1000.slice", false, false)]);
        session.found(30, vec![group(31, "build", false, true)]);
        let counted = [(1, 318), (2, 214), (10, 12), (20, 9), (11, 41), (12, 3), (3, 101)];
        session.changes(counted.map(|(ino, processes)| Change::Counted { id: id(ino), processes }).into());
        session.send(Event::Scanned { version: Version::V2 });
        session.changes(vec![
            Change::Read(group(10, "app.service", true, true)),
            Change::Read(group(20, "workers", false, true)),
        ]);
        session.send(Event::Tick(Duration::from_secs(717)));
        session.changes(vec![Change::Read(group(11, "db.service", true, false))]);
        session.send(Event::Tick(Duration::from_secs(720)));
        session.send(Event::Watching {
            version: Version::V2,
            groups_watched: 2408,
            groups: 2408,
            polling: None,
            unreadable: Vec::new(),
        });
        session.said.clear();
        session
    }

    fn send(&mut self, event: Event) {
        self.said.extend(update(&mut self.app, event));
    }

    fn changes(&mut self, changes: Vec<Change>) {
        self.send(Event::Changes { version: Version::V2, changes });
    }

    fn found(&mut self, parent: u64, groups: Vec<Cgroup>) {
        self.changes(vec![Change::Found { parent: id(parent), groups }]);
    }

    /// Keys, one after the other; `<Enter>` and the like in brackets.
    fn press(&mut self, keys: &str) -> &mut Self {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let end = if first == '<' { rest.find('>').unwrap() + 1 } else { first.len_utf8() };
            let (code, modifiers) = match &rest[..end] {
                "<Enter>" => (KeyCode::Enter, KeyModifiers::NONE),
                "<Esc>" => (KeyCode::Esc, KeyModifiers::NONE),
                "<Tab>" => (KeyCode::Tab, KeyModifiers::NONE),
                "<Up>" => (KeyCode::Up, KeyModifiers::NONE),
                "<Right>" => (KeyCode::Right, KeyModifiers::NONE),
                "<Down>" => (KeyCode::Down, KeyModifiers::NONE),
                "<Left>" => (KeyCode::Left, KeyModifiers::NONE),
                "<lt>" => (KeyCode::Char('<'), KeyModifiers::NONE),
                "<C-z>" => (KeyCode::Char('z'), KeyModifiers::CONTROL),
                "<C-d>" => (KeyCode::Char('d'), KeyModifiers::CONTROL),
                "<C-u>" => (KeyCode::Char('u'), KeyModifiers::CONTROL),
                _ => (KeyCode::Char(first), KeyModifiers::NONE),
            };
            self.send(Event::Input(Input::Key(KeyEvent::new(code, modifiers))));
            rest = &rest[end..];
        }
        self
    }

    /// What was asked of the world since the last time, but for what only tells it of the screen.
    fn asked(&mut self) -> Vec<Command> {
        let looks = |c: &Command| {
            matches!(
                c,
                Command::Focus { .. }
                    | Command::AskOwners { .. }
                    | Command::AskSystemd { .. }
                    | Command::FindTimers(_)
                    | Command::FindCulprits { .. }
                    | Command::FindHeld { .. }
            )
        };
        std::mem::take(&mut self.said).into_iter().filter(|c| !looks(c)).collect()
    }

    fn selected(&self) -> String {
        self.app.selected_target().unwrap().path.to_string()
    }

    fn said(&self) -> &str {
        self.app.message.as_ref().map_or("", |message| &message.text)
    }

    fn screen(&self) -> String {
        let (width, height) = self.app.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::draw(&self.app, frame)).unwrap();
        terminal.backend().to_string()
    }

    fn processes(&mut self, ino: u64) {
        let process = |pid, parent, state, command: &str| Process {
            id: ProcessId { pid, start: 1 },
            parent,
            uid: 33,
            user: "www-data-long".to_owned(),
            state,
            main_thread_ended: false,
            tracer: None,
            held_by_criu: false,
            kernel_thread: false,
            threads: 8,
            rss: 24 << 20,
            command: command.as_bytes().into(),
        };
        let list = vec![
            process(8412, 1, 'S', "nginx: master process"),
            process(8413, 8412, 'S', "nginx: worker \x1b[31mprocess"),
            process(8420, 8413, 'D', "backup.sh"),
            process(8430, 1, 'T', "vim 日本語"),
        ];
        let elsewhere = vec![(CgroupPath::root(), list.len())];
        self.send(Event::Processes { id: id(ino), list: Ok(list), elsewhere, frozen_usec: None });
    }
}

/// What keeps db.service from freezing.
fn culprits() -> Event {
    use crate::model::culprit::tests::{culprit, fuse};
    let mut one = culprit(8420, 8421, fuse(false));
    one.command = b"backup.sh"[..].into();
    Event::Culprits { id: id(11), culprits: Culprits { list: vec![one], ..Default::default() } }
}
