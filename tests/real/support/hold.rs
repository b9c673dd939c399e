//! Workloads that hold something which criu asks about.

use std::any::Any;
use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::unistd::getpid;
use rustix::mount::{FsOpenFlags, OpenTreeFlags, fsopen, open_tree};
use rustix::net::{AddressFamily, SocketType, socket};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::workload::quiet;

/// Kept until the process ends.
type Held = Box<dyn Any>;

/// Makes what is asked for: a kind, and an argument that is a path below the folder for most of them.
pub fn hold(kind: &str, argument: &str, folder: &Path) -> Held {
    let path = &folder.join(argument);
    match kind {
        "nothing" | "no-session" => Box::new(()),
        "memory" => Box::new(vec![1_u8; argument.parse::<usize>().unwrap() << 20]),
        "flock" => {
            let file = File::create(path).unwrap();
            file.lock().unwrap();
            Box::new(file)
        }
        "posix-lock" | "ofd-lock" => record_lock(path, kind == "ofd-lock"),
        "small-ghost" => ghost(path, 4096),
        "large-ghost" => ghost(path, 3 << 20),
        "remap" => {
            let file = File::create(path).unwrap();
            fs::hard_link(path, path.with_extension("other")).unwrap();
            fs::remove_file(path).unwrap();
            Box::new(file)
        }
        "tcp" => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let far = listener.accept().unwrap();
            Box::new((listener, near, far))
        }
        "tcp-waiting" => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            Box::new((listener, near))
        }
        "tcp-listening" => Box::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()),
        "expired-timer" => {
            let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::empty()).unwrap();
            let interval = Expiration::Interval(std::time::Duration::from_millis(1).into());
            timer.set(interval, TimerSetTimeFlags::empty()).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(10));
            Box::new(timer)
        }
        "udp" => Box::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()),
        "unix-stream" => Box::new(UnixStream::connect(path).unwrap()),
        "unix-pair" => Box::new(UnixStream::pair().unwrap()),
        "unix-datagram" => {
            let socket = UnixDatagram::unbound().unwrap();
            socket.connect(path).unwrap();
            Box::new(socket)
        }
        "vsock" => Box::new(socket(AddressFamily::VSOCK, SocketType::STREAM, None).unwrap()),
        "io-uring" => Box::new(io_uring::IoUring::new(8).unwrap()),
        "fscontext" => Box::new(fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).unwrap()),
        "detached-mount" => {
            let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
            Box::new(open_tree(rustix::fs::CWD, path, flags).unwrap())
        }
        "device" => Box::new(File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap()),
        "pidfd" => {
            let pid = argument.parse().unwrap();
            Box::new(pidfd_open(Pid::from_raw(pid).unwrap(), PidfdFlags::empty()).unwrap())
        }
        "child" => child(argument),
        "pending-trap" => pending_trap(),
        "unix-listening" => Box::new(UnixListener::bind(path).unwrap()),
        "unix-sent" => {
            let mut stream = UnixStream::connect(path).unwrap();
            stream.write_all(b"hello").unwrap();
            Box::new(stream)
        }
        "own-stat" => {
            Box::new((File::open("/proc/self/stat").unwrap(), File::open("/proc/self/task").unwrap()))
        }
        "link" => {
            std::os::unix::fs::symlink("/nowhere", path).unwrap();
            Box::new(
                File::options().read(true).custom_flags(libc::O_PATH | libc::O_NOFOLLOW).open(path).unwrap(),
            )
        }
        "open" => Box::new(File::open(path).unwrap()),
        "terminal" => Box::new(File::options().read(true).custom_flags(libc::O_NOCTTY).open(path).unwrap()),
        "pty" => pty(),
        _ => panic!("{kind}"),
    }
}

/// A signal that is blocked and sent.
fn pending_trap() -> Held {
    SigSet::from(Signal::SIGTRAP).thread_block().unwrap();
    kill(getpid(), Signal::SIGTRAP).unwrap();
    Box::new(())
}

fn record_lock(path: &Path, by_description: bool) -> Held {
    let file = File::create(path).unwrap();
    let lock = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    let how = if by_description { FcntlArg::F_OFD_SETLK(&lock) } else { FcntlArg::F_SETLK(&lock) };
    fcntl(&file, how).unwrap();
    Box::new(file)
}

/// Both sides of a pseudo-terminal, the master by its other name.
fn pty() -> Held {
    let open =
        |path: &str| File::options().read(true).write(true).custom_flags(libc::O_NOCTTY).open(path).unwrap();
    let master = open("/dev/pts/ptmx");
    rustix::pty::unlockpt(&master).unwrap();
    let slave = rustix::pty::ptsname(&master, Vec::new()).unwrap();
    Box::new((open(slave.to_str().unwrap()), master))
}

fn ghost(path: &Path, bytes: usize) -> Held {
    fs::write(path, vec![7; bytes]).unwrap();
    let file = File::open(path).unwrap();
    fs::remove_file(path).unwrap();
    Box::new(file)
}

/// A process below, started by a shell line. Its end is that of the group.
fn child(line: &str) -> Held {
    let mut command = Command::new("sh");
    quiet(&mut command).args(["-c", line]);
    Box::new(command.spawn().unwrap())
}
