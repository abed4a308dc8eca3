//! The shared test vectors of scores, brought into the form of `noteward scores check`: every row agrees, or is one of the
//! deviations that are stated here and counted exactly.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use noteward::{Score, ScoreCheck, Verdict, check_score, load_scores};

type Row = BTreeMap<String, String>;

/// The folder of vectors, or `None` with a message.
fn vectors() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/risk/vectors");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: the shared vectors are not here");
    None
}

fn score(id: &str) -> Score {
    load_scores(None).unwrap().into_iter().find(|score| score.id == id).unwrap_or_else(|| panic!("{id}"))
}

fn rows(path: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let row = |record: csv::StringRecord| header.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
    let rows: Vec<Row> = reader.records().map(|record| row(record.unwrap())).collect();
    assert!(rows.len() > 50, "{} has {} rows", path.display(), rows.len());
    rows
}

/// Writes rows as the program reads them, and checks them.
fn check(id: &str, rows: impl Iterator<Item = Row>) -> ScoreCheck {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    let rows: Vec<Row> = rows.collect();
    let mut writer = csv::Writer::from_path(&path).unwrap();
    writer.write_record(rows[0].keys()).unwrap();
    rows.iter().for_each(|row| writer.write_record(row.values()).unwrap());
    writer.flush().unwrap();
    check_score(&score(id), &path, 1e-6).unwrap()
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: {:?}", row[column]))
}

/// A value that is in an SI unit where another column says so.
fn conventional(row: &Row, column: &str) -> String {
    let value = number(row, column);
    let converted = match (column, row[&format!("{column}_unit")].as_str()) {
        ("bilirubin", "umol/L") => value / 17.1,
        ("creatinine", "umol/L") => value / 88.42,
        ("albumin", "g/L") => value / 10.0,
        _ => value,
    };
    converted.to_string()
}

