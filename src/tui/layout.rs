//! Where things are on a terminal of some size.

use ratatui::layout::Rect;

/// Below this nothing useful can be shown.
pub(crate) const SMALLEST: (u16, u16) = (60, 15);
/// From here on the groups and a panel stand side by side.
const TWO_PANELS: u16 = 80;

/// Neither the groups nor the panel get narrower than this side by side.
const NARROWEST: u16 = 30;

/// How the person wants the room between groups and panel shared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// In a narrow terminal: the panel is shown instead of the groups.
    pub(crate) panel_first: bool,
    /// The panel has all the room, in any terminal.
    pub(crate) alone: bool,
    /// The groups' part in thousandths, where it was changed.
    pub(crate) share: Option<u16>,
}

impl Shape {
    /// Moves the border by some columns.
    pub(crate) fn move_border(&mut self, by: i16, body: Rect) {
        self.set_border(self.groups(body.width).saturating_add_signed(by), body);
    }

    /// Brings the border to a column, as far as both sides keep some room.
    pub(crate) fn set_border(&mut self, column: u16, body: Rect) {
        let width = body.width.max(2 * NARROWEST);
        let column = column.clamp(NARROWEST, width - NARROWEST);
        self.share = u16::try_from((u32::from(column) * 1000).div_ceil(u32::from(width))).ok();
    }

    /// The width of the groups beside the panel.
    fn groups(self, width: u16) -> u16 {
        let wanted = match self.share {
            Some(share) => u16::try_from(u32::from(width) * u32::from(share) / 1000).unwrap_or(width),
            None if width < 100 => width / 2,
            None => (width * 48 / 100).min(90),
        };
        wanted.clamp(NARROWEST, width - NARROWEST)
    }
}

/// The areas of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) header: Rect,
    /// With its frame; `None` where the panel has its place.
    pub(crate) tree: Option<Rect>,
    /// With its frame; `None` where the groups have its place.
    pub(crate) panel: Option<Rect>,
    /// All that lies between header and footer.
    pub(crate) body: Rect,
    pub(crate) footer: Rect,
}

impl Layout {
    /// The layout for a size, or `None` where the terminal is too small.
    pub(crate) fn of(size: (u16, u16), shape: Shape) -> Option<Self> {
        let (width, height) = size;
        if width < SMALLEST.0 || height < SMALLEST.1 {
            return None;
        }
        let header = Rect::new(0, 0, width, 1);
        let footer = Rect::new(0, height - 2, width, 2);
        let body = Rect::new(0, 1, width, height - 3);
        if shape.alone || width < TWO_PANELS {
            let panel = shape.alone || shape.panel_first;
            let (tree, panel) = if panel { (None, Some(body)) } else { (Some(body), None) };
            return Some(Self { header, tree, panel, body, footer });
        }
        let left = shape.groups(width);
        let tree = Rect { width: left, ..body };
        let panel = Rect { x: left, width: width - left, ..body };
        Some(Self { header, tree: Some(tree), panel: Some(panel), body, footer })
    }

    /// The column of the border between groups and panel, where both are shown.
    pub(crate) fn border(&self) -> Option<u16> {
        self.tree.and(self.panel).map(|panel| panel.x)
    }

    /// True where only one of groups and panel has room.
    pub(crate) fn is_narrow(size: (u16, u16)) -> bool {
        size.0 < TWO_PANELS
    }
}

/// Where a checkpoint's text stands in its frame: above `controls` rows of fields and buttons.
pub(crate) fn checkpoint_text(frame: Rect, controls: u16) -> Rect {
    let inner = inside(frame);
    Rect {
        x: inner.x + 1,
        width: inner.width.saturating_sub(2),
        height: inner.height.saturating_sub(controls),
        ..inner
    }
}

/// What is inside a frame.
pub(crate) fn inside(frame: Rect) -> Rect {
    Rect {
        x: frame.x + 1,
        y: frame.y + 1,
        width: frame.width.saturating_sub(2),
        height: frame.height.saturating_sub(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_areas_fill_the_screen_side_by_side_or_one_by_one() {
        let wide = Layout::of((80, 24), Shape::default()).unwrap();
        let (tree, panel) = (wide.tree.unwrap(), wide.panel.unwrap());
        assert_eq!((tree.right(), panel.right(), panel.bottom()), (panel.x, 80, wide.footer.y));
        let narrow = Layout::of((79, 15), Shape { panel_first: true, ..Shape::default() }).unwrap();
        assert_eq!((narrow.tree, narrow.panel.map(|p| p.width)), (None, Some(79)));
        assert_eq!(Layout::of((59, 40), Shape::default()), None);
    }

    #[test]
    fn the_border_moves_and_leaves_room_for_both() {
        let widths = |shape: Shape| {
            let layout = Layout::of((120, 40), shape).unwrap();
            (layout.tree.map(|area| area.width), layout.panel.map(|area| area.width))
        };
        let body = Layout::of((120, 40), Shape::default()).unwrap().body;
        let mut shape = Shape::default();
        assert_eq!(widths(shape), (Some(57), Some(63)));
        shape.move_border(5, body);
        assert_eq!(widths(shape), (Some(62), Some(58)));
        (0..50).for_each(|_| shape.move_border(5, body));
        assert_eq!(widths(shape), (Some(90), Some(30)));
        shape.set_border(0, body);
        assert_eq!(widths(shape), (Some(30), Some(90)));
        for column in 30..90 {
            shape.set_border(column, body);
            assert_eq!(widths(shape).0, Some(column), "where it was let go");
        }
        assert_eq!(widths(Shape { alone: true, ..shape }), (None, Some(120)));
    }
}
