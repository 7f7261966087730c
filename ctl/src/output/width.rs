//! Columns on a screen: how wide a text is, and cutting it to fit.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The columns that `text` takes.
pub fn of(text: &str) -> usize {
    text.width()
}

/// `text`, or as much of it as fits `columns` with a final `…`.
pub fn fit(text: &str, columns: usize) -> String {
    if of(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let short = text.chars().take_while(|c| {
        let width = c.width().unwrap_or(0);
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    });
    let mut short: String = short.collect();
    if columns > 0 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept_and_the_rest_is_cut() {
        assert_eq!(fit("four", 4), "four");
        assert_eq!(fit("fives", 4), "fiv…");
        assert_eq!(fit("二二二", 4), "二…");
        assert_eq!(fit("some", 1), "…");
        assert_eq!(fit("some", 0), "");
    }
}
