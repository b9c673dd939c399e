//! A FUSE file system that has a root directory and nothing in it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::mount::{MsFlags, mount};

/// `fuse PLACE SERVERS-GROUP TARGET`: mounts it at PLACE, has a process in SERVERS-GROUP answer for it, and runs
/// `cryoscope freeze TARGET` (the program is `$PROGRAM`) with its working directory there. Ends as that ends.
pub fn main(arguments: &[OsString]) -> ! {
    let [place, group, target] = arguments else { panic!("fuse PLACE GROUP TARGET") };
    let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").unwrap();
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
    mount(Some("cryoscope-test"), Path::new(place), Some("fuse"), MsFlags::empty(), Some(&options[..]))
        .unwrap();
    rustix::io::fcntl_setfd(&device, rustix::io::FdFlags::empty()).unwrap();
    let mut server = Command::new(std::env::current_exe().unwrap());
    server.arg("fuse-server").stdin(device).stdout(Stdio::null()).stderr(Stdio::inherit());
    let mut server = server.spawn().unwrap();
    fs::write(Path::new(group).join("cgroup.procs"), server.id().to_string()).unwrap();
    let mut freeze = Command::new(std::env::var_os("PROGRAM").unwrap());
    let status = freeze.args(["freeze", "--for", "1s"]).arg(target).current_dir(place).status().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    std::process::exit(status.code().unwrap())
}

/// `fuse-server`: answers what comes from the `/dev/fuse` on its input. (linux/fuse.h)
pub fn serve() {
    use std::os::fd::AsFd;
    let mut device = File::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    let mut request = vec![0; 1 << 20];
    while let Ok(length) = device.read(&mut request) {
        let number = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().unwrap());
        let body = match (length, number(4)) {
            (..40, _) => break,
            // FUSE_INIT: version 7.31, no flags.
            (_, 26) => {
                let mut body = vec![0; 64];
                body[..4].copy_from_slice(&7_u32.to_ne_bytes());
                body[4..8].copy_from_slice(&31_u32.to_ne_bytes());
                body[20..24].copy_from_slice(&4096_u32.to_ne_bytes());
                Ok(body)
            }
            // FUSE_GETATTR: a directory of root's, for an hour.
            (_, 3) => {
                let mut body = vec![0; 104];
                body[..8].copy_from_slice(&3600_u64.to_ne_bytes());
                body[16..24].copy_from_slice(&1_u64.to_ne_bytes());
                body[76..80].copy_from_slice(&0o40755_u32.to_ne_bytes());
                body[80..84].copy_from_slice(&2_u32.to_ne_bytes());
                Ok(body)
            }
            // FUSE_FORGET and FUSE_BATCH_FORGET have no answer.
            (_, 2 | 42) => continue,
            // ENOSYS: for FUSE_ACCESS that means that everybody may.
            _ => Err(-38_i32),
        };
        let (error, body) = body.map_or_else(|error| (error, Vec::new()), |body| (0, body));
        let length = u32::try_from(16 + body.len()).unwrap();
        let answer = [&length.to_ne_bytes()[..], &error.to_ne_bytes(), &request[8..16], &body].concat();
        if device.write_all(&answer).is_err() {
            break;
        }
    }
}
