//! `noteward features`.

use anyhow::Result;
use noteward::{ExistingFeatures, FeatureOptions, FeatureReport, IndexTimes, LastNote};

use super::features_args::FeaturesArgs;
use super::{DONE, SOME_REJECTED, report};

/// Runs the command; gives the exit status.
pub(super) fn features(arguments: FeaturesArgs) -> Result<u8> {
    let mut options = FeatureOptions::new(arguments.out);
    if arguments.force {
        options.existing = ExistingFeatures::Replace;
    }
    let last_note = if arguments.without_last_note { LastNote::LeftOut } else { LastNote::Counts };
    options.index = arguments.index.map_or(IndexTimes::LastNote(last_note), IndexTimes::File);
    options.time_column = arguments.time_column;
    if let Some(windows) = arguments.windows {
        options.windows = windows;
    }
    options.leakage = arguments.leakage.into();
    if let Some(kinds) = arguments.leakage_kinds {
        options.leakage_kinds = kinds.into_iter().map(Into::into).collect();
    }
    options.groups = arguments.groups;
    options.patients = arguments.patients;
    options.max_wide_features = arguments.wide_features;
    options.memory = arguments.memory;
    options.threads = arguments.threads;
    let made = noteward::features(&arguments.run, &options)?;
    tell_rejects(&made);
    if !arguments.quiet {
        made.to_string().lines().for_each(report);
        let leaks = made.leakage.to_string();
        if !leaks.is_empty() {
            report(&format!("leakage: {leaks}"));
        }
    }
    Ok(if made.index.rejected + made.patients.rejected > 0 { SOME_REJECTED } else { DONE })
}

/// Names rows of the user's files that were left out.
fn tell_rejects(made: &FeatureReport) {
    for (file, counts) in [("index file", &made.index.rejects), ("patients file", &made.patients.rejects)] {
        for reject in counts {
            report(&format!("{file}: record {}: {}", reject.record, reject.reason));
        }
    }
}
