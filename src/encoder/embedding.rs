//! Embedding tables: a row of numbers for each identifier.

use super::weights::Rows;

/// A table of rows.
pub(super) struct Embedding {
    rows: Rows,
    width: usize,
    n_rows: usize,
}

impl Embedding {
    /// A table of rows of a width, of which there is at least one.
    pub fn new(rows: Rows, width: usize) -> Embedding {
        let n_rows = rows.len() / width;
        Embedding { rows, width, n_rows }
    }

    /// Writes a row; identifiers beyond the table are read as its last.
    #[inline(always)]
    pub fn read(&self, index: usize, output: &mut [f32]) {
        output.fill(0.0);
        self.add(index, output);
    }

    /// Adds a row.
    #[inline(always)]
    pub fn add(&self, index: usize, output: &mut [f32]) {
        let index = index.min(self.n_rows - 1);
        let range = index * self.width..(index + 1) * self.width;
        match &self.rows {
            Rows::Full(values) => {
                for (output, &value) in output.iter_mut().zip(&values[range]) {
                    *output += value;
                }
            }
            Rows::Bytes { values, scales } => {
                let scale = scales[index];
                for (output, &value) in output.iter_mut().zip(&values[range]) {
                    *output += f32::from(value) * scale;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_both_kinds() {
        let mut output = [9.0; 2];
        Embedding::new(Rows::Full(vec![1.0, 2.0, 3.0, 4.0]), 2).read(1, &mut output);
        assert_eq!(output, [3.0, 4.0]);
        let bytes = Embedding::new(Rows::Bytes { values: vec![1, 2, -3, 4], scales: vec![1.0, 0.5] }, 2);
        bytes.add(7, &mut output);
        assert_eq!(output, [1.5, 6.0]);
    }
}
