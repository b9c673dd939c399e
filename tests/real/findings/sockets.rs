//! Sockets.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use cryoscope::checkpoint::criu::numbers;
use libtest_mimic::Trial;

use super::NEEDS;
use super::said::{
    Beside, Images, Said, assert_cited, assert_done, assert_option, assert_refused, cryoscope, plain,
};
use crate::real::support::criu::dump;
use crate::real::support::group::Group;
use crate::real::support::requirement::{criu, trial};
use crate::real::support::wait::{SOON, until};
use crate::real::support::workload::Workload;

pub fn tests() -> Vec<Trial> {
    vec![
        trial("findings::tcp_connections", NEEDS, tcp_connections),
        trial("findings::tcp_without_iptables", NEEDS, tcp_without_iptables),
        trial("findings::tcp_that_nobody_accepted", NEEDS, tcp_waiting),
        trial("findings::udp_and_listening", NEEDS, udp_and_listening),
        trial("findings::unix_stream", NEEDS, unix_stream),
        trial("findings::unix_stream_not_accepted", NEEDS, unix_stream_not_accepted),
        trial("findings::unix_listener_that_was_called", NEEDS, unix_called),
        trial("findings::unix_caller_that_hung_up", NEEDS, unix_abandoned),
        trial("findings::unix_sent_before_it_was_accepted", NEEDS, unix_unheard),
        trial("findings::unix_datagram", NEEDS, unix_datagram),
        trial("findings::unix_datagram_without_a_name", NEEDS, unix_nameless),
        trial("findings::journal_socket", NEEDS, journal_socket),
    ]
}

/// From Linux 6.16 on, criu before 4.2 cannot dump any internet socket.
fn sockets_fail() -> bool {
    let version = String::from_utf8(Command::new(criu()).arg("--version").output().unwrap().stdout).unwrap();
    let version = cryoscope::checkpoint::criu::version(&version).unwrap();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    numbers(&version) < (4, 2) && numbers(&kernel) >= (6, 16)
}

const OPTION_FAILS: &str = "Can't get 1:16 opt: Operation not supported";

fn tcp_connections() {
    let (group, images) = (Group::v2("tcp"), Images::new());
    let workload = Workload::holding(&group, "tcp", "");
    let said = Said::of(&group, &images);
    let connected = said.one("tcp-connected");
    assert_eq!(connected["options"], serde_json::json!(["--tcp-established"]));
    if !sockets_fail() {
        assert_eq!(said.remarks(), [("warning", "tcp-connected")]);
        assert_cited(connected, &plain(&workload, &images, "Connected TCP socket"));
        assert_option(&said, connected, &["--tcp-established"]);
        return assert_done(&group, &images, &workload);
    }
    assert_eq!(said.remarks(), [("blocker", "internet-socket"), ("warning", "tcp-connected")]);
    assert_cited(said.one("internet-socket"), &plain(&workload, &images, OPTION_FAILS));
    // No option of criu helps.
    let ended = dump(workload.pid(), &images.plain()).leave_running().option(&["--tcp-established"]).run();
    ended.assert_failure(OPTION_FAILS);
    assert_refused(&group, &images, &workload);
}

fn tcp_without_iptables() {
    let (group, images) = (Group::v2("no-iptables"), Images::new());
    let workload = Workload::holding(&group, "tcp", "");
    let nothing = images.plain();
    let mut look = cryoscope(&group, &images.folder(), &["--dry-run", "--json"]);
    let said = Said::read(&look.env("PATH", &nothing).output().unwrap());
    assert_eq!(said.one("network-lock")["options"], serde_json::json!(["--network-lock", "nftables"]));
    let found = Said::of(&group, &images);
    assert!(found.all.iter().all(|finding| finding["code"] != "network-lock"), "{:#?}", found.all);
    workload.assert_counting();
}

fn tcp_waiting() {
    let (group, images) = (Group::v2("tcp-waiting"), Images::new());
    let workload = Workload::holding(&group, "tcp-waiting", "");
    let said = Said::of(&group, &images);
    assert_eq!(said.one("tcp-waiting")["options"], serde_json::json!(["--skip-in-flight"]));
    assert_cited(said.one("tcp-waiting"), &plain(&workload, &images, "In-flight connections can be ignored"));
    if !sockets_fail() {
        assert_done(&group, &images, &workload);
    }
}

fn udp_and_listening() {
    for kind in ["udp", "tcp-listening"] {
        let (group, images) = (Group::v2(kind), Images::new());
        let workload = Workload::holding(&group, kind, "");
        let said = Said::of(&group, &images);
        if sockets_fail() {
            assert_cited(said.only("blocker", "internet-socket"), &plain(&workload, &images, OPTION_FAILS));
            assert_refused(&group, &images, &workload);
        } else {
            assert!(said.remarks().is_empty(), "{:#?}", said.all);
            assert_done(&group, &images, &workload);
        }
    }
}

const HALF: &str = "Can't dump half of stream unix connection";

fn unix_stream() {
    let (group, images) = (Group::v2("unix-stream"), Images::new());
    let path = images.0.path().join("listener");
    let listener = UnixListener::bind(&path).unwrap();
    let workload = Workload::holding(&group, "unix-stream", &path);
    let _far = listener.accept().unwrap();
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "unix-stream");
    assert!(finding["what"].as_str().unwrap().contains(path.to_str().unwrap()), "{finding}");
    plain(&workload, &images, "External socket is used. Consider using --ext-unix-sk option.");
    // The option that criu names does not help.
    let ended = dump(workload.pid(), &images.plain()).leave_running().option(&["--ext-unix-sk"]).run();
    ended.assert_failure(HALF);
    assert_cited(finding, &ended.log);
    assert_refused(&group, &images, &workload);
}

