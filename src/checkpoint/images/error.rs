//! Why images cannot be read: a sentence each.

use std::io;

/// Why images cannot be read. The names in it are printable.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// There is nothing of this name.
    #[error("{0} does not exist; use the directory that contains the images")]
    Gone(String),
    /// It is a file.
    #[error("{0} is not a directory; use the directory that contains the images")]
    NotFolder(String),
    /// A right is missing.
    #[error("no permission to read {0}; images are readable by their owner: become root, or that user")]
    NotPermitted(String),
    /// No image in it.
    #[error(
        "{0} contains no criu images: inventory.img and pstree.img are missing; use the directory that the dump was \
         written to"
    )]
    NoImages(String),
    /// An inventory without processes.
    #[error(
        "{0} contains no pstree.img: the dump was interrupted, or it is a pre-dump, which cannot be restored by \
         itself"
    )]
    NoTree(String),
    /// A symbolic link, a device, a pipe.
    #[error("{0} is not a regular file, so it is not read; put the image itself there")]
    NotRegular(String),
    /// It ends in the middle.
    #[error(
        "{file} is truncated: it ends at byte {offset}, where more must follow; dump again, or copy the images again"
    )]
    Truncated {
        /// The file.
        file: String,
        /// Where it ends.
        offset: u64,
    },
    /// It does not start as this image starts.
    #[error("{file} is not a criu image: it starts with {found:#010x}, not with {wanted:#010x}")]
    Magic {
        /// The file.
        file: String,
        /// What stands there.
        found: u32,
        /// What must stand there (criu/include/magic.h).
        wanted: u32,
    },
    /// The bytes are not what they must be.
    #[error("{file} is damaged at byte {offset}: {why}; dump again, or copy the images again")]
    Damaged {
        /// The file.
        file: String,
        /// Where the message begins.
        offset: u64,
        /// What is wrong.
        why: String,
    },
    /// Messages in messages, beyond what is decoded: criu writes a cgroup into the message of the one above it.
    #[error(
        "{0} contains messages nested more than 100 deep, such as groups below groups, which cryoscope does not \
         follow"
    )]
    TooDeep(String),
    /// It is readable, but does not fit the other images.
    #[error("{file} does not match the other images: {why}; dump again, or copy the images again")]
    Unfit {
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// So many of the images that the others refer to are not there.
    #[error(
        "more than {1} images in {0} are missing, to which the others refer; dump again, or copy the images again"
    )]
    TooManyMissing(String, usize),
    /// Descriptions of open files that would take all memory.
    #[error("the processes in {0} have more open files than cryoscope reads")]
    TooManyFiles(String),
    /// Mappings that would take all memory.
    #[error("the processes in {0} have more mappings than cryoscope reads")]
    TooManyMappings(String),
    /// It is larger than any that criu writes.
    #[error("{file} is larger than {limit} bytes, so it cannot be such an image; it is not read")]
    TooLarge {
        /// The file.
        file: String,
        /// The limit.
        limit: u64,
    },
    /// A format that this program does not know.
    #[error(
        "the images have format {0}, but cryoscope knows only format 2 (criu 3.14 to 4.2); look for another version \
         of cryoscope"
    )]
    Version(u32),
    /// What open(2) and read(2) say.
    #[error("cannot read {file}: {error}")]
    Io {
        /// The file or folder.
        file: String,
        /// The error.
        error: io::Error,
    },
}
