//! One figure with its range over the runs.

/// The median of a figure, and its range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// The median.
    pub median: f64,
    least: f64,
    most: f64,
    runs: usize,
}

impl Figure {
    /// Returns the figure of these values, one for each run. `None` if there is none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let median = *values.get(values.len() / 2)?;
        Some(Self { median, least: values[0], most: *values.last()?, runs: values.len() })
    }

    /// Returns it as text with its range: `74 (72–79)`. There is no range of one run.
    pub fn text(&self, decimals: usize) -> String {
        let Self { median, least, most, runs } = self;
        if *runs == 1 {
            return format!("{median:.decimals$}");
        }
        format!("{median:.decimals$} ({least:.decimals$}–{most:.decimals$})")
    }
}

/// Returns a figure as text, or a dash if there is none.
pub fn text(figure: Option<Figure>, decimals: usize) -> String {
    figure.map_or("–".to_string(), |figure| figure.text(decimals))
}