/// criu connects it again at the restore: nothing was said over it yet.
fn unix_stream_not_accepted() {
    let (group, images) = (Group::v2("unix-waiting"), Images::new());
    let path = images.0.path().join("listener");
    let _listener = UnixListener::bind(&path).unwrap();
    let workload = Workload::holding(&group, "unix-stream", &path);
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    assert_done(&group, &images, &workload);
}

/// Who waits outside to be accepted is not in the images. Accepted, as the remedy has it, it would be a connection outside.
fn unix_called() {
    let (group, images) = (Group::v2("unix-called"), Images::new());
    let workload = Workload::holding(&group, "unix-listening", "listener");
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    let caller = UnixStream::connect(workload.folder().join("listener")).unwrap();
    let said = Said::of(&group, &images);
    said.only("warning", "unix-called");
    assert_done(&group, &images, &workload);
    drop(caller);
}

fn unix_abandoned() {
    let (group, images) = (Group::v2("unix-abandoned"), Images::new());
    let workload = Workload::holding(&group, "unix-listening", "listener");
    drop(UnixStream::connect(workload.folder().join("listener")).unwrap());
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "unix-abandoned");
    assert_cited(finding, &plain(&workload, &images, "Found a closed in-flight socket"));
    assert_refused(&group, &images, &workload);
}

/// Accepted, as the remedy has it, it is another finding: the other end is outside.
fn unix_unheard() {
    let (group, images) = (Group::v2("unix-unheard"), Images::new());
    let path = images.0.path().join("listener");
    let listener = UnixListener::bind(&path).unwrap();
    let workload = Workload::holding(&group, "unix-sent", &path);
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "unix-unheard");
    assert_cited(finding, &plain(&workload, &images, "Non-empty write queue on an in-flight socket"));
    assert_refused(&group, &images, &workload);
    let _far = listener.accept().unwrap();
    Said::of(&group, &images).only("blocker", "unix-stream");
}

fn unix_datagram() {
    let (group, images) = (Group::v2("unix-datagram"), Images::new());
    let path = images.0.path().join("datagrams");
    let _server = UnixDatagram::bind(&path).unwrap();
    let workload = Workload::holding(&group, "unix-datagram", &path);
    let said = Said::of(&group, &images);
    let finding = said.only("warning", "unix-datagram");
    assert_cited(finding, &plain(&workload, &images, "External socket is used."));
    assert_option(&said, finding, &["--ext-unix-sk"]);
    assert_done(&group, &images, &workload);
}

fn unix_nameless() {
    let (group, images) = (Group::v2("unix-nameless"), Images::new());
    let (_far, near) = UnixDatagram::pair().unwrap();
    let input = Stdio::from(OwnedFd::from(near));
    let workload = Workload::with_input(&group, "nothing", "", input);
    let said = Said::of(&group, &images);
    assert_cited(
        said.only("blocker", "unix-nameless"),
        &plain(&workload, &images, "External socket is used."),
    );
    let ended = dump(workload.pid(), &images.plain()).leave_running().option(&["--ext-unix-sk"]).run();
    ended.assert_failure("Can't dump name-less external socket.");
    assert_refused(&group, &images, &workload);
}

/// In a mount namespace of its own, a listener stands where journald's is; the connection has its name.
fn journal_socket() {
    let (group, images) = (Group::v2("journal"), Images::new());
    let (_helper, connected) = journal(&images);
    let workload = Workload::with_input(&group, "nothing", "", Stdio::from(OwnedFd::from(connected)));
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "journal-socket");
    // There is no unit here.
    assert!(finding["remedy"].as_str().unwrap().contains("PROGRAM >FILE"), "{finding}");
    let ended = dump(workload.pid(), &images.plain()).leave_running().option(&["--ext-unix-sk"]).run();
    ended.assert_failure(HALF);
    assert_cited(finding, &ended.log);
    assert_refused(&group, &images, &workload);
}

/// A process that listens as journald does and has accepted one connection; the connection.
fn journal(images: &Images) -> (Beside, UnixStream) {
    let folder = images.plain();
    let script =
        "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && exec perl -MIO::Socket::UNIX -e '
        my $l = IO::Socket::UNIX->new(Local => \"/run/systemd/journal/stdout\", Listen => 5) or die;
        my $s = $l->accept(); sleep 1000'";
    let helper = Beside::start(Command::new("unshare").args(["--mount", "sh", "-c", script]));
    // Through the helper's root: its /run is another one.
    let inside = PathBuf::from(format!("/proc/{}/root/run/systemd/journal/stdout", helper.pid()));
    let link = folder.join("s");
    std::os::unix::fs::symlink(&inside, &link).unwrap();
    let mut stream = None;
    until("the journal listens", SOON, || {
        stream = UnixStream::connect(&link).ok();
        stream.is_some()
    });
    let wchan = format!("/proc/{}/wchan", helper.pid());
    until("it has accepted", SOON, || fs::read_to_string(&wchan).is_ok_and(|at| at.contains("nanosleep")));
    (helper, stream.unwrap())
}
