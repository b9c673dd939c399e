//! The format of an image: one or two magics of four bytes, then messages, each behind its length in four bytes, all
//! little-endian (criu/image.c, criu/protobuf.c).

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read as _};

use prost::Message;

use super::ImagesError;
use super::folder::Folder;

/// The largest image that is read. A pagemap of 1 TiB in runs of 64 KiB has this size.
const LARGEST: u64 = 256 << 20;
/// The largest message; the ones that grow (a memory map, the groups) stay far below.
const LARGEST_MESSAGE: u64 = 16 << 20;
/// The most messages that are kept from one image: no process may have more files (`fs.nr_open`).
const MOST: usize = 1 << 20;

/// What every image but the inventory starts with (`IMG_COMMON_MAGIC`), and statistics (`IMG_SERVICE_MAGIC`).
const COMMON: u32 = 0x5456_4319;
const SERVICE: u32 = 0x5510_5940;

/// A kind of image by the magic that it starts with (criu/include/magic.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Magic {
    Inventory = 0x5831_3116,
    Pstree = 0x5027_3030,
    Core = 0x5505_3847,
    Ids = 0x5443_2030,
    Mm = 0x5749_2820,
    Fs = 0x5140_3912,
    Pagemap = 0x5608_4025,
    Fdinfo = 0x5621_3732,
    Files = 0x5630_3138,
    RemapPath = 0x5913_3954,
    TtyInfo = 0x5945_3036,
    FileLocks = 0x5432_3616,
    Memfd = 0x4845_3499,
    Cgroup = 0x5938_3330,
    Stats = 0x5709_3306,
}

/// An open image, read message by message.
#[derive(Debug)]
pub(super) struct Image {
    file: String,
    reader: BufReader<File>,
    at: u64,
    size: u64,
    message: Vec<u8>,
}

impl Image {
    /// Opens an image and checks its magics; `None` where it is not there.
    pub(super) fn open(folder: &Folder, name: &str, magic: Magic) -> Result<Option<Self>, ImagesError> {
        let Some((file, size)) = folder.file(name)? else { return Ok(None) };
        let file_name = folder.shown(name);
        if size > LARGEST {
            return Err(ImagesError::TooLarge { file: file_name, limit: LARGEST });
        }
        let reader = BufReader::new(file);
        let mut image = Self { file: file_name, reader, at: 0, size, message: Vec::new() };
        match magic {
            Magic::Inventory => {}
            Magic::Stats => image.expect(SERVICE)?,
            _ => image.expect(COMMON)?,
        }
        image.expect(magic as u32)?;
        Ok(Some(image))
    }

    fn expect(&mut self, wanted: u32) -> Result<(), ImagesError> {
        let found = self.number()?;
        if found == wanted {
            Ok(())
        } else {
            Err(ImagesError::Magic { file: self.file.clone(), found, wanted })
        }
    }

    /// The next message; `None` at the end.
    pub(super) fn next<M: Message + Default>(&mut self) -> Result<Option<M>, ImagesError> {
        if self.at >= self.size {
            return Ok(None);
        }
        let start = self.at;
        let length = u64::from(self.number()?);
        if length > self.size - self.at {
            return Err(self.truncated());
        }
        if length > LARGEST_MESSAGE {
            return Err(self.damaged(start, format!("a message of {length} bytes")));
        }
        // The file is at least that long, and the length is below the limit.
        let mut message = std::mem::take(&mut self.message);
        message.resize(usize::try_from(length).unwrap_or(0), 0);
        self.fill(&mut message)?;
        let decoded = M::decode(&message[..]);
        self.message = message;
        decoded.map(Some).map_err(|error| match error.to_string() {
            // prost has no other word for it.
            why if why.contains("recursion limit") => ImagesError::TooDeep(self.file.clone()),
            why => self.damaged(start, why),
        })
    }

    /// The message that this image must hold.
    pub(super) fn one<M: Message + Default>(&mut self) -> Result<M, ImagesError> {
        self.next()?.ok_or_else(|| self.truncated())
    }

    /// What becomes of each message, in order.
    pub(super) fn each<M: Message + Default, T>(
        &mut self,
        mut of: impl FnMut(M) -> T,
    ) -> Result<Vec<T>, ImagesError> {
        let mut all = Vec::new();
        while let Some(message) = self.next()? {
            if all.len() == MOST {
                return Err(self.damaged(self.at, format!("more than {MOST} messages")));
            }
            all.push(of(message));
        }
        Ok(all)
    }

    fn number(&mut self) -> Result<u32, ImagesError> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ImagesError> {
        if bytes.len() as u64 > self.size - self.at {
            return Err(self.truncated());
        }
        self.reader.read_exact(bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => self.truncated(),
            _ => ImagesError::Io { file: self.file.clone(), error },
        })?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn truncated(&self) -> ImagesError {
        ImagesError::Truncated { file: self.file.clone(), offset: self.size }
    }

    /// An error about what is readable and cannot be so.
    pub(super) fn unfit(&self, why: String) -> ImagesError {
        ImagesError::Unfit { file: self.file.clone(), why }
    }

    /// An error about the bytes from `offset` on.
    pub(super) fn damaged(&self, offset: u64, why: String) -> ImagesError {
        ImagesError::Damaged { file: self.file.clone(), offset, why }
    }
}
