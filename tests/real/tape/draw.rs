//! Screens as pictures: a GIF of them all, a PNG of one.

use std::borrow::Cow;
use std::collections::HashMap;

use gif::{Encoder, Frame, Repeat};
use vt100::{Cell, Color, Screen};

use super::frames::Shot;
use super::glyphs::Glyphs;
use super::parse::Tape;

type Rgb = [u8; 3];

const GROUND: Rgb = [0x12, 0x16, 0x1e];
const TEXT: Rgb = [0xd8, 0xde, 0xe9];
/// The sixteen that a terminal has of its own.
const ANSI: [Rgb; 16] = [
    [0x12, 0x16, 0x1e],
    [0xe0, 0x6c, 0x75],
    [0x98, 0xc3, 0x79],
    [0xe5, 0xc0, 0x7b],
    [0x61, 0xaf, 0xef],
    [0xc6, 0x78, 0xdd],
    [0x56, 0xb6, 0xc2],
    [0xd8, 0xde, 0xe9],
    [0x7d, 0x87, 0x99],
    [0xff, 0x8a, 0x80],
    [0xa6, 0xe3, 0xa1],
    [0xff, 0xd7, 0x5f],
    [0x8a, 0xb4, 0xf8],
    [0xd8, 0xa8, 0xee],
    [0x9c, 0xdf, 0xff],
    [0xff, 0xff, 0xff],
];

/// Pixels in rows.
struct Picture {
    width: usize,
    pixels: Vec<Rgb>,
}

/// A screen as a PNG.
pub fn still(screen: &Screen, tape: &Tape) -> Vec<u8> {
    let picture = Artist::new(tape).draw(screen);
    let mut bytes = Vec::new();
    let palette = Palette::of(std::slice::from_ref(&picture));
    let mut encoder = png::Encoder::new(&mut bytes, tape.width.into(), tape.height.into());
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(palette.bytes());
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_image_data(&picture.pixels.iter().map(|pixel| palette.index(pixel)).collect::<Vec<_>>())
        .unwrap();
    writer.finish().unwrap();
    bytes
}

/// Screens as a GIF that begins anew for ever.
pub fn animation(shots: &[Shot], tape: &Tape) -> Vec<u8> {
    let artist = Artist::new(tape);
    let pictures: Vec<Picture> = shots.iter().map(|shot| artist.draw(&shot.screen)).collect();
    let palette = Palette::of(&pictures);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, tape.width, tape.height, &palette.bytes()).unwrap();
    encoder.set_repeat(Repeat::Infinite).unwrap();
    for (at, (picture, shot)) in pictures.iter().zip(shots).enumerate() {
        let before = at.checked_sub(1).map(|at| &pictures[at]);
        let mut frame = change(before, picture, &palette);
        // In hundredths of a second.
        frame.delay = u16::try_from(shot.shown.as_millis() / 10).unwrap().max(4);
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    bytes
}

/// The rectangle in which a picture differs from the one before; in it, what stays is transparent.
fn change(before: Option<&Picture>, picture: &Picture, palette: &Palette) -> Frame<'static> {
    let width = picture.width;
    let differs = |&at: &usize| before.is_none_or(|before| before.pixels[at] != picture.pixels[at]);
    let changed: Vec<usize> = (0..picture.pixels.len()).filter(differs).collect();
    let bounds = |of: &dyn Fn(usize) -> usize| {
        let first = changed.iter().map(|&at| of(at)).min().unwrap_or(0);
        (first, changed.iter().map(|&at| of(at)).max().unwrap_or(0) + 1)
    };
    let ((left, right), (top, bottom)) = (bounds(&|at| at % width), bounds(&|at| at / width));
    let places = (top..bottom).flat_map(|y| (left..right).map(move |x| y * width + x));
    let pixel = |at| if differs(&at) { palette.index(&picture.pixels[at]) } else { TRANSPARENT };
    Frame {
        left: left as u16,
        top: top as u16,
        width: (right - left) as u16,
        height: (bottom - top) as u16,
        transparent: Some(TRANSPARENT),
        buffer: Cow::Owned(places.map(pixel).collect()),
        ..Frame::default()
    }
}

/// In every palette: what shows the picture before.
const TRANSPARENT: u8 = 255;

/// The colours that are most used; any other becomes the nearest of them.
struct Palette {
    colours: Vec<Rgb>,
    indices: HashMap<Rgb, u8>,
}