fn set<const N: usize>(columns: [(&str, String); N]) -> Row {
    columns.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Columns by `theirs=ours`, or one name for both.
fn renamed(row: &Row, columns: &str) -> Row {
    let column = |pair: &str| {
        let (theirs, ours) = pair.split_once('=').unwrap_or((pair, pair));
        (ours.to_owned(), row.get(theirs).unwrap_or_else(|| panic!("no column {theirs}")).clone())
    };
    columns.split_whitespace().map(column).collect()
}

/// What a vector file says, as inputs of a score.
fn translated(file: &str, row: &Row) -> Row {
    let with = |columns: &str, others: Vec<(&str, String)>| {
        let mut renamed = renamed(row, columns);
        renamed.extend(others.into_iter().map(|(name, value)| (name.to_owned(), value)));
        renamed
    };
    let flag = |column: &str| row[column] == "True" || row[column] == "1";
    let not = |column: &str| (!flag(column)).to_string();
    let either = |column: &str, yes: f64, no: f64| if flag(column) { yes } else { no }.to_string();
    let female = || (row["sex"] == "female").to_string();
    match file {
        "clincalc/news2.csv" => with(
            "on_oxygen pulse=heart_rate respiratory_rate spo2=oxygen_saturation systolic_bp temperature result=expected",
            vec![
                ("saturation_scale_2", (row["spo2_scale"] == "2").to_string()),
                ("altered_consciousness", (row["consciousness"] != "alert").to_string()),
            ],
        ),
        "clincalc/qsofa.csv" => with("altered_mentation respiratory_rate systolic_bp result=expected", vec![]),
        "clincalc/sofa.csv" => with(
            "pao2_fio2 platelets gcs respiratory_support result=expected",
            vec![
                ("total_bilirubin", conventional(row, "bilirubin")),
                ("creatinine", conventional(row, "creatinine")),
                ("urine_output_24h", "1500".to_owned()),
                ("mean_arterial_pressure", if row["cardiovascular"] == "map-below70" { "60" } else { "80" }.to_owned()),
                (
                    "vasopressor",
                    match row["cardiovascular"].as_str() {
                        "dopamine-low" => "dopamine_low",
                        "moderate-vasopressors" => "moderate",
                        "high-vasopressors" => "high",
                        _ => "none",
                    }
                    .to_owned(),
                ),
            ],
        ),
        "clincalc/padua.csv" => with(
            "active_cancer previous_vte reduced_mobility thrombophilia recent_trauma_or_surgery age \
             heart_or_respiratory_failure acute_mi_or_ischaemic_stroke=acute_mi_or_stroke \
             acute_infection_or_rheumatological=acute_infection_or_rheumatic obesity \
             ongoing_hormonal_treatment=hormonal_treatment result=expected",
            vec![],
        ),
        "clincalc/caprini.csv" => {
            let age = if flag("age_75_plus") {
                80
            } else if flag("age_61_74") {
                70
            } else if flag("age_41_60") {
                50
            } else {
                30
            };
            with(
                "minor_surgery swollen_legs varicose_veins pregnancy_or_postpartum history_of_miscarriage=recurrent_miscarriage \
                 oral_contraceptives_or_hrt=contraceptives_or_hormones sepsis_within_1_month=sepsis serious_lung_disease \
                 abnormal_pulmonary_function acute_mi congestive_heart_failure inflammatory_bowel_disease \
                 medical_patient_at_bed_rest arthroscopic_surgery malignancy major_surgery_over_45_min=major_surgery \
                 laparoscopic_surgery_over_45_min=laparoscopic_surgery confined_to_bed_over_72h=confined_to_bed \
                 immobilising_cast=immobilizing_cast central_venous_access history_dvt_pe=previous_vte \
                 family_history_vte=family_vte factor_v_leiden prothrombin_20210a lupus_anticoagulant \
                 anticardiolipin_antibodies elevated_homocysteine heparin_induced_thrombocytopenia \
                 other_thrombophilia stroke_within_1_month=stroke elective_arthroplasty hip_pelvis_leg_fracture \
                 acute_spinal_cord_injury=spinal_cord_injury result=expected",
                vec![("age", age.to_string()), ("bmi", either("bmi_over_25", 30.0, 20.0))],
            )
        }
        "clincalc/wells_pe.csv" => with(
            "clinical_signs_of_dvt=dvt_signs pe_most_likely_diagnosis=pe_most_likely \
             immobilisation_or_surgery=immobilization_or_surgery previous_dvt_or_pe=previous_vte \
             haemoptysis=hemoptysis malignancy result=expected",
            vec![("heart_rate", either("heart_rate_over_100", 101.0, 100.0))],
        ),
        "clincalc/wells_dvt.csv" => with(
            "active_cancer alternative_diagnosis_as_likely=alternative_diagnosis \
             bedridden_or_major_surgery=bedridden_or_surgery calf_swelling_over_3cm=calf_swelling \
             collateral_superficial_veins=collateral_veins entire_leg_swollen localised_tenderness=localized_tenderness \
             paralysis_paresis_immobilisation=paralysis_or_cast pitting_oedema=pitting_edema \
             previously_documented_dvt=previous_dvt result=expected",
            vec![],
        ),
        "clincalc/perc.csv" => {
            let told: serde_json::Value = serde_json::from_str(&row["working_json"]).unwrap();
            with(
                "age_years=age exogenous_oestrogen_use=estrogen_use haemoptysis=hemoptysis heart_rate_bpm=heart_rate \
                 prior_vte=previous_vte recent_surgery_or_trauma_requiring_hospitalisation=surgery_or_trauma \
                 room_air_oxygen_saturation_percent=oxygen_saturation unilateral_leg_swelling",
                vec![("expected", told["positive_count"].to_string())],
            )
        }
        "clincalc/cha2ds2vasc.csv" => with(
            "age congestive_heart_failure=heart_failure diabetes hypertension stroke_tia_thromboembolism=stroke_or_embolism \
             vascular_disease result=expected",
            vec![("female", female())],
        ),
        "clincalc/cha2ds2_va.csv" => with(
            "age congestive_heart_failure=heart_failure diabetes hypertension stroke_tia_thromboembolism=stroke_or_embolism \
             vascular_disease result=expected",
            vec![],
        ),
        "clincalc/hasbled.csv" => with(
            "abnormal_liver_function abnormal_renal_function alcohol_excess=alcohol bleeding_history=bleeding \
             drugs_antiplatelet_nsaid=drugs hypertension_uncontrolled=uncontrolled_hypertension labile_inr stroke \
             result=expected",
            vec![("age", either("elderly_over_65", 66.0, 65.0))],
        ),
        "clincalc/curb65.csv" => with(
            "age confusion diastolic_bp respiratory_rate systolic_bp result=expected",
            vec![("bun", (number(row, "urea_mmol_l") * 2.8).to_string())],
        ),
        "clincalc/child_pugh.csv" => with(
            "inr result=expected",
            vec![
                ("total_bilirubin", conventional(row, "bilirubin")),
                ("albumin", conventional(row, "albumin")),
                ("ascites", row["ascites"].replace('-', "_")),
                (
                    "encephalopathy",
                    row["encephalopathy"].replace("grade1-to2", "grade_1_2").replace("grade3-to4", "grade_3_4"),
                ),
            ],
        ),
        "clincalc/meld.csv" => with(
            "inr dialysis_twice_past_week=dialysis result=expected",
            vec![("total_bilirubin", conventional(row, "bilirubin")), ("creatinine", conventional(row, "creatinine"))],
        ),
        "clincalc/meld_3.csv" => with(
            "inr qualifying_dialysis_in_prior_7_days=dialysis female_for_adult_meld=female sodium_mmol_l=sodium result=expected",
            vec![
                ("total_bilirubin", conventional(row, "bilirubin")),
                ("creatinine", conventional(row, "creatinine")),
                ("albumin", conventional(row, "albumin")),
            ],
        ),
        "clincalc/rcri.csv" => with(
            "cerebrovascular_disease congestive_heart_failure=heart_failure high_risk_surgery ischemic_heart_disease \
             preoperative_insulin_treatment=insulin result=expected",
            vec![("creatinine", (number(row, "creatinine_umol_l") / 88.4).to_string())],
        ),
        "clincalc/timi.csv" => {
            let factors = flag("three_or_more_cad_risk_factors").to_string();
            with(
                "age aspirin_use_past_7_days=aspirin known_cad=known_coronary_disease positive_biomarker=positive_marker \
                 severe_angina st_deviation result=expected",
                ["hypertension", "diabetes", "hyperlipidemia", "family_coronary_disease", "current_smoker"]
                    .into_iter()
                    .zip(std::iter::repeat(factors))
                    .collect(),
            )
        }
        "clincalc/centor.csv" => with(
            "age fever tender_anterior_cervical_nodes=tender_neck_nodes tonsillar_exudate=exudate result=expected",
            vec![("cough", not("absence_of_cough"))],
        ),
        "clincalc/findrisc.csv" => with(
            "age antihypertensive_medication=blood_pressure_drug bmi daily_vegetables_fruit=daily_vegetables \
             family_history=family_diabetes high_blood_glucose_history=high_glucose physically_active waist_cm=waist \
             result=expected",
            vec![("female", female())],
        ),
        "clincalc/charlson.csv" => {
            let cancer = flag("leukaemia") || flag("lymphoma") || flag("solid_tumour_non_metastatic");
            with(
                "aids cerebrovascular_disease=cerebrovascular congestive_heart_failure=heart_failure \
                 connective_tissue_disease=rheumatic copd=chronic_pulmonary dementia diabetes_complicated \
                 diabetes_uncomplicated=diabetes hemiplegia_paraplegia=paralysis liver_disease_moderate_severe=severe_liver \
                 metastatic_solid_tumour=metastatic mild_liver_disease=mild_liver myocardial_infarction \
                 peptic_ulcer_disease=peptic_ulcer peripheral_vascular_disease=peripheral_vascular \
                 renal_disease_moderate_severe=renal result=expected",
                vec![
                    ("cancer", cancer.to_string()),
                    ("age", if flag("include_age_adjustment") { row["age"].clone() } else { "0".to_owned() }),
                ],
            )
        }
        "ref/ada_risk.csv" => with(
            "age male gdm=gestational_diabetes first_degree_fh=family_diabetes hypertension active=physically_active bmi \
             score=expected",
            vec![],
        ),
        "ref/brock_full.csv" => with(
            "age female family_hx_lung_ca=family_lung_cancer emphysema diameter_mm=size upper_lobe count spiculation",
            vec![
                ("type", row["type"].replace("nonsolid", "ground_glass")),
                ("expected", (100.0 * number(row, "p")).to_string()),
            ],
        ),
        "ref/mayo_spn.csv" => with(
            "age ever_smoker=smoker extrathoracic_cancer_gt5y=past_cancer diameter_mm=size spiculation upper_lobe",
            vec![("expected", (100.0 * number(row, "p")).to_string())],
        ),
        "ref/fleischner2017.csv" => with(
            "type multiple size_mm=size high_risk solid_component_mm=solid_component",
            vec![("expected", ACTIONS.iter().position(|action| *action == row["action"]).unwrap().to_string())],
        ),
        "ref/kdigo_aki_creatinine.csv" => {
            let rise = if row["rise_48h_mg_dl"].is_empty() { "0" } else { &row["rise_48h_mg_dl"] };
            with(
                "baseline_mg_dl=creatinine_baseline current_mg_dl=creatinine rrt=renal_replacement stage=expected",
                vec![("creatinine_rise_48h", rise.to_owned())],
            )
        }
        "ref/lace.csv" => with(
            "los_days=length_of_stay acute=acute_admission prev_mi=myocardial_infarction cerebrovascular \
             pvd=peripheral_vascular diabetes chf=heart_failure diabetes_end_organ chronic_pulm=chronic_pulmonary \
             mild_liver_or_renal any_tumour=tumour dementia ctd=connective_tissue aids \
             mod_sev_liver_or_renal=severe_liver_or_renal metastatic ed_visits_6mo=emergency_visits lace=expected",
            vec![],
        ),
        "ref/meld_na.csv" => with(
            "creatinine_mg_dl=creatinine bilirubin_mg_dl=total_bilirubin inr sodium dialysis meld_na=expected",
            vec![],
        ),
        "ref/mews.csv" => {
            let levels = ["alert", "responds_to_voice", "responds_to_pain", "unresponsive"];
            let level = levels["AVPU".find(row["avpu"].as_str()).unwrap()];
            with(
                "sbp=systolic_bp hr=heart_rate rr=respiratory_rate temp_c=temperature mews=expected",
                vec![("consciousness", level.to_owned())],
            )
        }
        // What was not measured is taken for normal by the rows.
        "ref/sirs.csv" => {
            let or_normal = |column: &str, normal: &str| {
                if row[column].is_empty() { normal.to_owned() } else { row[column].clone() }
            };
            with(
                "temp_c=temperature hr=heart_rate rr=respiratory_rate wbc sirs=expected",
                vec![("bands", or_normal("bands_pct", "0")), ("paco2", or_normal("paco2", "40"))],
            )
        }
        "ref/interval_cha2ds2vasc.csv" => with(
            "age min=expected_min max=expected_max",
            vec![
                ("heart_failure", stated(row, "chf")),
                ("hypertension", stated(row, "htn")),
                ("diabetes", stated(row, "dm")),
                ("stroke_or_embolism", stated(row, "stroke")),
                ("vascular_disease", stated(row, "vasc")),
                ("female", row["sex"].replace('F', "yes").replace('M', "no").replace('U', "")),
            ],
        ),
        "ref/interval_wells_dvt.csv" => with(
            "min=expected_min max=expected_max",
            vec![
                ("active_cancer", stated(row, "active_cancer")),
                ("bedridden_or_surgery", stated(row, "bedridden")),
                ("calf_swelling", stated(row, "calf")),
                ("collateral_veins", stated(row, "veins")),
                ("entire_leg_swollen", stated(row, "entire")),
                ("localized_tenderness", stated(row, "tender")),
                ("paralysis_or_cast", stated(row, "paralysis")),
                ("pitting_edema", stated(row, "pitting")),
                ("previous_dvt", stated(row, "prev")),
                ("alternative_diagnosis", stated(row, "alt_dx")),
            ],
        ),
        _ => panic!("{file} is not translated"),
    }
}

/// True, false, possible or unknown.
fn stated(row: &Row, column: &str) -> String {
    match row[column].as_str() {
        "T" => "yes",
        "F" => "no",
        "P" => "possible",
        "U" => "",
        other => panic!("{column}: {other:?}"),
    }
    .to_owned()
}

/// The recommendations of the Fleischner vectors, in the order of the score's bands.
const ACTIONS: &[&str] = &[
    "none",
    "optional_ct_12mo",
    "ct_6-12mo_then_every_2y_until_5y",
    "ct_6-12mo_consider_18-24mo",
    "ct_6-12mo_then_18-24mo",
    "ct_3-6mo_if_stable_consider_2y_4y",
    "ct_3-6mo_consider_18-24mo",
    "ct_3-6mo_then_18-24mo",
    "ct_3-6mo_then_annual_5y",
    "ct_3-6mo_then_by_most_suspicious",
    "ct_3-6mo_persistent_solid>=6mm_highly_suspicious",
    "consider_ct_3mo_pet_or_biopsy",
];

/// Vector files in which every row agrees.
const FILES: &[(&str, &str)] = &[
    ("clincalc/news2.csv", "news2"),
    ("clincalc/qsofa.csv", "qsofa"),
    ("clincalc/sofa.csv", "sofa"),
    ("clincalc/padua.csv", "padua"),
    ("clincalc/wells_pe.csv", "wells_pe"),
    ("clincalc/wells_dvt.csv", "wells_dvt"),
    ("clincalc/perc.csv", "perc"),
    ("clincalc/cha2ds2vasc.csv", "cha2ds2_vasc"),
    ("clincalc/cha2ds2_va.csv", "cha2ds2_va"),
    ("clincalc/hasbled.csv", "has_bled"),
    ("clincalc/curb65.csv", "curb65"),
    ("clincalc/child_pugh.csv", "child_pugh"),
    ("clincalc/meld.csv", "meld"),
    ("clincalc/meld_3.csv", "meld_3"),
    ("clincalc/rcri.csv", "rcri"),
    ("clincalc/timi.csv", "timi"),
    ("clincalc/centor.csv", "centor"),
    ("clincalc/findrisc.csv", "findrisc"),
    ("ref/ada_risk.csv", "ada_risk"),
    ("ref/brock_full.csv", "brock"),
    ("ref/mayo_spn.csv", "mayo_nodule"),
    ("ref/fleischner2017.csv", "fleischner_2017"),
    ("ref/kdigo_aki_creatinine.csv", "kdigo_aki"),
    ("ref/lace.csv", "lace"),
    ("ref/meld_na.csv", "meld_na"),
    ("ref/mews.csv", "mews"),
    ("ref/sirs.csv", "sirs"),
    ("ref/interval_cha2ds2vasc.csv", "cha2ds2_vasc"),
    ("ref/interval_wells_dvt.csv", "wells_dvt"),
];

#[test]
fn every_vector_agrees() {
    let Some(folder) = vectors() else { return };
    let mut wrong = Vec::new();
    for (file, id) in FILES {
        let rows = rows(&folder.join(file));
        let checked = check(id, rows.iter().map(|row| translated(file, row)));
        println!("{file}: {}", checked.to_string().lines().last().unwrap());
        if checked.n_equal != rows.len() {
            wrong.push(format!("{file}:\n{checked}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The rows set several bands of age at once; ours is one age, which is in one band.
#[test]
fn caprini_agrees_but_for_ages_in_several_bands() {
    let Some(folder) = vectors() else { return };
    let file = "clincalc/caprini.csv";
    let rows = rows(&folder.join(file));
    let points = |row: &Row| {
        let bands = [("age_41_60", 1.0), ("age_61_74", 2.0), ("age_75_plus", 3.0)];
        let stated: Vec<f64> =
            bands.iter().filter(|(band, _)| row[*band] == "True").map(|(_, points)| *points).collect();
        stated.iter().sum::<f64>() - stated.last().unwrap_or(&0.0)
    };
    let checked = check("caprini", rows.iter().map(|row| translated(file, row)));
    for (row, checked) in rows.iter().zip(&checked.rows) {
        let (expected, found) = (checked.expected.unwrap().0, checked.found.unwrap());
        assert_eq!((expected - points(row), expected - points(row)), found, "line {}", checked.line);
    }
    assert_eq!((rows.len(), checked.n_equal, checked.n_differ), (120, 90, 30));
}

/// The rows have the 19 items of 1987, in which leukaemia and lymphoma stand beside solid tumours, and count 51 to 60 years
/// as the first decade; the codes of Quan have 17 items, and 50 to 59 is ours.
#[test]
fn charlson_agrees_but_for_its_nineteen_items_and_the_age_of_sixty() {
    let Some(folder) = vectors() else { return };
    let file = "clincalc/charlson.csv";
    let rows = rows(&folder.join(file));
    let flag = |row: &Row, column: &str| row[column] == "True";
    let mut n_age = 0;
    let checked = check("charlson_age", rows.iter().map(|row| translated(file, row)));
    for (row, checked) in rows.iter().zip(&checked.rows) {
        let blood = f64::from(u8::from(flag(row, "leukaemia"))) + f64::from(u8::from(flag(row, "lymphoma")));
        let solid = flag(row, "solid_tumour_non_metastatic");
        let spread = flag(row, "metastatic_solid_tumour");
        let theirs = 2.0 * blood + if solid && !spread { 2.0 } else { 0.0 };
        let ours = if (blood > 0.0 || solid) && !spread { 2.0 } else { 0.0 };
        let age: u32 = row["age"].parse().unwrap();
        let boundary = flag(row, "include_age_adjustment") && (50..90).contains(&age) && age.is_multiple_of(10);
        n_age += usize::from(boundary);
        let expected = checked.expected.unwrap().0 - theirs + ours + if boundary { 1.0 } else { 0.0 };
        assert_eq!((expected, expected), checked.found.unwrap(), "line {}", checked.line);
    }
    assert_eq!((rows.len(), n_age), (120, 2));
}

/// A row of codes as inputs: those of the program's own map.
fn coded(score: &Score, codes: &[&str], counts: impl Fn(usize, &str) -> bool) -> Row {
    let input = |(index, input): (usize, &noteward::Input)| {
        let prefixes = &input.sources.icd10cm;
        let holds =
            codes.iter().any(|code| prefixes.iter().any(|prefix| code.starts_with(prefix)) && counts(index, code));
        (input.name.clone(), if holds { "yes" } else { "no" }.to_owned())
    };
    score.inputs().iter().enumerate().filter(|(_, input)| input.demographic.is_none()).map(input).collect()
}

/// Rows of codes, checked against one column.
fn check_codes(id: &str, file: &str, column: &str, age: bool) -> Option<ScoreCheck> {
    let folder = vectors()?;
    let score = score(id);
    let rows = rows(&folder.join(file));
    Some(check(
        id,
        rows.iter().map(|row| {
            let codes: Vec<&str> = row["codes"].split_whitespace().collect();
            let mut inputs = coded(&score, &codes, |_, _| true);
            inputs.insert("expected".to_owned(), row[column].clone());
            if age {
                inputs.insert("age".to_owned(), row["age"].clone());
            }
            inputs
        }),
    ))
}

#[test]
fn indices_from_codes_agree() {
    for (id, file, column, age, n_differ) in [
        ("charlson", "charlson_quan.csv", "cci_original_weights", false, 0),
        ("charlson_age", "charlson_quan.csv", "cci_age_adjusted", true, 0),
        ("charlson_2011", "charlson_quan.csv", "cci_quan2011_aids4", false, 0),
        // The program that made this column gives AIDS the weight 2.
        ("charlson_2011", "charlson_quan.csv", "cci_quan2011_comorbidipy080", false, 97),
        ("elixhauser_van_walraven", "elixhauser_quan_vanwalraven.csv", "van_walraven", false, 0),
        ("hfrs", "hfrs.csv", "hfrs_unique3", false, 0),
        // The program that made this column counts a three-character code once for each code below it.
        ("hfrs", "hfrs.csv", "hfrs_comorbidipy080", false, 258),
    ] {
        let Some(checked) = check_codes(id, file, column, age) else { return };
        assert_eq!(
            (checked.rows.len(), checked.n_differ, checked.n_unreadable),
            (700, n_differ, 0),
            "{column}\n{checked}"
        );
    }
}

/// The first diagnosis is the reason for the stay; inputs that say so count only what was present on admission, or what need not
/// be reported as such (`1`).
#[test]
fn elixhauser_ahrq_agrees() {
    let Some(folder) = vectors() else { return };
    let rows = rows(&folder.join("elixhauser_ahrq_2026.csv"));
    for (id, column) in
        [("elixhauser_ahrq_mortality", "mortality_index"), ("elixhauser_ahrq_readmission", "readmission_index")]
    {
        let score = score(id);
        let checked = check(
            id,
            rows.iter().map(|row| {
                let codes: Vec<&str> = row["dx_principal_first"].split_whitespace().skip(1).collect();
                let present: Vec<&str> = row["poa"].split_whitespace().skip(1).collect();
                let counts = |index: usize, code: &str| {
                    let place = codes.iter().position(|other| *other == code).unwrap();
                    let was_there = present.get(place).is_some_and(|present| ["Y", "W", "1"].contains(present));
                    !score.inputs()[index].present_on_admission || was_there
                };
                let mut inputs = coded(&score, &codes, counts);
                inputs.insert("expected".to_owned(), row[column].clone());
                inputs
            }),
        );
        assert_eq!((checked.n_equal, checked.n_differ), (700, 0), "{checked}");
    }
}

/// Each code by itself gives the categories that the shared tables of codes name.
#[test]
fn every_code_is_in_the_category_of_the_table() {
    let Some(folder) = vectors() else { return };
    let categories = |score: &Score, code: &str| -> Vec<String> {
        let holds = |input: &&noteward::Input| input.sources.icd10cm.iter().any(|prefix| code.starts_with(prefix));
        score.inputs().iter().filter(holds).map(|input| input.name.clone()).collect()
    };
    let (charlson, elixhauser) = (score("charlson"), score("elixhauser_van_walraven"));
    let count = |cell: &str| cell.split([' ', ';', '|']).filter(|name| !name.is_empty()).count();
    let quan = rows(&folder.join("icd10cm_to_charlson_elixhauser_quan.csv"));
    for row in &quan {
        let code = &row["icd10cm"];
        assert_eq!(categories(&charlson, code).len(), count(&row["charlson_quan"]), "{code}");
        assert_eq!(categories(&elixhauser, code).len(), count(&row["elixhauser_quan"]), "{code}");
    }
    let ahrq = score("elixhauser_ahrq_mortality");
    let codes = rows(&folder.join("ahrq_cmr_2026_code_map.csv"));
    for row in &codes {
        let mut expected: Vec<String> = row["categories"]
            .split([' ', ';', '|'])
            .map(|name| name.to_lowercase().replace("cbvd_poa", "cbvd").replace("cbvd_sqla", "cbvd"))
            .collect();
        expected.sort();
        let mut found = categories(&ahrq, &row["icd10cm"]);
        found.sort();
        assert_eq!(found, expected, "{}", row["icd10cm"]);
    }
    assert_eq!((quan.len(), codes.len()), (3943, 4567));
}

/// A check that could not fail would be none.
#[test]
fn a_wrong_value_is_found() {
    let row = |expected: &str, rate: &str| {
        set([
            ("expected", expected.to_owned()),
            ("respiratory_rate", rate.to_owned()),
            ("systolic_bp", "90".to_owned()),
            ("altered_mentation", "no".to_owned()),
        ])
    };
    let checked =
        check("qsofa", [row("1", "20"), row("2", "20"), row("2", ""), row("3", ""), row("1", "fast")].into_iter());
    let verdicts: Vec<Verdict> = checked.rows.iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, [Verdict::Equal, Verdict::Differs, Verdict::Within, Verdict::Differs, Verdict::Unreadable]);
    assert!(!checked.agrees());
}
