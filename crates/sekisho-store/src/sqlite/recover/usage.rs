//! Which pages are in use. Pages that were given up still hold the rows that stood there, messages that have left:
//! they must not come back. Three witnesses tell: the trees from their roots, the pointer map that `auto_vacuum` keeps,
//! and the list of free pages; each of them may be damaged.

use super::{
    image::{Image, LOCK_PAGE, PAGE, be32},
    record::{Kind, Node, Value},
};

/// Pages whose entries fill a page of the pointer map.
const MAPPED: u32 = PAGE as u32 / 5;

/// What the pointer map says of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mapped {
    Unknown,
    Root,
    Free,
    Overflow,
    Tree,
}

/// What is known of each page.
pub(super) struct Usage {
    /// By number; the first is none.
    reached: Vec<bool>,
    free: Vec<bool>,
    mapped: Vec<Mapped>,
}

impl Usage {
    pub(super) fn of(image: &Image) -> Self {
        let len = image.pages as usize + 1;
        let mut usage = Self {
            reached: vec![false; len],
            free: vec![false; len],
            mapped: mapped(image),
        };
        usage.walk_free(image);
        usage.walk_trees(image);
        usage
    }

    /// Whether rows on this page are in force.
    pub(super) fn is_in_use(&self, page: u32) -> bool {
        let at = page as usize;
        let (reached, free) = (self.reached[at], self.free[at]);
        match self.mapped[at] {
            // A pointer in a tree that went astray.
            Mapped::Free if free => false,
            Mapped::Root | Mapped::Tree => reached || !free,
            Mapped::Free | Mapped::Overflow | Mapped::Unknown => reached,
        }
    }

    fn walk_free(&mut self, image: &Image) {
        let mut trunk = image.page(1).map_or(0, |page| be32(&page, 32));
        while let Some(page) = self.enter_free(trunk).and_then(|()| image.page(trunk)) {
            let leaves = (be32(&page, 4) as usize).min(PAGE / 4 - 2);
            for leaf in 0..leaves {
                self.enter_free(be32(&page, 8 + 4 * leaf));
            }
            trunk = be32(&page, 0);
        }
    }

    /// `None` when there is no such page, or it was there before.
    fn enter_free(&mut self, page: u32) -> Option<()> {
        let free = self.free.get_mut(page as usize).filter(|_| page > 1)?;
        (!std::mem::replace(free, true)).then_some(())
    }

    fn walk_trees(&mut self, image: &Image) {
        let mut waiting = vec![1];
        let by_map = (1..).zip(&self.mapped[1..]);
        let roots = by_map.filter(|(page, mapped)| **mapped == Mapped::Root && !self.free[*page as usize]);
        waiting.extend(roots.map(|(page, _)| page));
        while let Some(number) = waiting.pop() {
            let Some(reached) = self.reached.get_mut(number as usize) else {
                continue;
            };
            if number == 0 || std::mem::replace(reached, true) {
                continue;
            }
            let Some(page) = image.page(number) else { continue };
            let Some(node) = Node::parse(number, &page) else {
                continue;
            };
            waiting.extend(node.children());
            if number == 1 && node.kind == Kind::TableLeaf {
                let rows = node.rows(image).into_iter().flatten();
                waiting.extend(rows.filter_map(|(_, values)| root_of(&values)));
            }
        }
    }
}

/// The root page of a table or index, as the schema has it.
fn root_of(values: &[Value]) -> Option<u32> {
    let [_, _, _, Value::Int(root), _] = values else {
        return None;
    };
    u32::try_from(*root).ok()
}

/// Reads the pointer map (<https://www.sqlite.org/fileformat2.html>, chapter 1.8).
fn mapped(image: &Image) -> Vec<Mapped> {
    let mut mapped = vec![Mapped::Unknown; image.pages as usize + 1];
    let mut map = (0, None);
    for page in 3..=image.pages {
        let mut holder = (page - 2) / (MAPPED + 1) * (MAPPED + 1) + 2;
        if holder == LOCK_PAGE {
            holder += 1;
        }
        if page <= holder {
            continue;
        }
        if map.0 != holder {
            map = (holder, image.page(holder));
        }
        let entry = map
            .1
            .as_ref()
            .and_then(|octets| octets.get(5 * (page - holder - 1) as usize));
        mapped[page as usize] = match entry {
            Some(1) => Mapped::Root,
            Some(2) => Mapped::Free,
            Some(3 | 4) => Mapped::Overflow,
            Some(5) => Mapped::Tree,
            _ => Mapped::Unknown,
        };
    }
    mapped
}
