//! Characters as pixels: DejaVu Sans Mono, from Debian's package fonts-dejavu-core, which `tests/setup` installs.

use std::fs;

use fontdue::{Font, FontSettings};

const FOLDER: &str = "/usr/share/fonts/truetype/dejavu";

pub struct Glyphs {
    regular: Font,
    bold: Font,
    size: f32,
    /// Of the line on which the letters stand, in pixels below the cell's top.
    baseline: i32,
}

impl Glyphs {
    pub fn new(size: u16) -> Self {
        let regular = font("DejaVuSansMono.ttf");
        let size = f32::from(size);
        let baseline = regular.horizontal_line_metrics(size).unwrap().ascent.round() as i32;
        Self { regular, bold: font("DejaVuSansMono-Bold.ttf"), size, baseline }
    }

    /// Each pixel that a character covers in its cell: column, row, and how much of it, up to 255.
    pub fn pixels(&self, character: char, bold: bool, cell: (u16, u16)) -> Vec<(i32, i32, u8)> {
        if let Some(arms) = arms(character) {
            return line(arms, cell);
        }
        let font = if bold { &self.bold } else { &self.regular };
        let (metrics, coverage) = font.rasterize(character, self.size);
        let top = self.baseline - metrics.height as i32 - metrics.ymin;
        let at = |(index, &covered): (usize, &u8)| {
            let (x, y) = (index % metrics.width, index / metrics.width);
            (x as i32 + metrics.xmin, y as i32 + top, covered)
        };
        coverage.iter().enumerate().filter(|(_, covered)| **covered > 0).map(at).collect()
    }
}

fn font(name: &str) -> Font {
    let path = format!("{FOLDER}/{name}");
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}; tests/setup installs it"));
    Font::from_bytes(bytes, FontSettings::default()).unwrap()
}

/// Where a box-drawing character has lines: left, right, up, down. The font's own leave gaps between cells of whole pixels.
fn arms(character: char) -> Option<[bool; 4]> {
    Some(match character {
        '─' => [true, true, false, false],
        '│' => [false, false, true, true],
        '┌' => [false, true, false, true],
        '┐' => [true, false, false, true],
        '└' => [false, true, true, false],
        '┘' => [true, false, true, false],
        '├' => [false, true, true, true],
        '┤' => [true, false, true, true],
        _ => return None,
    })
}

fn line([left, right, up, down]: [bool; 4], (width, height): (u16, u16)) -> Vec<(i32, i32, u8)> {
    let (width, height) = (i32::from(width), i32::from(height));
    let (x, y) = (width / 2, height / 2);
    let across = (if left { 0 } else { x })..(if right { width } else { x + 1 });
    let along = (if up { 0 } else { y })..(if down { height } else { y + 1 });
    let mut pixels = Vec::new();
    if left || right {
        pixels.extend(across.map(|x| (x, y, 255)));
    }
    if up || down {
        pixels.extend(along.map(|y| (x, y, 255)));
    }
    pixels
}