impl Palette {
    fn of(pictures: &[Picture]) -> Self {
        let mut uses: HashMap<Rgb, usize> = HashMap::new();
        for pixel in pictures.iter().flat_map(|picture| &picture.pixels) {
            *uses.entry(*pixel).or_default() += 1;
        }
        let mut by_use: Vec<(Rgb, usize)> = uses.into_iter().collect();
        by_use.sort_by_key(|&(colour, uses)| (std::cmp::Reverse(uses), colour));
        let all: Vec<Rgb> = by_use.into_iter().map(|(colour, _)| colour).collect();
        let colours: Vec<Rgb> = all.iter().copied().take(TRANSPARENT.into()).collect();
        let nearest = |colour: &Rgb| {
            let near = |at: &usize| distance(colour, &colours[*at]);
            (0..colours.len()).min_by_key(near).unwrap() as u8
        };
        Self { indices: all.iter().map(|colour| (*colour, nearest(colour))).collect(), colours }
    }

    fn index(&self, colour: &Rgb) -> u8 {
        self.indices[colour]
    }

    fn bytes(&self) -> Vec<u8> {
        self.colours.iter().flatten().copied().collect()
    }
}

fn distance(one: &Rgb, other: &Rgb) -> u32 {
    one.iter().zip(other).map(|(one, other)| u32::from(one.abs_diff(*other)).pow(2)).sum()
}

struct Artist {
    glyphs: Glyphs,
    cell: (u16, u16),
    padding: u16,
    size: (u16, u16),
}

impl Artist {
    fn new(tape: &Tape) -> Self {
        let size = (tape.width, tape.height);
        Self { glyphs: Glyphs::new(tape.font_size), cell: tape.cell(), padding: tape.padding, size }
    }

    fn draw(&self, screen: &Screen) -> Picture {
        let (width, height) = (usize::from(self.size.0), usize::from(self.size.1));
        let mut picture = Picture { width, pixels: vec![GROUND; width * height] };
        let (rows, columns) = (screen.size().0.get(), screen.size().1.get());
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let cursor = !screen.hide_cursor() && screen.cursor_position() == (row, column);
            if let Some(cell) = screen.cell(row, column) {
                self.cell(&mut picture, cell, (column, row), cursor);
            }
        }
        picture
    }

    fn cell(&self, picture: &mut Picture, cell: &Cell, (column, row): (u16, u16), cursor: bool) {
        let (width, height) = self.cell;
        let left = usize::from(self.padding + column * width);
        let top = usize::from(self.padding + row * height);
        let (text, ground) = colours(cell, cursor);
        let mut paint = |x: i32, y: i32, colour: Rgb, covered: u8| {
            let at = (top as i32 + y) as usize * picture.width + (left as i32 + x) as usize;
            picture.pixels[at] = mixed(picture.pixels[at], colour, covered);
        };
        if ground != GROUND {
            let all = (0..i32::from(height)).flat_map(|y| (0..i32::from(width)).map(move |x| (x, y)));
            all.for_each(|(x, y)| paint(x, y, ground, 255));
        }
        for character in cell.contents().chars() {
            let pixels = self.glyphs.pixels(character, cell.bold(), self.cell);
            pixels.into_iter().for_each(|(x, y, covered)| paint(x, y, text, covered));
        }
        if cell.underline() {
            (0..i32::from(width)).for_each(|x| paint(x, i32::from(height) - 3, text, 255));
        }
    }
}

/// Of the text, and of the ground.
fn colours(cell: &Cell, cursor: bool) -> (Rgb, Rgb) {
    let (mut text, ground) = (colour(cell.fgcolor(), TEXT), colour(cell.bgcolor(), GROUND));
    if cell.dim() {
        text = mixed(ground, text, 150);
    }
    if cell.inverse() != cursor { (ground, text) } else { (text, ground) }
}

fn colour(colour: Color, default: Rgb) -> Rgb {
    match colour {
        Color::Default => default,
        Color::Rgb(red, green, blue) => [red, green, blue],
        Color::Idx(index) => {
            *ANSI.get(usize::from(index)).expect("the program has been told of true colours")
        }
    }
}

/// A colour over another, in sixteen steps: so the palette is enough.
fn mixed(below: Rgb, above: Rgb, covered: u8) -> Rgb {
    const STEPS: u32 = 15;
    let covered = (u32::from(covered) * STEPS + 127) / 255;
    std::array::from_fn(|at| {
        let (below, above) = (u32::from(below[at]), u32::from(above[at]));
        ((below * (STEPS - covered) + above * covered + STEPS / 2) / STEPS) as u8
    })
}
