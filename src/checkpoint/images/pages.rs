//! The contents of memory, in ascending order of addresses. Nothing of it is kept: a pages image may be larger than all memory.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::ImagesError;
use super::folder::Folder;
use super::image::{Image, Magic};
use super::message::{PagemapEntry, PagemapHead};
use super::pagemap::{self, Pagemap, Ranges};

/// Memory from `start` up to but not including `end`, and where its contents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub start: u64,
    pub end: u64,
    place: Option<Place>,
}

/// The number of the layer, and the offset in its image of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    layer: usize,
    offset: u64,
}

impl Extent {
    /// False where the image of pages is missing, for what stayed with the process (lazy), or is in earlier images that are not there.
    pub(super) fn is_readable(&self) -> bool {
        self.place.is_some()
    }

    /// The first bytes of it, and the rest.
    pub(super) fn split(self, bytes: u64) -> (Self, Option<Self>) {
        let middle = self.start.saturating_add(bytes).min(self.end);
        let place = self.place.map(|place| Place { offset: place.offset + (middle - self.start), ..place });
        let rest = Self { start: middle, end: self.end, place };
        (Self { end: middle, ..self }, (middle < self.end).then_some(rest))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.end - self.start
    }
}

/// A pagemap with its pages, and the same of the images that these are built on.
#[derive(Debug)]
pub(super) struct Pages {
    layers: Vec<Layer>,
    /// What is left of an entry of the first layer whose pages are in the others.
    rest: Option<(u64, u64)>,
    /// What the pagemap of the first folder says.
    pub checked: Pagemap,
}

/// One pagemap, read as far as an address was asked for.
#[derive(Debug)]
struct Layer {
    pagemap: Image,
    pages: Option<File>,
    /// The name of the image of pages, printable.
    name: String,
    page_bytes: u64,
    entry: Option<Entry>,
    /// The offset of the next page that is here.
    offset: u64,
    end: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u64,
    end: u64,
    contents: Contents,
}

#[derive(Debug, Clone, Copy)]
enum Contents {
    At(u64),
    InParent,
    Nowhere,
}

impl Pages {
    /// Opens a pagemap by its name in each folder; `None` where the first has none. `mapped` as in [`Pagemap::read`].
    pub(super) fn open(
        folders: &[Folder],
        name: &str,
        mapped: Option<&Ranges>,
    ) -> Result<Option<Self>, ImagesError> {
        let Some((folder, earlier)) = folders.split_first() else { return Ok(None) };
        let Some((first, checked)) = Layer::open(folder, name, mapped)? else { return Ok(None) };
        let mut layers = vec![first];
        for folder in earlier {
            // What was mapped then need not be mapped now.
            match Layer::open(folder, name, None)? {
                Some((layer, _)) => layers.push(layer),
                None => break,
            }
        }
        Ok(Some(Self { layers, rest: None, checked }))
    }

    /// The next memory that the pagemap describes; `None` at its end.
    pub(super) fn next(&mut self) -> Result<Option<Extent>, ImagesError> {
        if let Some((start, end)) = self.rest.take() {
            return self.in_parents(start, end).map(Some);
        }
        let Some(first) = self.layers.first_mut() else { return Ok(None) };
        first.advance()?;
        let Some(entry) = first.entry else { return Ok(None) };
        let (start, end) = (entry.start, entry.end);
        match entry.contents {
            Contents::At(offset) => Ok(Some(Extent { start, end, place: Some(Place { layer: 0, offset }) })),
            Contents::Nowhere => Ok(Some(Extent { start, end, place: None })),
            Contents::InParent => self.in_parents(start, end).map(Some),
        }
    }

    /// The first part of a range whose pages are in earlier images; the others are kept as the rest.
    fn in_parents(&mut self, start: u64, end: u64) -> Result<Extent, ImagesError> {
        let mut found = Extent { start, end, place: None };
        for (number, layer) in self.layers.iter_mut().enumerate().skip(1) {
            let Some(entry) = layer.at(start)? else { break };
            if entry.start > start {
                found.end = found.end.min(entry.start);
                break;
            }
            found.end = found.end.min(entry.end);
            match entry.contents {
                Contents::InParent => {}
                Contents::Nowhere => break,
                Contents::At(offset) => {
                    found.place = Some(Place { layer: number, offset: offset + (start - entry.start) });
                    break;
                }
            }
        }
        self.rest = (found.end < end).then_some((found.end, end));
        Ok(found)
    }

    /// Reads the first bytes of an extent that is readable; `buffer` is no longer than that.
    pub(super) fn read(&self, extent: &Extent, buffer: &mut [u8]) -> Result<(), ImagesError> {
        let layer = extent.place.and_then(|place| Some((self.layers.get(place.layer)?, place.offset)));
        let Some((layer, offset)) = layer else { return Ok(()) };
        let gone = || ImagesError::Gone(layer.name.clone());
        let pages = layer.pages.as_ref().ok_or_else(gone)?;
        pages.read_exact_at(buffer, offset).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => ImagesError::Truncated { file: layer.name.clone(), offset },
            _ => ImagesError::Io { file: layer.name.clone(), error },
        })
    }
}

impl Layer {
    fn open(
        folder: &Folder,
        name: &str,
        mapped: Option<&Ranges>,
    ) -> Result<Option<(Self, Pagemap)>, ImagesError> {
        let open = || Image::open(folder, name, Magic::Pagemap);
        let Some(image) = open()? else { return Ok(None) };
        let checked = Pagemap::read(image, folder, mapped)?;
        let Some(mut pagemap) = open()? else { return Ok(None) };
        let name = format!("pages-{}.img", pagemap.one::<PagemapHead>()?.pages_id);
        let pages = folder.file(&name)?.map(|(file, _)| file);
        let name = folder.shown(&name);
        let page_bytes = checked.page_bytes;
        Ok(Some((Self { pagemap, pages, name, page_bytes, entry: None, offset: 0, end: 0 }, checked)))
    }

    /// The entry that ends behind an address, or the first one after it. Ask in ascending order.
    fn at(&mut self, address: u64) -> Result<Option<Entry>, ImagesError> {
        if self.entry.is_none() {
            self.advance()?;
        }
        while self.entry.is_some_and(|entry| entry.end <= address) {
            self.advance()?;
        }
        Ok(self.entry)
    }

    fn advance(&mut self) -> Result<(), ImagesError> {
        let Some(entry) = self.pagemap.next::<PagemapEntry>()? else {
            self.entry = None;
            return Ok(());
        };
        let end = pagemap::end_of(&entry, self.page_bytes, self.end, None);
        self.end = end.map_err(|why| self.pagemap.unfit(why))?;
        let contents = if pagemap::is_here(&entry) {
            let offset = self.offset;
            self.offset = offset.saturating_add(self.end - entry.vaddr);
            if self.pages.is_some() { Contents::At(offset) } else { Contents::Nowhere }
        } else if pagemap::is_in_parent(&entry) {
            Contents::InParent
        } else {
            Contents::Nowhere
        };
        self.entry = Some(Entry { start: entry.vaddr, end: self.end, contents });
        Ok(())
    }
}
