//! Damaged Parquet files, over which their library panics: an error like any other that it finds.

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What comes of reading; a panic says that the file is damaged. What was read from is not to be used after an error.
pub(super) fn guarded<T, E: Display>(read: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| error.to_string()),
        Err(_) => Err("it is damaged".to_owned()),
    }
}

/// Batches, of which the first that cannot be read is the last.
pub(super) fn guarded_batches<T, E: Display>(
    mut batches: impl Iterator<Item = Result<T, E>>,
) -> impl Iterator<Item = Result<T, String>> {
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let batch = guarded(|| batches.next().transpose()).transpose();
        is_over = !matches!(batch, Some(Ok(_)));
        batch
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_the_end() {
        let batches = (0..4).map(|number| if number == 2 { panic!("damaged") } else { Ok::<_, String>(number) });
        let read: Vec<_> = guarded_batches(batches).collect();
        assert_eq!(read, [Ok(0), Ok(1), Err("it is damaged".to_owned())]);
    }
}
