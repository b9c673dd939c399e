//! Where things are on a terminal of some size.

use ratatui::layout::Rect;

/// Below this nothing useful can be shown.
pub(crate) const SMALLEST: (u16, u16) = (60, 15);
/// From here on the groups and a panel stand side by side.
const TWO_PANELS: u16 = 80;

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
    /// The layout for a size, or `None` where the terminal is too small. `panel_first`: which one is shown where there is
    /// room for one only.
    pub(crate) fn of(size: (u16, u16), panel_first: bool) -> Option<Self> {
        let (width, height) = size;
        if width < SMALLEST.0 || height < SMALLEST.1 {
            return None;
        }
        let header = Rect::new(0, 0, width, 1);
        let footer = Rect::new(0, height - 2, width, 2);
        let body = Rect::new(0, 1, width, height - 3);
        if width < TWO_PANELS {
            let (tree, panel) = if panel_first { (None, Some(body)) } else { (Some(body), None) };
            return Some(Self { header, tree, panel, body, footer });
        }
        let left = if width < 100 { width / 2 } else { (width * 48 / 100).min(90) };
        let tree = Rect { width: left, ..body };
        let panel = Rect { x: left, width: width - left, ..body };
        Some(Self { header, tree: Some(tree), panel: Some(panel), body, footer })
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
        let wide = Layout::of((80, 24), false).unwrap();
        let (tree, panel) = (wide.tree.unwrap(), wide.panel.unwrap());
        assert_eq!((tree.right(), panel.right(), panel.bottom()), (panel.x, 80, wide.footer.y));
        let narrow = Layout::of((79, 15), true).unwrap();
        assert_eq!((narrow.tree, narrow.panel.map(|p| p.width)), (None, Some(79)));
        assert_eq!(Layout::of((59, 40), false), None);
    }
}
