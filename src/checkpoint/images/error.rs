//! Why images cannot be read: a sentence each.

use std::io;

/// Why images cannot be read. The names in it are printable.
#[derive(Debug, thiserror::Error)]
pub enum ImagesError {
    /// There is nothing of this name.
    #[error("{0} is not there; name the folder that holds the images")]
    Gone(String),
    /// It is a file.
    #[error("{0} is not a folder; name the folder that holds the images")]
    NotFolder(String),
    /// A right is missing.
    #[error("{0} may not be read; images are readable by their owner: become root, or that user")]
    NotPermitted(String),
    /// No image in it.
    #[error(
        "{0} holds no images of criu: inventory.img and pstree.img are not there; name the folder that the dump was made into"
    )]
    NoImages(String),
    /// An inventory without processes.
    #[error(
        "{0} holds no pstree.img: the dump was cut off, or it is a pre-dump, which cannot be restored by itself"
    )]
    NoTree(String),
    /// A symbolic link, a device, a pipe.
    #[error("{0} is not a regular file, and is not read; put the image itself there")]
    NotRegular(String),
    /// It ends in the middle.
    #[error(
        "{file} is truncated: it ends at byte {offset}, where more must follow; make the images again or copy them again"
    )]
    Truncated {
        /// The file.
        file: String,
        /// Where it ends.
        offset: u64,
    },
    /// It does not start as this image starts.
    #[error("{file} is no image of criu: it starts with {found:#010x}, not with {wanted:#010x}")]
    Magic {
        /// The file.
        file: String,
        /// What stands there.
        found: u32,
        /// What must stand there (criu/include/magic.h).
        wanted: u32,
    },
    /// The bytes are not what they must be.
    #[error("{file} is damaged at byte {offset}: {why}; make the images again or copy them again")]
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
        "{0} holds messages nested more than 100 deep, as of groups below groups, which this program does not follow"
    )]
    TooDeep(String),
    /// It is readable, but does not fit the other images.
    #[error("{file} does not fit the other images: {why}; make the images again or copy them again")]
    Unfit {
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// So many of the images that the others refer to are not there.
    #[error(
        "{0} lacks more than {1} of the images that the others refer to; make the images again or copy them again"
    )]
    TooManyMissing(String, usize),
    /// Descriptions of open files that would take all memory.
    #[error("the processes in {0} have more open files than this program reads")]
    TooManyFiles(String),
    /// Mappings that would take all memory.
    #[error("the processes in {0} have more mappings than this program reads")]
    TooManyMappings(String),
    /// It is larger than any that criu writes.
    #[error("{file} is larger than {limit} bytes, which no such image is; it is not read")]
    TooLarge {
        /// The file.
        file: String,
        /// The limit.
        limit: u64,
    },
    /// A format that this program does not know.
    #[error(
        "the images have format {0}, and this program knows format 2 (criu 3.14 to 4.2); look for another version of cryoscope"
    )]
    Version(u32),
    /// What open(2) and read(2) say.
    #[error("{file} cannot be read: {error}")]
    Io {
        /// The file or folder.
        file: String,
        /// The error.
        error: io::Error,
    },
}
