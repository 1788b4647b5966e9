//! Tables whose columns stand under each other, also where they hold Chinese.
use super::text::{cut, pad, plain, width};
use super::{Page, Style};

/// A table that is filled row by row.
pub(crate) struct Table {
    heads: Vec<&'static str>,
    most: Vec<usize>,
    rows: Vec<Vec<(String, Option<Style>)>>,
}

impl Table {
    /// Columns: head, and the most columns of a terminal that it may take.
    pub(crate) fn new(columns: &[(&'static str, usize)]) -> Self {
        Self {
            heads: columns.iter().map(|(head, _)| *head).collect(),
            most: columns.iter().map(|(_, most)| *most).collect(),
            rows: Vec::new(),
        }
    }

    /// A row; what it holds is made harmless and cut.
    pub(crate) fn row<const N: usize>(&mut self, cells: [(String, Option<Style>); N]) {
        let cells = cells.into_iter().zip(&self.most);
        self.rows.push(cells.map(|((text, style), most)| (cut(&plain(&text), *most), style)).collect());
    }

    /// Writes it. A column without any content is left out.
    pub(crate) fn write(&self, page: &mut Page) {
        let widths: Vec<usize> = (0..self.heads.len())
            .map(|column| {
                let widest = self.rows.iter().map(|row| width(&row[column].0)).max().unwrap_or(0);
                if widest == 0 { 0 } else { widest.max(width(self.heads[column])) }
            })
            .collect();
        let line = |page: &Page, cells: &mut dyn Iterator<Item = (&str, Option<Style>)>| {
            let shown = cells.zip(&widths).filter(|(_, width)| **width > 0);
            shown
                .map(|((text, style), width)| {
                    let padded = pad(text, *width);
                    style.map_or(padded.clone(), |style| page.styled(style, &padded))
                })
                .collect::<Vec<_>>()
                .join("  ")
        };
        let head = line(page, &mut self.heads.iter().map(|head| (*head, Some(Style::Faint))));
        page.line(&head);
        for row in &self.rows {
            let row = line(page, &mut row.iter().map(|(text, style)| (text.as_str(), *style)));
            page.line(&row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_and_empty_ones_are_left_out() {
        let mut table = Table::new(&[("TAG", 8), ("TEAM", 8), ("SUBJECT", 10)]);
        table.row([("T1".into(), None), (String::new(), None), ("退款".into(), None)]);
        table.row([("T1042".into(), Some(Style::Strong)), (String::new(), None), ("a very long subject".into(), None)]);
        let mut page = Page { text: String::new(), colour: false };
        table.write(&mut page);
        assert_eq!(page.text, "TAG    SUBJECT\nT1     退款\nT1042  a very lo…\n");
        let mut page = Page { text: String::new(), colour: true };
        table.write(&mut page);
        assert!(page.text.contains("\x1b[1mT1042\x1b[0m  a"), "{:?}", page.text);
    }
}
