//! Scores of which no vectors are at hand, against the tables that their papers print for use by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]

use std::fmt::Write;

use noteward::{check_score, load_scores};

/// A sheet of points of ATP III (JAMA 2001, 285:2486): rows of ages in decades from 20-39 on, as printed.
struct Sheet {
    female: bool,
    /// Ages 20-34, 35-39, and then by five years up to 79.
    age: [i32; 10],
    /// Total cholesterol below 160, 200, 240, 280, and above; a column for each decade of age.
    cholesterol: [[i32; 5]; 5],
    smoker: [i32; 5],
    /// Systolic pressure below 120, 130, 140, 160, and above: untreated, treated.
    pressure: [[i32; 2]; 5],
    /// The points that give the first of the risks, and the risks in per cent; above the last it is 30 or more.
    risks: (i32, &'static [f64]),
}

/// HDL cholesterol of 60 and more, 50, 40, and below.
const HDL: [i32; 4] = [-1, 0, 1, 2];

const SHEETS: [Sheet; 2] = [
    Sheet {
        female: false,
        age: [-9, -4, 0, 3, 6, 8, 10, 11, 12, 13],
        cholesterol: [[0; 5], [4, 3, 2, 1, 0], [7, 5, 3, 1, 0], [9, 6, 4, 2, 1], [11, 8, 5, 3, 1]],
        smoker: [8, 5, 3, 1, 1],
        pressure: [[0, 0], [0, 1], [1, 2], [1, 2], [2, 3]],
        risks: (0, &[1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 16.0, 20.0, 25.0]),
    },
    Sheet {
        female: true,
        age: [-7, -3, 0, 3, 6, 8, 10, 12, 14, 16],
        cholesterol: [[0; 5], [4, 3, 2, 1, 1], [8, 6, 4, 2, 1], [11, 8, 5, 3, 2], [13, 10, 7, 4, 2]],
        smoker: [9, 7, 4, 2, 1],
        pressure: [[0, 0], [1, 3], [2, 4], [3, 5], [4, 6]],
        risks: (9, &[1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 11.0, 14.0, 17.0, 22.0, 27.0]),
    },
];

impl Sheet {
    fn risk(&self, points: i32) -> f64 {
        let (first, risks) = self.risks;
        match usize::try_from(points - first) {
            Err(_) => 0.5,
            Ok(place) => risks.get(place).copied().unwrap_or(30.0),
        }
    }
}

/// The equation lies close to the sheets, which round its terms to whole points: for those who do not smoke and take no drugs for
/// their blood pressure within a point of risk on average, over all within two.
#[test]
fn framingham_is_close_to_the_sheets_of_points() {
    let mut rows =
        String::from("age,female,total_cholesterol,hdl,systolic_bp,blood_pressure_drug,current_smoker,expected\n");
    let mut is_plain = Vec::new();
    for sheet in &SHEETS {
        for (age, age_points) in (37..80).step_by(5).zip(&sheet.age[1..]) {
            let decade = if age < 40 { 0 } else { age / 10 - 3 };
            for (cholesterol, by_decade) in [150, 180, 220, 260, 300].into_iter().zip(sheet.cholesterol) {
                for (hdl, hdl_points) in [65, 55, 45, 35].into_iter().zip(HDL) {
                    for (pressure, by_treatment) in [110, 125, 135, 150, 170].into_iter().zip(sheet.pressure) {
                        for (treated, smokes) in [(false, false), (false, true), (true, false), (true, true)] {
                            let smoking = if smokes { sheet.smoker[decade] } else { 0 };
                            let treatment = by_treatment[usize::from(treated)];
                            let points = age_points + by_decade[decade] + hdl_points + treatment + smoking;
                            let word = |yes: bool| if yes { "yes" } else { "no" };
                            let (female, treated, smokes) = (word(sheet.female), word(treated), word(smokes));
                            let risk = sheet.risk(points);
                            writeln!(rows, "{age},{female},{cholesterol},{hdl},{pressure},{treated},{smokes},{risk}")
                                .unwrap();
                            is_plain.push(treated == "no" && smokes == "no");
                        }
                    }
                }
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, rows).unwrap();
    let score = load_scores(None).unwrap().into_iter().find(|score| score.id == "framingham_chd").unwrap();
    let checked = check_score(&score, &path, 0.5).unwrap();
    assert_eq!((checked.rows.len(), checked.n_unreadable), (7200, 0));
    let apart: Vec<f64> = checked
        .rows
        .iter()
        .map(|row| {
            let ((found, same), (expected, _)) = (row.found.unwrap(), row.expected.unwrap());
            assert!((found - same).abs() < 1e-9, "line {}", row.line);
            (found.min(30.0) - expected).abs()
        })
        .collect();
    let mean = |apart: &[f64]| apart.iter().sum::<f64>() / apart.len() as f64;
    let plain: Vec<f64> = apart.iter().zip(is_plain).filter(|(_, plain)| *plain).map(|(&apart, _)| apart).collect();
    assert!(mean(&apart) < 2.0 && mean(&plain) < 1.0, "{} and {} apart", mean(&apart), mean(&plain));
}
